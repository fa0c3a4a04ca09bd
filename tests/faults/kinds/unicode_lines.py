"""Random Unicode lines as the input of every command that reads lines, and of every tokenizer."""

import json
import random
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from .. import fixtures
from ..case import Case
from ..processes import run_forked
from ..verdict import Outcome, find_problems

COUNT = 1000
LINES = 20  # of a file
PLANES = (
    (0x20, 0x7E), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2FFF), (0x3000, 0x9FFF),
    (0xA000, 0xD7FF), (0xE000, 0xF8FF), (0xF900, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x3FFFF), (0xE0000, 0xE0FFF),
    (0xF0000, 0x10FFFF), (0x1F300, 0x1FAFF), (0xFE00, 0xFE0F), (0x200B, 0x200F),
)  # fmt: skip
CONTROLS = [chr(i) for i in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0x2581)]
INVALID_UTF8 = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82", b"\x80")
WORDS = ("one", "two", "three", "<unk>", "<s>", "\u2581one")


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for number in range(COUNT // LINES):
        rng = random.Random(f"unicode {seed} {number}")
        result.append(Case(f"lines-{number:02}", partial(_check, workdir, rng), count=LINES, seconds=400))
    return result


def draw(rng: random.Random) -> str:
    """Return a random line, which may be empty."""
    pieces = []
    for _ in range(rng.choice((0, 1, 3, 8, 8, 20))):
        kind = rng.random()
        if kind < 0.25:
            pieces.append(rng.choice(WORDS))
        elif kind < 0.35:
            pieces.append(rng.choice(CONTROLS))
        elif kind < 0.45:
            pieces.append(" " * rng.randint(1, 3))
        else:
            low, high = rng.choice(PLANES)
            pieces += [chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4))]
    return "".join(pieces)


def _check(workdir: Path, rng: random.Random, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    # the first line is fixed, since a byte-order mark at the start of a file is not part of the text
    lines = ["one two", *(draw(rng) for _ in range(LINES - 1))]
    text = "".join(line + "\n" for line in lines)
    path = folder / "lines"
    path.write_bytes(text.encode())
    problems: list[str] = []

    def run(*arguments: str | Path, stdin: bytes = b"") -> Outcome:
        outcome = run_forked(folder, *arguments, stdin=stdin, seconds=120)
        problems.extend(f"{arguments[0]} {arguments[1]}: {problem}" for problem in find_problems(outcome, statuses={0}))
        return outcome

    def check_line_count(outcome: Outcome, count: int) -> None:
        if outcome.status == 0 and outcome.out.count(b"\n") != count:
            problems.append(f"{outcome.arguments[:2]}: {outcome.out.count(bytes([10]))} lines for {count}")
        try:
            outcome.out.decode()
        except UnicodeDecodeError as error:
            problems.append(f"{outcome.arguments[:2]}: its output is not UTF-8: {error}")

    for name in ("translator", "subwords"):
        check_line_count(run("translate", files.run(name), "--beams", "2", stdin=text.encode()), LINES)
        check_line_count(run("translate", files.run(name), "--n-best", "2", "--scores", "--input", path), 2 * LINES)
        check_line_count(run("score", files.run(name), "--source", path, "--target", path), LINES)
    run("evaluate", files.run("subwords"), "--source", path, "--reference", path, "--beams", "1", "--json")
    scored = run("evaluate", "--translations", path, "--reference", path, "--json")
    if scored.status == 0 and not _all_exact(scored.out):
        problems.append(f"a file compared with itself has not the best score: {scored.out[:300]!r}")
    for name in ("language", "bytes"):
        outcome = run("score", files.run(name), "--text", path)
        if outcome.status == 0 and [line.partition(b"\t")[2] for line in outcome.out.split(b"\n")[:-1]] != [
            line.encode() for line in lines
        ]:
            problems.append("the scored lines are not those of the file")
        run("evaluate", files.run(name), "--text", path, "--json")
        run("sample", files.run(name), "--prompts", path, "--length", "3")
    invalid = _add_invalid_utf8(rng, lines)
    for arguments in (
        ["translate", files.run("subwords")],
        ["score", files.run("bytes")],
        ["sample", files.run("bytes"), "--prompts", "-", "--length", "2"],
    ):
        outcome = run_forked(folder, *arguments, stdin=invalid)
        problems += [f"invalid UTF-8 to {arguments[0]}: {problem}" for problem in find_problems(outcome, statuses={1})]
    problems += _check_tokenizers(lines)
    return problems


def _all_exact(out: bytes) -> bool:
    scores = json.loads(out)
    return all(abs(part["score"] - 100) < 1e-6 for name, part in scores.items() if "exact" in name.lower())


def _add_invalid_utf8(rng: random.Random, lines: list[str]) -> bytes:
    encoded = [line.encode() for line in lines]
    at = rng.randrange(len(encoded))
    encoded[at] += rng.choice(INVALID_UTF8) + b" x"
    return b"".join(line + b"\n" for line in encoded)


def _check_tokenizers(lines: list[str]) -> list[str]:
    """Check that every tokenizer decodes to the original text, in one call and token by token."""
    from seq2seq.tokenizers import Bytes, Characters, Subwords, Words
    from seq2seq.tokenizers.streaming import IncrementalDecoder

    problems = []
    kinds = [Bytes(), Characters(), Subwords(size=600), Subwords(size=600, algorithm="bpe"), Words()]
    for tokenizer in kinds:
        with warnings.catch_warnings(action="ignore"):
            tokenizer.learn(lines)
        name = type(tokenizer).__name__

        def expected_text(text: str, words: bool = isinstance(tokenizer, Words)) -> str:
            return " ".join(text.split()) if words else text

        for line in lines:
            ids = tokenizer.encode(line)
            if (decoded := tokenizer.decode(ids)) != expected_text(line):
                problems.append(f"{name}: {line!r} is decoded as {decoded!r}")
            decoder = IncrementalDecoder(tokenizer)
            streamed = "".join(map(decoder.push, ids)) + decoder.flush()
            if streamed != decoded:
                problems.append(f"{name}: {line!r} is decoded as {streamed!r} token by token")
        if list(_batch(tokenizer.encode_batch(lines))) != [tokenizer.encode(line) for line in lines]:
            problems.append(f"{name}: encode_batch gives other ids than encode")
    return problems[:5]


def _batch(rows: Iterable[Iterable[int]]) -> Iterable[list[int]]:
    return map(list, rows)
