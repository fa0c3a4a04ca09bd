r"""Escape text so that sentencepiece restores it exactly, and unescape it.

sentencepiece writes a space as U+2581 and reads U+2581 as a space, and it skips training lines with U+2585. Both are
escaped with U+001A, the control character "substitute", and so is U+001A itself.

Every line that is not empty gets one space before it, so that its first word equals the same word within a line. Since
lines are escaped independently, texts that end with a newline can be escaped separately and joined.
"""

import re

# U+001A first, since the other escapes contain it
_ESCAPES = {"\x1a": "\x1a0", "\u2581": "\x1a1", "\u2585": "\x1a2"}
_UNESCAPES = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPED = re.compile("\x1a[012]")


def escape(text: str, at_line_start: bool = True) -> str:
    """Escape reserved characters and put one space before each line that is not empty.

    If `at_line_start` is false, the text starts within a line, and its first line gets no space.
    """
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    spaced = "\n".join([" " + line if line else "" for line in text.split("\n")])
    return spaced if at_line_start else spaced.removeprefix(" ")


def unescape(text: str) -> str:
    """Undo `escape`; an invalid escape sequence is left unchanged."""
    text = text.removeprefix(" ").replace("\n ", "\n")
    return _ESCAPED.sub(lambda match: _UNESCAPES[match[0]], text) if "\x1a" in text else text
