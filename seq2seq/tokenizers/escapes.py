r"""Text as sentencepiece can hold it without loss, and back.

sentencepiece writes a space as U+2581 and reads U+2581 as a space, and it skips training lines with U+2585. Both are
escaped with U+001A, the control character "substitute", and so is U+001A itself.

Every line that is not empty gets one space before it, which makes its first word equal to that word within a line.
Since this looks at one line at a time, texts that end with a newline can be escaped apart and joined.
"""

import re

# U+001A first, since it stands in the others
_ESCAPES = {"\x1a": "\x1a0", "\u2581": "\x1a1", "\u2585": "\x1a2"}
_UNESCAPES = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPED = re.compile("\x1a[012]")


def escape(text: str, line_starts: bool = True) -> str:
    """The text with reserved characters escaped and one space before each line that is not empty.

    Without `line_starts` the text begins within a line, so its first line gets no space.
    """
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    spaced = "\n".join([" " + line if line else "" for line in text.split("\n")])
    return spaced if line_starts else spaced.removeprefix(" ")


def unescape(text: str) -> str:
    """The text that `escape` was given; an escape that is no escape stays as it is."""
    text = text.removeprefix(" ").replace("\n ", "\n")
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[0]], text) if "\x1a" in text else text
