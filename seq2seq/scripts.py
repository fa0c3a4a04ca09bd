"""Writing systems of texts, such as Latin, Han and Arabic, by the Script property of Unicode (UAX #24)."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

_UNSPECIFIC = frozenset({"Zyyy", "Zinh", "Zzzz"})  # of several scripts, of that of the preceding character, unassigned


@cache
def script(character: str) -> str | None:
    """Return the ISO 15924 code of a character's script, such as Latn; None if it belongs to several or none."""
    from fontTools import unicodedata  # imported late, since few commands need it

    code: str = unicodedata.script(character)
    return None if code in _UNSPECIFIC else code


@cache
def script_name(code: str) -> str:
    """Return the English name of a script, such as Latin for Latn."""
    from fontTools import unicodedata

    name: str = unicodedata.script_name(code)
    return name.replace("_", " ")


def count_scripts(texts: Iterable[str]) -> Counter[str]:
    """Count the characters of each script in some texts, by its ISO 15924 code; characters without one do not count."""
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    counts: Counter[str] = Counter()
    for character, count in characters.items():
        if (code := script(character)) is not None:
            counts[code] += count
    return counts
