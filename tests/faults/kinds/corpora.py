"""Generated corpora: a training of two steps trains on the very text, or says one sentence."""

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import fixtures
from ..case import Case
from ..processes import forked
from ..verdict import complaints

NUMBER = 300
MAX_LENGTH = 400  # tokens of a side; longer pairs are left out, and said
STEPS = 4000  # tokens of the one stream of a language model that are read at once
LONG = 1_000_000  # characters of a long line
TOKENIZERS = ("Bytes", "Characters", "{class_path: Subwords, init_args: {size: 400}}", "Words")
TEXTS = (
    "one two three", "Ein Satz, wie er im Buche steht.", "", " ", "  two  spaces  ", "\t", "NA", "null", "N/A", '"',
    '"quoted"', '"open', "'", "a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x0cb", "a\rb", "\rstart", "nul\0inside",
    "\ufeffinside", "汉字汉字", "مرحبا بالعالم", "👩‍👩‍👧‍👦 🎈", "1234567890", "3.14", "e\u0301é", "\u202eright to left",
    "\ufffd", "\U0010ffff", "\u2581word", "<unk> <s> </s> <pad>", "\\n", "{json: 1}", "a,b;c|d", "=1+1", "\x1a", "\x7f",
    "\u200b", "ß ẞ ı İ", "x" * 300, "trailing ", "\x1b[31mred",
)  # fmt: skip
PLAIN = ("one two three", "four five", "six", "seven eight nine ten", "eleven")


class Corpus(NamedTuple):
    """Files, and what of them a training may use."""

    files: dict[str, bytes]
    corpus: str  # what --data.corpus names inside the folder
    task: str  # pairs or text
    columns: tuple[str, ...]
    lawful: bool  # whether it must train; otherwise it may be refused
    pairs: list[tuple[str, str]]  # what a translator may be given
    text: str  # what a language model is given


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for number in range(NUMBER):
        chance = random.Random(f"corpora {seed} {number}")
        form = ("parallel", "tsv", "jsonl", "parquet", "text", "folder", "glob", "single", "shards")[number % 9]
        found.append(Case(f"{number:03}-{form}", partial(_check, stage, form, chance)))
    return found


def draw(chance: random.Random, form: str) -> Corpus:
    """A corpus of a form with odd content, and what must reach the model of it."""
    odd = chance.random() < 0.8
    number = chance.choice((1, 2, 7, 30, 30, 30))
    rows = [(_text(chance, odd), _text(chance, odd)) for _ in range(number)]
    if chance.random() < 0.2:
        rows = rows + rows
    if chance.random() < 0.06:
        rows[0] = ("x" * LONG, rows[0][1])
    if form in ("text", "folder", "glob", "single"):
        return _of_text(chance, form, [a for a, _ in rows])
    return _of_pairs(chance, form, rows)


def _text(chance: random.Random, odd: bool) -> str:
    if not odd or chance.random() < 0.5:
        return chance.choice(PLAIN)
    return chance.choice(TEXTS)


def _file(chance: random.Random, lines: Sequence[str], tsv: bool = False) -> tuple[bytes, list[str], bool]:
    """A text file with odd ends and encodings, the lines that it holds, and whether it is lawful UTF-8."""
    lines = [line.replace("\n", " ") for line in lines]
    if tsv:
        lines = [line.replace("\t", " ") for line in lines]
    end = chance.choice(("\n", "\n", "\n", "\r\n"))
    data = "".join(line + end for line in lines).encode()
    read = [line.removesuffix("\r") for line in lines] if end == "\n" else list(lines)
    if chance.random() < 0.2 and lines and lines[-1]:
        data = data[: -len(end)]
        read[-1] = lines[-1]  # a carriage return is the end of a line only before a newline
    lawful = True
    match chance.choice(("plain",) * 12 + ("mark", "utf-16", "latin-1", "broken", "empty")):
        case "mark":
            data = b"\xef\xbb\xbf" + data
        case "utf-16":
            data, lawful = data.decode().encode("utf-16"), False
        case "latin-1":
            data, lawful = data + b"\xe4\xf6\n", False
        case "broken":
            at = chance.randint(0, len(data))
            data, lawful = data[:at] + b"\xff\xc0" + data[at:], False
        case "empty":
            data, read, lawful = b"", [], False
        case _ if read and data.startswith(b"\xef\xbb\xbf"):
            read[0] = read[0].removeprefix("\ufeff")
    if read and data.startswith(b"\xef\xbb\xbf\xef\xbb\xbf"):
        lawful = lawful and read[0].startswith("\ufeff")
    return data, read, lawful


def _of_pairs(chance: random.Random, form: str, rows: Sequence[tuple[str, str]]) -> Corpus:
    validation = [("one two", "three"), ("four", "five six")]
    files: dict[str, bytes] = {}
    lawful = True
    pairs: list[tuple[str, str]] = []
    if form == "parallel":
        for side in (0, 1):
            text = "".join(row[side] + "\n" for row in validation)
            files[f"validation.{'ab'[side]}"] = text.encode()
        sides = [_file(chance, [row[side] for row in rows]) for side in (0, 1)]
        for (data, _, _), name in zip(sides, "ab", strict=True):
            files[f"train.{name}"] = data
        lawful = all(one[2] for one in sides)
        if chance.random() < 0.1:
            files["train.b"] += b"one more\n"
        pairs = list(zip(*(one[1] for one in sides), strict=False))
        lawful = lawful and len(sides[0][1]) == len(sides[1][1]) and b"one more" not in files["train.b"]
    elif form == "tsv":
        clean = [tuple(value.replace("\t", " ").replace("\n", " ") for value in row) for row in rows]
        data, read, lawful = _file(chance, ["a\tb", *("\t".join(row) for row in clean)], tsv=False)
        split = [tuple(line.split("\t")) for line in read[1:]]
        lawful = lawful and bool(read) and read[0] == "a\tb" and all(len(row) == 2 for row in split)
        pairs = [row for row in split if len(row) == 2]
        files = {"train.tsv": data, "validation.tsv": b"a\tb\none\ttwo\n"}
    else:
        nested = chance.random() < 0.3
        lines = []
        for a, b in rows:
            value: dict[str, Any] = {"a": a, "b": b}
            lines.append({"translation": value} if nested else value)
        pairs = list(rows)
        if form == "parquet":
            files = {"train.parquet": json.dumps(lines).encode(), "validation.parquet": json.dumps(lines[:1]).encode()}
        else:
            ascii_only = chance.random() < 0.5
            text = [json.dumps(line, ensure_ascii=ascii_only) for line in lines]
            if chance.random() < 0.15:
                wrong = chance.choice(
                    ("[1]", "{", '{"a": 1, "b": "x"}', '{"a": "x"}', "null", '{"a": null, "b": "x"}', "[" * 60_000,
                     '{"a": "\\ud800", "b": "x"}', '{"a": "x", "b": "y"} z', "NaN")
                )  # fmt: skip
                text.append(wrong)
                lawful = False
            name = "train-{}.jsonl" if form == "shards" else "train{}.jsonl"
            parts = [text[: len(text) // 2], text[len(text) // 2 :]] if form == "shards" else [text]
            for number, part in enumerate(parts):
                place = name.format(f"{number:02}" if form == "shards" else "")
                files[place] = "".join(line + "\n" for line in part).encode()
            files["validation.jsonl"] = (json.dumps(lines[0]) + "\n").encode()
    pairs = [(a.removesuffix("\n"), b.removesuffix("\n")) for a, b in pairs]
    usable = [pair for pair in pairs if all(pair) and all(len(side) < MAX_LENGTH // 8 for side in pair)]
    return Corpus(files, "", "pairs", ("a", "b"), lawful and bool(usable), pairs, "")


def _of_text(chance: random.Random, form: str, lines: Sequence[str]) -> Corpus:
    data, _, lawful = _file(chance, lines)
    held = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    validation = b"one two three\nfour five\n"
    enough = lawful and len(held.split()) > 30 and "\0" not in held
    if form == "text":
        return Corpus({"train.txt": data, "validation.txt": validation}, "", "text", (), enough, [], held)
    if form == "single":
        return Corpus({"some.txt": data}, "some.txt", "text", (), enough, [], held)
    more = "one last text of words that are plain\n" * 3
    joined = held + ("" if held.endswith("\n") or not held else "\n") + more
    files = {"part-2.txt": data, "part-10.txt": more.encode()}
    if form == "folder" and b"\0" in data[:8192]:
        joined = more  # what holds a NUL is no text, and is left out of a folder, which is said
    if form == "glob":
        return Corpus(files, "part-*.txt", "text", (), enough, [], joined)
    return Corpus({"deep/" + name: held for name, held in files.items()}, "", "text", (), enough, [], joined)


def _check(stage: Path, form: str, chance: random.Random, folder: Path) -> list[str]:
    drawn = draw(chance, form)
    tokenizer = chance.choice(TOKENIZERS)
    place = folder / "corpus"
    for name, data in drawn.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            _parquet(json.loads(data), place / name)
        else:
            (place / name).write_bytes(data)
    reached = folder / "reached.json"
    config = _config(folder, drawn, tokenizer, place)
    fit = ["fit", "--config", config, "--runs", folder / "runs"]
    cache = fixtures.cache_with_kernels(stage, folder / "cache")
    ended = forked(folder, *fit, before=partial(record, reached), seconds=150, SEQ2SEQ_CACHE=cache)
    wrong = complaints(ended, statuses={0, 1})
    if wrong:
        return [f"{form}, {tokenizer}: {one}" for one in wrong]
    if ended.status == 1:
        if drawn.lawful:
            return [f"{form}, {tokenizer}: a lawful corpus was refused: {ended.sentence[:400]!r}"]
        return []
    wrong = compare(drawn, json.loads(reached.read_text(encoding="utf-8")), tokenizer == "Words")
    if drawn.task == "pairs" and form == "parallel":
        wrong += _translate(folder, cache, drawn.files["train.a"])
    return [f"{form}, {tokenizer}: {one}" for one in wrong]


def _config(folder: Path, drawn: Corpus, tokenizer: str, place: Path) -> Path:
    corpus = json.dumps(str(place / drawn.corpus) if drawn.corpus else str(place))
    if drawn.task == "pairs":
        data = f"corpus: {corpus}, source: a, target: b, batch_tokens: 1000000, max_length: {MAX_LENGTH}"
        kinds = "TranslationData", "Translator"
    else:
        data = f"corpus: {corpus}, batch_size: 1, steps: {STEPS}"
        kinds = "LanguageData", "LanguageModel"
    path = folder / "config.yaml"
    path.write_text(
        f"data: {{class_path: {kinds[0]}, init_args: {{{data}, tokenizer: {tokenizer}}}}}\n"
        f"model: {{class_path: {kinds[1]}, init_args: {{size: 8, depth: 1, dropout: 0}}}}\n"
        "trainer: {max_steps: 2, val_check_interval: 1, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}\n",
        encoding="utf-8",
    )
    return path


def record(path: Path) -> None:
    """Write down the text of every batch that a training step is given."""
    from seq2seq.models import LanguageModel, Translator
    from seq2seq.special_tokens import EOS, PAD

    read: list[Any] = []

    def translator(self: Any, batch: Any) -> Any:
        vocabularies = self.trainer.datamodule.vocabularies
        for source, target in zip(batch.source.tolist(), batch.targets.tolist(), strict=True):
            ids = ([i for i in row if i not in (PAD, EOS)] for row in (source, target))
            read.append([t.decode(row) for t, row in zip(vocabularies, ids, strict=True)])
        path.write_text(json.dumps({"step": self.trainer.global_step, "read": read}), encoding="utf-8")
        return original(self, batch)

    def language(self: Any, batch: Any) -> Any:
        read.append([batch.inputs[0].tolist(), batch.targets[0].tolist(), bool(batch.start)])
        tokenizer = self.trainer.datamodule.tokenizer
        first = []
        for inputs, _, start in read:
            if start and first:
                break  # the text begins again
            first += inputs
        last = [i for i in read[0][1] if i != PAD][-1:] if len(read) == 1 else []
        text = tokenizer.decode([i for i in first if i != PAD] + last)
        path.write_text(json.dumps({"step": self.trainer.global_step, "read": text}), encoding="utf-8")
        return spoken(self, batch)

    original, spoken = Translator.training_step, LanguageModel.training_step
    Translator.training_step = translator  # type: ignore[method-assign]
    LanguageModel.training_step = language  # type: ignore[method-assign]


def compare(drawn: Corpus, reached: dict[str, Any], words: bool) -> list[str]:
    """What is wrong with what reached the model: text that is not the corpus's, or text that did not."""
    if drawn.task == "text":
        read, held = reached["read"], drawn.text
        if words:
            read, held = ([line.split() for line in text.split("\n")] for text in (read, held))
            read, held = (" \n ".join(map(" ".join, rows)) for rows in (read, held))
        # a batch may end within a word or a character
        read = read.rstrip("\n ") if words else read.rstrip("\ufffd")
        if not held.startswith(read):
            at = next(i for i, (a, b) in enumerate(zip(read, held + "\0", strict=False)) if a != b)
            return [f"another text: {read[max(0, at - 20) : at + 40]!r}, not {held[max(0, at - 20) : at + 40]!r}"]
        if len(read) < min(0.5 * len(held), 1000) - 20:
            return [f"only {len(read)} of {len(held)} characters were read"]
        return []
    normal = _normal if words else tuple
    wanted = Counter(normal(pair) for pair in drawn.pairs)
    rows = [normal(pair) for pair in reached["read"]]
    seen = Counter(rows)
    twice = 2 if reached["step"] else 1  # two epochs of one batch, or two batches of the first
    wrong = [f"a pair that is none of the corpus: {pair!r}"[:400] for pair in seen if pair not in wanted][:3]
    for pair, count in wanted.items():
        usable = all(pair) and all(len(side) < MAX_LENGTH // 8 for side in pair)
        if usable and not count <= seen[pair] <= twice * count:
            wrong.append(f"{seen[pair]} times in two steps, and {count} times in the corpus: {pair!r}"[:400])
    return wrong[:5]


def _normal(pair: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(side.split()) for side in pair)


def _translate(folder: Path, cache: str, source: bytes) -> list[str]:
    """One line out for each line in."""
    lines = source.count(b"\n") + (not source.endswith(b"\n"))
    if len(source) > 100_000:
        return []
    (run,) = (folder / "runs").glob("*/1")
    translate = ["translate", run, "--beams", "1"]
    ended = forked(folder, *translate, given=source, seconds=120, SEQ2SEQ_CACHE=cache)
    wrong = complaints(ended, statuses={0})
    if not wrong and ended.out.count(b"\n") != lines:
        wrong = [f"{ended.out.count(bytes([10]))} lines of translation for {lines}"]
    return wrong


def _parquet(rows: list[Any], path: Path) -> None:
    """Write it in a fork, since what writes it starts threads."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"{path} could not be written")
