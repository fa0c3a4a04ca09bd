"""Read UTF-8 text in lines, or in blocks of lines."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from seq2seq.errors import UserError, system_errors
from seq2seq.standard_streams import is_pipe, open_pipe_for_reading

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


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
        lines: The encoded lines of a file, from its start.
        name: Name of the file in a UserError about invalid UTF-8.
    """
    for number, data in enumerate(lines, start=1):
        yield decode(data if number > 1 else data.removeprefix(BYTE_ORDER_MARK), name, number)


def read_blocks(path: str | Path, size: int = 65536) -> Iterator[str]:
    """Yield the exact text of a UTF-8 file in blocks of whole lines of up to `size` bytes.

    A longer line is split between two characters. A byte-order mark at the start of the file is dropped.
    """
    with open_file(path) as file, system_errors(f"cannot read {path}"):
        rest = file.read(len(BYTE_ORDER_MARK)).removeprefix(BYTE_ORDER_MARK)
        number = 1
        while True:
            block = rest + file.read(size - len(rest))
            if not block:
                return
            end = _find_block_end(block) if len(block) == size else len(block)
            yield decode(block[:end], path, number)
            number += block.count(b"\n", 0, end)
            rest = block[end:]


def without_line_end(text: str) -> str:
    r"""Remove one "\n" or "\r\n" from the end."""
    return text[:-1].removesuffix("\r") if text.endswith("\n") else text


def open_file(path: str | Path) -> BinaryIO:
    """Open a file for reading bytes; operating system errors become UserErrors."""
    with system_errors(f"cannot read {path}"):
        try:
            file = open_pipe_for_reading(path) if is_pipe(path) else path
            return open(file, "rb", buffering=1 << 18)
        except IsADirectoryError:
            raise UserError(f"{path} is a folder, not a file") from None
        except FileNotFoundError:
            raise UserError(f"there is no file {path}") from None


def decode(data: bytes, path: str | Path, number: int) -> str:
    """Decode UTF-8 bytes that start at line `number` of a file."""
    if number == 1 and _is_utf_16(data):
        raise UserError(f"text must be UTF-8, and {path} is UTF-16")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = number + data.count(b"\n", 0, error.start)
        wrong = f"byte 0x{data[error.start]:02x}"
        raise UserError(f"text must be UTF-8, which {wrong} in {path}, line {line} is not") from None


def _is_utf_16(data: bytes) -> bool:
    """Return whether data starts like UTF-16: with its byte-order mark, or with a zero in every second byte."""
    if data.startswith(UTF_16_BYTE_ORDER_MARKS):
        return True
    head = data[:256]
    even, odd = head[0:-1:2], head[1::2]
    return len(head) > 3 and b"\0" in head and not (any(even) and any(odd)) and 0 not in (even if any(even) else odd)


def _find_block_end(block: bytes) -> int:
    """Return where to cut a full block: after its last line, or before its last character, which may be incomplete."""
    end = block.rfind(b"\n") + 1
    if end:
        return end
    end = len(block) - 1
    while end > len(block) - 4 and block[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    return end if end > 0 else len(block)
