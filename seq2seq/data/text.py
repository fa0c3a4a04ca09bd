"""Reading UTF-8 text: whole lines, or blocks of them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from seq2seq import pipes
from seq2seq.errors import UserError, system_errors

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(path: str | Path) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 file without their ends, holding one line at a time.

    A line ends at "\n" or "\r\n" and nowhere else: a bare "\r", "\v", U+0085 or U+2028 stays inside its line. A
    byte-order mark at the start of the file is dropped. Invalid UTF-8 raises a UserError that names file and line.
    """
    with open_file(path) as file, system_errors(f"cannot read {path}"):
        yield from map(without_line_end, decoded_lines(file, path))


def decoded_lines(lines: Iterable[bytes], name: str | Path) -> Iterator[str]:
    """Yield lines of UTF-8 with their ends, without a byte-order mark.

    Args:
        lines: What is decoded, from its beginning.
        name: The file, in the UserError that names the line which is not UTF-8.
    """
    for number, raw in enumerate(lines, start=1):
        yield decode(raw if number > 1 else raw.removeprefix(BYTE_ORDER_MARK), name, number)


def read_blocks(path: str | Path, size: int = 65536) -> Iterator[str]:
    """Yield the text of a UTF-8 file exactly, in blocks of whole lines of up to `size` bytes.

    A line longer than that is cut between two characters. A byte-order mark at the start of the file is dropped.
    """
    with open_file(path) as file, system_errors(f"cannot read {path}"):
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
    with system_errors(f"cannot read {path}"):
        try:
            place = pipes.open_for_reading(path) if pipes.is_pipe(path) else path
            return open(place, "rb", buffering=1 << 18)
        except IsADirectoryError:
            raise UserError(f"{path} is a folder where a file is meant") from None
        except FileNotFoundError:
            raise UserError(f"there is no file {path}") from None


def decode(raw: bytes, path: str | Path, number: int) -> str:
    """Decode UTF-8 that starts at line `number` of a file."""
    if number == 1 and _is_utf_16(raw):
        raise UserError(f"text must be UTF-8, and {path} is UTF-16")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = number + raw.count(b"\n", 0, error.start)
        found = f"byte 0x{raw[error.start]:02x}"
        raise UserError(f"text must be UTF-8, which {found} in {path}, line {line} is not") from None


def _is_utf_16(raw: bytes) -> bool:
    """Whether a text begins as UTF-16 does: with its mark, or with a letter of one byte in each two."""
    if raw.startswith(UTF_16_MARKS):
        return True
    begin = raw[:256]
    even, odd = begin[0:-1:2], begin[1::2]
    return len(begin) > 3 and b"\0" in begin and not (any(even) and any(odd)) and 0 not in (even if any(even) else odd)


def _block_end(block: bytes) -> int:
    """Where a full block ends: after its last line, or before its last character, which may be incomplete."""
    end = block.rfind(b"\n") + 1
    if end:
        return end
    end = len(block) - 1
    while end > len(block) - 4 and block[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    return end if end > 0 else len(block)
