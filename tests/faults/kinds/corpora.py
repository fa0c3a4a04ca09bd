"""Random corpora: a training of two steps sees exactly the text, or fails with one error line."""

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
from ..processes import run_forked
from ..verdict import find_problems

COUNT = 300
MAX_LENGTH = 400  # tokens of a side; longer pairs are skipped, which is logged
STEPS = 4000  # tokens of a chunk of the single stream of a language model
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
    """Files of a corpus, and the text that a training may use."""

    files: dict[str, bytes]
    corpus: str  # the option --data.corpus, relative to the folder
    task: str  # pairs or text
    columns: tuple[str, ...]
    valid: bool  # whether training must succeed; otherwise the corpus may be refused
    pairs: list[tuple[str, str]]  # for a translator
    text: str  # for a language model


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for number in range(COUNT):
        rng = random.Random(f"corpora {seed} {number}")
        form = ("parallel", "tsv", "jsonl", "parquet", "text", "folder", "glob", "single", "shards")[number % 9]
        result.append(Case(f"{number:03}-{form}", partial(_check, workdir, form, rng)))
    return result


def draw(rng: random.Random, form: str) -> Corpus:
    """Return a random corpus of a form with unusual content, and the text that must reach the model."""
    unusual = rng.random() < 0.8
    number = rng.choice((1, 2, 7, 30, 30, 30))
    rows = [(_text(rng, unusual), _text(rng, unusual)) for _ in range(number)]
    if rng.random() < 0.2:
        rows = rows + rows
    if rng.random() < 0.06:
        rows[0] = ("x" * LONG, rows[0][1])
    if form in ("text", "folder", "glob", "single"):
        return _of_text(rng, form, [a for a, _ in rows])
    return _of_pairs(rng, form, rows)


def _text(rng: random.Random, unusual: bool) -> str:
    if not unusual or rng.random() < 0.5:
        return rng.choice(PLAIN)
    return rng.choice(TEXTS)


def _file(rng: random.Random, lines: Sequence[str], tsv: bool = False) -> tuple[bytes, list[str], bool]:
    """Return a text file with unusual line ends and encodings, its lines, and whether it is valid UTF-8."""
    lines = [line.replace("\n", " ") for line in lines]
    if tsv:
        lines = [line.replace("\t", " ") for line in lines]
    end = rng.choice(("\n", "\n", "\n", "\r\n"))
    data = "".join(line + end for line in lines).encode()
    read = [line.removesuffix("\r") for line in lines] if end == "\n" else list(lines)
    if rng.random() < 0.2 and lines and lines[-1]:
        data = data[: -len(end)]
        read[-1] = lines[-1]  # a carriage return ends a line only before a newline
    valid = True
    match rng.choice(("plain",) * 12 + ("mark", "utf-16", "latin-1", "broken", "empty")):
        case "mark":
            data = b"\xef\xbb\xbf" + data
        case "utf-16":
            data, valid = data.decode().encode("utf-16"), False
        case "latin-1":
            data, valid = data + b"\xe4\xf6\n", False
        case "broken":
            at = rng.randint(0, len(data))
            data, valid = data[:at] + b"\xff\xc0" + data[at:], False
        case "empty":
            data, read, valid = b"", [], False
        case _ if read and data.startswith(b"\xef\xbb\xbf"):
            read[0] = read[0].removeprefix("\ufeff")
    if read and data.startswith(b"\xef\xbb\xbf\xef\xbb\xbf"):
        valid = valid and read[0].startswith("\ufeff")
    return data, read, valid


def _of_pairs(rng: random.Random, form: str, rows: Sequence[tuple[str, str]]) -> Corpus:
    validation = [("one two", "three"), ("four", "five six")]
    files: dict[str, bytes] = {}
    valid = True
    pairs: list[tuple[str, str]] = []
    if form == "parallel":
        for side in (0, 1):
            text = "".join(row[side] + "\n" for row in validation)
            files[f"validation.{'ab'[side]}"] = text.encode()
        sides = [_file(rng, [row[side] for row in rows]) for side in (0, 1)]
        for (data, _, _), name in zip(sides, "ab", strict=True):
            files[f"train.{name}"] = data
        valid = all(one[2] for one in sides)
        if rng.random() < 0.1:
            files["train.b"] += b"one more\n"
        pairs = list(zip(*(one[1] for one in sides), strict=False))
        valid = valid and len(sides[0][1]) == len(sides[1][1]) and b"one more" not in files["train.b"]
    elif form == "tsv":
        clean = [tuple(value.replace("\t", " ").replace("\n", " ") for value in row) for row in rows]
        data, read, valid = _file(rng, ["a\tb", *("\t".join(row) for row in clean)], tsv=False)
        split = [tuple(line.split("\t")) for line in read[1:]]
        valid = valid and bool(read) and read[0] == "a\tb" and all(len(row) == 2 for row in split)
        pairs = [row for row in split if len(row) == 2]
        files = {"train.tsv": data, "validation.tsv": b"a\tb\none\ttwo\n"}
    else:
        nested = rng.random() < 0.3
        lines = []
        for a, b in rows:
            value: dict[str, Any] = {"a": a, "b": b}
            lines.append({"translation": value} if nested else value)
        pairs = list(rows)
        if form == "parquet":
            files = {"train.parquet": json.dumps(lines).encode(), "validation.parquet": json.dumps(lines[:1]).encode()}
        else:
            ascii_only = rng.random() < 0.5
            text = [json.dumps(line, ensure_ascii=ascii_only) for line in lines]
            if rng.random() < 0.15:
                invalid_line = rng.choice(
                    ("[1]", "{", '{"a": 1, "b": "x"}', '{"a": "x"}', "null", '{"a": null, "b": "x"}', "[" * 60_000,
                     '{"a": "\\ud800", "b": "x"}', '{"a": "x", "b": "y"} z', "NaN")
                )  # fmt: skip
                text.append(invalid_line)
                valid = False
            name = "train-{}.jsonl" if form == "shards" else "train{}.jsonl"
            parts = [text[: len(text) // 2], text[len(text) // 2 :]] if form == "shards" else [text]
            for number, part in enumerate(parts):
                file_name = name.format(f"{number:02}" if form == "shards" else "")
                files[file_name] = "".join(line + "\n" for line in part).encode()
            files["validation.jsonl"] = (json.dumps(lines[0]) + "\n").encode()
    pairs = [(a.removesuffix("\n"), b.removesuffix("\n")) for a, b in pairs]
    usable = [pair for pair in pairs if all(pair) and all(len(side) < MAX_LENGTH // 8 for side in pair)]
    return Corpus(files, "", "pairs", ("a", "b"), valid and bool(usable), pairs, "")


def _of_text(rng: random.Random, form: str, lines: Sequence[str]) -> Corpus:
    data, _, valid = _file(rng, lines)
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    validation = b"one two three\nfour five\n"
    enough = valid and len(text.split()) > 30 and "\0" not in text
    if form == "text":
        return Corpus({"train.txt": data, "validation.txt": validation}, "", "text", (), enough, [], text)
    if form == "single":
        return Corpus({"some.txt": data}, "some.txt", "text", (), enough, [], text)
    more = "one last text of words that are plain\n" * 3
    joined = text + ("" if text.endswith("\n") or not text else "\n") + more
    files = {"part-2.txt": data, "part-10.txt": more.encode()}
    if form == "folder" and b"\0" in data[:8192]:
        joined = more  # a file with a NUL is not text and is skipped in a folder, which is logged
    if form == "glob":
        return Corpus(files, "part-*.txt", "text", (), enough, [], joined)
    return Corpus({"deep/" + name: content for name, content in files.items()}, "", "text", (), enough, [], joined)


def _check(workdir: Path, form: str, rng: random.Random, folder: Path) -> list[str]:
    corpus = draw(rng, form)
    tokenizer = rng.choice(TOKENIZERS)
    corpus_folder = folder / "corpus"
    for name, data in corpus.files.items():
        (corpus_folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            _parquet(json.loads(data), corpus_folder / name)
        else:
            (corpus_folder / name).write_bytes(data)
    reached = folder / "reached.json"
    config = _config(folder, corpus, tokenizer, corpus_folder)
    fit = ["fit", "--config", config, "--runs", folder / "runs"]
    cache = fixtures.cache_with_kernels(workdir, folder / "cache")
    outcome = run_forked(folder, *fit, setup=partial(record, reached), seconds=150, SEQ2SEQ_CACHE=cache)
    problems = find_problems(outcome, statuses={0, 1})
    if problems:
        return [f"{form}, {tokenizer}: {problem}" for problem in problems]
    if outcome.status == 1:
        if corpus.valid:
            return [f"{form}, {tokenizer}: a valid corpus was refused: {outcome.last_line[:400]!r}"]
        return []
    problems = compare(corpus, json.loads(reached.read_text(encoding="utf-8")), tokenizer == "Words")
    if corpus.task == "pairs" and form == "parallel":
        problems += _translate(folder, cache, corpus.files["train.a"])
    return [f"{form}, {tokenizer}: {problem}" for problem in problems]


def _config(folder: Path, corpus: Corpus, tokenizer: str, corpus_folder: Path) -> Path:
    path_option = json.dumps(str(corpus_folder / corpus.corpus) if corpus.corpus else str(corpus_folder))
    if corpus.task == "pairs":
        data = f"corpus: {path_option}, source: a, target: b, batch_tokens: 1000000, max_length: {MAX_LENGTH}"
        kinds = "TranslationData", "Translator"
    else:
        data = f"corpus: {path_option}, batch_size: 1, steps: {STEPS}"
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
    """Record the text of every batch of a training step in a file."""
    from seq2seq.special_tokens import EOS, PAD
    from seq2seq.training.language_model import LanguageModel
    from seq2seq.training.translator import Translator

    read: list[Any] = []

    def record_translator(self: Any, batch: Any) -> Any:
        vocabularies = self.trainer.datamodule.vocabularies
        for source, target in zip(batch.source.tolist(), batch.targets.tolist(), strict=True):
            ids = ([i for i in row if i not in (PAD, EOS)] for row in (source, target))
            read.append([t.decode(row) for t, row in zip(vocabularies, ids, strict=True)])
        path.write_text(json.dumps({"step": self.trainer.global_step, "read": read}), encoding="utf-8")
        return translator_step(self, batch)

    def record_language_model(self: Any, batch: Any) -> Any:
        read.append([batch.inputs[0].tolist(), batch.targets[0].tolist(), bool(batch.start)])
        tokenizer = self.trainer.datamodule.tokenizer
        first = []
        for inputs, _, start in read:
            if start and first:
                break  # the text starts again
            first += inputs
        last = [i for i in read[0][1] if i != PAD][-1:] if len(read) == 1 else []
        text = tokenizer.decode([i for i in first if i != PAD] + last)
        path.write_text(json.dumps({"step": self.trainer.global_step, "read": text}), encoding="utf-8")
        return language_model_step(self, batch)

    translator_step, language_model_step = Translator.training_step, LanguageModel.training_step
    Translator.training_step = record_translator  # type: ignore[method-assign]
    LanguageModel.training_step = record_language_model  # type: ignore[method-assign]


def compare(corpus: Corpus, reached: dict[str, Any], words: bool) -> list[str]:
    """Return the differences between the recorded text and the corpus."""
    if corpus.task == "text":
        read, expected = reached["read"], corpus.text
        if words:
            read, expected = ([line.split() for line in text.split("\n")] for text in (read, expected))
            read, expected = (" \n ".join(map(" ".join, rows)) for rows in (read, expected))
        # a batch may end inside a word or a character
        read = read.rstrip("\n ") if words else read.rstrip("\ufffd")
        if not expected.startswith(read):
            at = next(i for i, (a, b) in enumerate(zip(read, expected + "\0", strict=False)) if a != b)
            return [f"different text: {read[max(0, at - 20) : at + 40]!r}, not {expected[max(0, at - 20) : at + 40]!r}"]
        if len(read) < min(0.5 * len(expected), 1000) - 20:
            return [f"only {len(read)} of {len(expected)} characters were read"]
        return []
    normalize = _normalize if words else tuple
    expected_counts = Counter(normalize(pair) for pair in corpus.pairs)
    counts = Counter(normalize(pair) for pair in reached["read"])
    repeats = 2 if reached["step"] else 1  # two epochs of one batch, or two batches of the first
    problems = [f"a pair that is not in the corpus: {pair!r}"[:400] for pair in counts if pair not in expected_counts][
        :3
    ]
    for pair, count in expected_counts.items():
        usable = all(pair) and all(len(side) < MAX_LENGTH // 8 for side in pair)
        if usable and not count <= counts[pair] <= repeats * count:
            problems.append(f"{counts[pair]} times in two steps, and {count} times in the corpus: {pair!r}"[:400])
    return problems[:5]


def _normalize(pair: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(side.split()) for side in pair)


def _translate(folder: Path, cache: str, source: bytes) -> list[str]:
    """Check that there is one translation for each line."""
    lines = source.count(b"\n") + (not source.endswith(b"\n"))
    if len(source) > 100_000:
        return []
    (run,) = (folder / "runs").glob("*/1")
    translate = ["translate", run, "--beams", "1"]
    outcome = run_forked(folder, *translate, stdin=source, seconds=120, SEQ2SEQ_CACHE=cache)
    problems = find_problems(outcome, statuses={0})
    if not problems and outcome.out.count(b"\n") != lines:
        problems = [f"{outcome.out.count(bytes([10]))} lines of translation for {lines}"]
    return problems


def _parquet(rows: list[Any], path: Path) -> None:
    """Write a file in a fork, since pyarrow starts threads."""
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
