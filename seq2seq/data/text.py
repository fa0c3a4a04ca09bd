"""Reading UTF-8 text: whole lines, or blocks of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seq2seq.errors import UserError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: str | Path) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 file without their ends, holding one line at a time.

    A line ends at "\n" or "\r\n" and nowhere else: a bare "\r", "\v", U+0085 or U+2028 stays inside its line. A
    byte-order mark at the start of the file is dropped. Invalid UTF-8 raises a ValueError that names file and line.
    """
    with open_file(path) as file:
        for number, raw in enumerate(file, start=1):
            if number == 1:
                raw = raw.removeprefix(BYTE_ORDER_MARK)
            yield without_line_end(decode(raw, path, number))


def read_blocks(path: str | Path, size: int = 65536) -> Iterator[str]:
    """Yield the text of a UTF-8 file exactly, in blocks of whole lines of up to `size` bytes.

    A line longer than that is cut between two characters. A byte-order mark at the start of the file is dropped.
    """
    with open_file(path) as file:
        rest = file.read(len(BYTE_ORDER_MARK)).removeprefix(BYTE_ORDER_MARK)
        number = 1
        while True:
            block = rest + file.read(size - len(rest))
            if not block:
                return
            end = _block_end(block) if len(block) == size else len(block)
            yield decode(block[:end], path, number)
            number += block.count(b"\n", 0, end)
            rest = block[end:]


def without_line_end(text: str) -> str:
    r"""Remove one "\n" or "\r\n" from the end."""
    return text[:-1].removesuffix("\r") if text.endswith("\n") else text


def open_file(path: str | Path) -> BinaryIO:
    """Open a file for reading bytes, with errors in plain words."""
    try:
        return open(path, "rb", buffering=1 << 18)
    except IsADirectoryError:
        raise UserError(f"{path} is a folder where a file is meant") from None
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None


def decode(raw: bytes, path: str | Path, number: int) -> str:
    """Decode UTF-8 that starts at line `number` of a file."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = number + raw.count(b"\n", 0, error.start)
        found = f"byte 0x{raw[error.start]:02x}"
        raise UserError(f"text must be UTF-8, which {found} in {path}, line {line} is not") from None


def _block_end(block: bytes) -> int:
    """Where a full block ends: after its last line, or before its last character, which may be incomplete."""
    end = block.rfind(b"\n") + 1
    if end:
        return end
    end = len(block) - 1
    while end > len(block) - 4 and block[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    return end if end > 0 else len(block)
