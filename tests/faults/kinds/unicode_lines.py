"""Lines of random Unicode through every command that reads lines, and through every tokenizer."""

import json
import random
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from .. import fixtures
from ..case import Case
from ..processes import forked
from ..verdict import Outcome, complaints

NUMBER = 1000
AT_ONCE = 20  # lines of one file
PLANES = (
    (0x20, 0x7E), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2FFF), (0x3000, 0x9FFF),
    (0xA000, 0xD7FF), (0xE000, 0xF8FF), (0xF900, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x3FFFF), (0xE0000, 0xE0FFF),
    (0xF0000, 0x10FFFF), (0x1F300, 0x1FAFF), (0xFE00, 0xFE0F), (0x200B, 0x200F),
)  # fmt: skip
CONTROLS = [chr(i) for i in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0x2581)]
BROKEN = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82", b"\x80")
WORDS = ("one", "two", "three", "<unk>", "<s>", "\u2581one")


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for number in range(NUMBER // AT_ONCE):
        chance = random.Random(f"unicode {seed} {number}")
        found.append(Case(f"lines-{number:02}", partial(_check, stage, chance), count=AT_ONCE, seconds=400))
    return found


def draw(chance: random.Random) -> str:
    """One line, which may be empty."""
    pieces = []
    for _ in range(chance.choice((0, 1, 3, 8, 8, 20))):
        kind = chance.random()
        if kind < 0.25:
            pieces.append(chance.choice(WORDS))
        elif kind < 0.35:
            pieces.append(chance.choice(CONTROLS))
        elif kind < 0.45:
            pieces.append(" " * chance.randint(1, 3))
        else:
            low, high = chance.choice(PLANES)
            pieces += [chr(chance.randint(low, high)) for _ in range(chance.randint(1, 4))]
    return "".join(pieces)


def _check(stage: Path, chance: random.Random, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    # a byte-order mark at the start of a file is none of its text
    lines = ["one two", *(draw(chance) for _ in range(AT_ONCE - 1))]
    text = "".join(line + "\n" for line in lines)
    path = folder / "lines"
    path.write_bytes(text.encode())
    wrong: list[str] = []

    def run(*arguments: str | Path, given: bytes = b"") -> Outcome:
        ended = forked(folder, *arguments, given=given, seconds=120)
        wrong.extend(f"{arguments[0]} {arguments[1]}: {one}" for one in complaints(ended, statuses={0}))
        return ended

    def equal(ended: Outcome, number: int) -> None:
        if ended.status == 0 and ended.out.count(b"\n") != number:
            wrong.append(f"{ended.arguments[:2]}: {ended.out.count(bytes([10]))} lines for {number}")
        try:
            ended.out.decode()
        except UnicodeDecodeError as error:
            wrong.append(f"{ended.arguments[:2]}: its output is no UTF-8: {error}")

    for name in ("translator", "subwords"):
        equal(run("translate", made.run(name), "--beams", "2", given=text.encode()), AT_ONCE)
        equal(run("translate", made.run(name), "--n-best", "2", "--scores", "--input", path), 2 * AT_ONCE)
        equal(run("score", made.run(name), "--source", path, "--target", path), AT_ONCE)
    run("evaluate", made.run("subwords"), "--source", path, "--reference", path, "--beams", "1", "--json")
    scored = run("evaluate", "--translations", path, "--reference", path, "--json")
    if scored.status == 0 and not _all_right(scored.out):
        wrong.append(f"a file is not its own best translation: {scored.out[:300]!r}")
    for name in ("language", "bytes"):
        ended = run("score", made.run(name), "--text", path)
        if ended.status == 0 and [line.partition(b"\t")[2] for line in ended.out.split(b"\n")[:-1]] != [
            line.encode() for line in lines
        ]:
            wrong.append("the scored lines are not those of the file")
        run("evaluate", made.run(name), "--text", path, "--json")
        run("sample", made.run(name), "--prompts", path, "--length", "3")
    broken = _broken(chance, lines)
    for arguments in (
        ["translate", made.run("subwords")],
        ["score", made.run("bytes")],
        ["sample", made.run("bytes"), "--prompts", "-", "--length", "2"],
    ):
        ended = forked(folder, *arguments, given=broken)
        wrong += [f"broken UTF-8 to {arguments[0]}: {one}" for one in complaints(ended, statuses={1})]
    wrong += _tokenizers(lines)
    return wrong


def _all_right(out: bytes) -> bool:
    scores = json.loads(out)
    return all(abs(part["score"] - 100) < 1e-6 for name, part in scores.items() if "exact" in name.lower())


def _broken(chance: random.Random, lines: list[str]) -> bytes:
    encoded = [line.encode() for line in lines]
    at = chance.randrange(len(encoded))
    encoded[at] += chance.choice(BROKEN) + b" x"
    return b"".join(line + b"\n" for line in encoded)


def _tokenizers(lines: list[str]) -> list[str]:
    """Every tokenizer that promises it gives the very text back, whole and piece by piece."""
    from seq2seq.tokenizers import Bytes, Characters, Subwords, Words
    from seq2seq.tokenizers.streaming import Decoder

    wrong = []
    kinds = [Bytes(), Characters(), Subwords(size=600), Subwords(size=600, algorithm="bpe"), Words()]
    for tokenizer in kinds:
        with warnings.catch_warnings(action="ignore"):
            tokenizer.learn(lines)
        name = type(tokenizer).__name__

        def promised(text: str, words: bool = isinstance(tokenizer, Words)) -> str:
            return " ".join(text.split()) if words else text

        for line in lines:
            ids = tokenizer.encode(line)
            if (back := tokenizer.decode(ids)) != promised(line):
                wrong.append(f"{name}: {line!r} comes back as {back!r}")
            decoder = Decoder(tokenizer)
            streamed = "".join(map(decoder.push, ids)) + decoder.flush()
            if streamed != back:
                wrong.append(f"{name}: {line!r} comes back as {streamed!r} id by id")
        if list(_batch(tokenizer.encode_batch(lines))) != [tokenizer.encode(line) for line in lines]:
            wrong.append(f"{name}: several lines at once have other ids")
    return wrong[:5]


def _batch(rows: Iterable[Iterable[int]]) -> Iterable[list[int]]:
    return map(list, rows)
