"""Writing systems of texts, such as Latin, Han and Arabic, by the Script property of Unicode (UAX #24)."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import islice

_UNSPECIFIC = frozenset({"Zyyy", "Zinh", "Zzzz"})  # of several scripts, of that of the preceding character, unassigned
_MAX_LINES = 10_000  # that decide on the main script
# letters that a character stands for, when it is weighed against the letters of other scripts
_LETTERS = {"Hani": 4, "Hang": 2, "Hira": 2, "Kana": 2}
_MIN_KANA = 0.1  # of Han and kana together: Japanese has more, and Chinese with a few Japanese names has less


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


def main_script(texts: Iterable[str]) -> str | None:
    """Return the ISO 15924 code of the script that most of a text is in, Jpan for Japanese; None without any letters.

    Args:
        texts: Lines, of which the first 10,000 are read.
    """
    counts = count_scripts(islice(texts, _MAX_LINES))
    kana = counts["Hira"] + counts["Kana"]
    if kana and kana >= _MIN_KANA * (kana + counts["Hani"]):
        counts["Jpan"] = kana * _LETTERS["Hira"] + counts.pop("Hani", 0) * _LETTERS["Hani"]
        del counts["Hira"], counts["Kana"]
    weights = {code: count * _LETTERS.get(code, 1) for code, count in counts.items() if count}
    return max(weights, key=weights.__getitem__, default=None)
