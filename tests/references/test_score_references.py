"""`seq2seq evaluate` against the `sacrebleu` command, on the same two files."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from agreement import Compare

LINES = [
    "The ferry leaves at half past seven, but nobody told the harbour master.",
    'Zwölf Boxkämpfer jagten "Eva" quer über den 1.500 Meter langen Deich - vergeblich!',
    "Où est-ce qu'on mange ce soir ? Chez l'oncle, peut-être.",
    "Prices rose by 3.5% (see page 12); rents didn't.",
    "Ночью шёл снег, и утром сад был совсем белым.",
    "a",
    "She said: \"Don't wait for me -- I'll take the 9:45 train.\"",
    "我们明天去图书馆看书。",
    "¿Quién dejó la ventana abierta? ¡Hace un frío terrible!",
    "The quick fox, the QUICK fox and The Quick Fox are one & the same.",
]
OPTIONS = {False: ["--ter-case-sensitive"], True: ["--lowercase", "--chrf-lowercase"]}


def noisy(line: str) -> str:
    """Return the line with words left out, doubled, moved and in another case, as in a translation."""
    words: list[str] = []
    for word in line.split():
        words += random.choice([[word]] * 6 + [[], [word, word], [word.upper()], [word[::-1]]])
    if len(words) > 3 and random.random() < 0.5:
        cut = random.randrange(1, len(words))
        words = words[cut:] + words[:cut]
    return " ".join(words)


def json_output(*command: str) -> Any:
    return json.loads(subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True).stdout)


@pytest.mark.parametrize("lowercase", [False, True])
def test_bleu_chrf_and_ter(compare: Compare, tmp_path: Path, lowercase: bool) -> None:
    random.seed(6)
    reference, translations = tmp_path / "reference", tmp_path / "translations"
    references = [line for line in LINES for _ in range(8)]
    reference.write_text("".join(f"{line}\n" for line in references), encoding="utf-8")
    translations.write_text("".join(f"{noisy(line)}\n" for line in references), encoding="utf-8")
    options = ["--translations", str(translations), "--reference", str(reference), "--json"]
    ours = json_output("seq2seq", "evaluate", *options, *(["--lowercase"] if lowercase else []))
    metrics = ["--metrics", "bleu", "chrf", "ter", "--width", "12", "--format", "json"]
    theirs = json_output("sacrebleu", str(reference), "--input", str(translations), *metrics, *OPTIONS[lowercase])
    comparison = compare("evaluate", "sacrebleu", "BLEU, chrF and TER of the same files, and their signatures", 1e-9)
    for expected in theirs:
        name = {"chrF2": "chrF"}.get(expected["name"], expected["name"])
        assert 5 < expected["score"] < 95, "a score near 0 or 100 is no test"
        comparison.equal("signatures", ours[name]["signature"], expected["signature"])
        difference = abs(ours[name]["score"] - expected["score"]) / expected["score"]
        comparison.agreement.record(comparison.row, "scores", difference)
        assert difference < comparison.tolerance, name
    assert len(theirs) == 3
