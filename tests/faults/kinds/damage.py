"""Truncated and flipped files: refused in one sentence, or made again, and never believed."""

import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import fixtures, states
from ..case import Case
from ..processes import forked
from ..verdict import Outcome, complaints

CHECKPOINTS = 160  # damages of checkpoints
CACHES = 60  # of each kind of file in the cache but the kernels
KERNELS = 4  # each is compiled anew
TOKENIZERS = 60
SHORTLISTS = 40
TEXTS = 30  # of each format of a corpus, and of configurations
FORMATS = ("parallel", "tsv", "jsonl", "parquet", "text")


class Damage(NamedTuple):
    """What is done to a file."""

    how: str
    place: float  # a part of its length
    bit: int = 0

    def do(self, path: Path) -> None:
        held = bytearray(path.read_bytes())
        at = min(int(self.place * len(held)), max(0, len(held) - 1))
        match self.how:
            case "flip" if held:
                held[at] ^= 1 << self.bit
            case "cut":
                del held[at:]
            case "zero":
                held[at : at + 512] = bytes(len(held[at : at + 512]))
            case "swap":  # two pages of its size
                half = len(held) // 2
                held = held[half:] + held[:half]
            case "longer":
                held += bytes(self.bit + 1)
            case "empty":
                held.clear()
        path.write_bytes(held)


def draw(chance: random.Random, most_at_ends: bool = True) -> Damage:
    how = chance.choice(("flip", "flip", "flip", "flip", "cut", "cut", "zero", "swap", "longer", "empty"))
    place = chance.random()
    if most_at_ends and chance.random() < 0.5:  # headers and records of the end
        place = chance.choice((place * 0.02, 1 - place * 0.02))
    return Damage(how, place, chance.randint(0, 7))


def cases(stage: Path, seed: int) -> list[Case]:
    found = []

    def add(name: str, number: int, check: Callable[[random.Random, Path], list[str]]) -> None:
        for trial in range(number):
            chance = random.Random(f"damage {seed} {name} {trial}")
            found.append(Case(f"{name}-{trial:03}", partial(check, chance)))

    for model in ("translator", "subwords", "language", "quantized"):
        add(f"checkpoint-{model}", CHECKPOINTS // 4, partial(_checkpoint, stage, model))
    for part in ("corpora", "pairs", "tokenizers", "ids", "sum"):
        add(f"cache-{part}", CACHES, partial(_cache, stage, part))
    add("cache-kernels", KERNELS, partial(_kernels, stage))
    for name in ("subwords", "words"):
        add(f"tokenizer-{name}", TOKENIZERS // 2, partial(_tokenizer, stage, name))
    add("shortlist", SHORTLISTS, partial(_shortlist, stage))
    for form in FORMATS:
        add(f"corpus-{form}", TEXTS, partial(_corpus, stage, form))
    add("config", TEXTS, partial(_config, stage))
    add("resume", TEXTS, partial(_resume, stage))
    return found


def prepare(stage: Path, chosen: Sequence[Case]) -> None:
    """What the commands answer with whole files, and what a short training ends with."""
    made = fixtures.of(stage)
    answers = stage / "answers"
    answers.mkdir()
    for name in ("translator", "subwords", "language", "quantized"):
        _write(answers / name, forked(stage, *_use(made, name, _checkpoint_of(made, name))))
    _write(answers / "shortlist", forked(stage, *_with_shortlist(made, made.shortlist)))
    for name in ("subwords", "words"):
        path = made.tokenizer if name == "subwords" else made.words
        _write(answers / f"tokenizer-{name}", _fit(made, stage, "tokenizer-" + name, "--data.tokenizer", path))
    fixtures.cache_with_kernels(stage, stage / "cache")
    for name in ("subwords", "language"):
        _write(answers / f"fit-{name}", _fit(made, stage, name, cache=stage / "cache"))
    for form in FORMATS:
        corpus_of(made, form, stage / form)


def _write(path: Path, ended: Outcome) -> None:
    if wrong := complaints(ended, statuses={0}):
        raise RuntimeError(f"{ended.arguments} with whole files: {wrong}")
    path.write_bytes(ended.out)


def _checkpoint_of(made: fixtures.Fixtures, name: str) -> Path:
    return made.quantized if name == "quantized" else made.checkpoint(name)


def _use(made: fixtures.Fixtures, name: str, path: Path) -> list[str | Path]:
    if name == "language":
        return ["score", path, "--text", made.sources, "--tokens"]
    return ["translate", path, "--input", made.sources, "--scores"]


def _with_shortlist(made: fixtures.Fixtures, path: Path) -> list[str | Path]:
    return ["translate", made.run("translator"), "--input", made.sources, "--scores", "--shortlist", path]


def _fit(
    made: fixtures.Fixtures,
    folder: Path,
    name: str,
    *options: str | Path,
    cache: Path | None = None,
) -> Outcome:
    config = made.config("translator" if name.startswith("tokenizer-") else name)
    fit = ["fit", "--config", config, "--runs", folder / "runs", "--name", name]
    variables = {} if cache is None else {"SEQ2SEQ_CACHE": str(cache)}
    short = ["--trainer.max_steps", "3", "--trainer.val_check_interval", "3"]
    return forked(folder, *fit, *short, *options, **variables)


def judged(ended: Outcome, answer: bytes, words: Sequence[str] = ()) -> list[str]:
    """What is wrong with a command whose file was damaged: neither refused nor the right answer."""
    wrong = complaints(ended, statuses={0, 1})
    if wrong:
        return wrong
    if ended.status == 0 and ended.out != answer:
        return [f"another answer: {ended.out[:200]!r} instead of {answer[:200]!r}"]
    if ended.status == 1 and words and not any(word in ended.sentence for word in words):
        return [f"the sentence does not name the file: {ended.sentence[:300]!r}"]
    return []


def _checkpoint(stage: Path, name: str, chance: random.Random, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    path = folder / "damaged.ckpt"
    shutil.copyfile(_checkpoint_of(made, name), path)
    damage = draw(chance)
    damage.do(path)
    wrong = judged(forked(folder, *_use(made, name, path)), (stage / "answers" / name).read_bytes(), ["damaged.ckpt"])
    return [f"{damage}: {line}" for line in wrong]


def _cache(stage: Path, part: str, chance: random.Random, folder: Path) -> list[str]:
    """Train a few steps with a damaged cache: the weights are those of a training with a whole one."""
    made = fixtures.of(stage)
    cache = folder / "cache"
    shutil.copytree(stage / "cache", cache)
    ending = ".sum" if part == "sum" else ""
    found = sorted(
        path
        for path in cache.rglob("*")
        if path.is_file() and path.suffix != ".lock" and (path.suffix == ".sum") == (part == "sum")
        and (part == "sum" or part in path.parts)
    )  # fmt: skip
    if not found:
        return [f"the cache has no {part}{ending}: {sorted(str(p.relative_to(cache)) for p in cache.rglob('*'))}"]
    damaged = chance.choice(found)
    damage = draw(chance)
    damage.do(damaged)
    names = (
        ("language",)
        if part == "ids"
        else ("subwords",)
        if part in ("pairs", "tokenizers")
        else ("subwords", "language")
    )
    wrong = []
    for name in names:
        ended = _fit(made, folder, name, cache=cache)
        wrong += complaints(ended, statuses={0})
        if not wrong:
            wrong += states.differences(stage / "runs" / name / "1", folder / "runs" / name / "1")
    return [f"{damage} of {damaged.relative_to(cache)}: {line}" for line in wrong]


def _kernels(stage: Path, chance: random.Random, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    cache = folder / "cache"
    shutil.copytree(made.cache, cache)
    (library,) = cache.glob("kernels/*.so")
    damage = draw(chance, most_at_ends=False)
    damage.do(library)
    ended = forked(folder, *_use(made, "quantized", made.quantized), seconds=200, SEQ2SEQ_CACHE=str(cache))
    return [f"{damage}: {line}" for line in judged(ended, (stage / "answers" / "quantized").read_bytes())]


def _tokenizer(stage: Path, name: str, chance: random.Random, folder: Path) -> list[str]:
    """Train with a damaged tokenizer: refused, or the same training."""
    made = fixtures.of(stage)
    path = folder / "damaged.json"
    shutil.copyfile(made.tokenizer if name == "subwords" else made.words, path)
    damage = draw(chance)
    damage.do(path)
    ended = _fit(made, folder, f"tokenizer-{name}", "--data.tokenizer", path)
    wrong = complaints(ended, statuses={0, 1})
    if not wrong and ended.status == 0:
        runs = (root / "runs" / f"tokenizer-{name}" / "1" for root in (stage, folder))
        wrong = states.differences(*runs)
    return [f"{damage}: {line}" for line in wrong]


def _shortlist(stage: Path, chance: random.Random, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    path = folder / "damaged.shortlist"
    shutil.copyfile(made.shortlist, path)
    damage = draw(chance)
    damage.do(path)
    answer = (stage / "answers" / "shortlist").read_bytes()
    wrong = judged(forked(folder, *_with_shortlist(made, path)), answer, ["damaged.shortlist"])
    return [f"{damage}: {line}" for line in wrong]


def corpus_of(made: fixtures.Fixtures, form: str, folder: Path) -> None:
    """The corpus of the fixtures in another format."""
    import json

    folder.mkdir()
    for split in ("train", "validation"):
        sides = [(made.corpus / f"{split}.{side}").read_text(encoding="utf-8").splitlines() for side in "ab"]
        rows = list(zip(*sides, strict=True))
        match form:
            case "parallel":
                for side in "ab":
                    shutil.copyfile(made.corpus / f"{split}.{side}", folder / f"{split}.{side}")
            case "tsv":
                text = "".join(f"{a}\t{b}\n" for a, b in [("a", "b"), *rows])
                (folder / f"{split}.tsv").write_text(text, encoding="utf-8")
            case "jsonl":
                text = "".join(json.dumps({"a": a, "b": b}, ensure_ascii=False) + "\n" for a, b in rows)
                (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
            case "parquet":
                _write_parquet(rows, folder / f"{split}.parquet")
            case "text":
                shutil.copyfile(made.corpus / "text" / f"{split}.txt", folder / f"{split}.txt")


def _write_parquet(rows: Sequence[tuple[str, str]], path: Path) -> None:
    """Write it in a fork, since what writes it starts threads."""
    import os

    child = os.fork()
    if child == 0:
        status = 1
        try:
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.table({"a": [a for a, _ in rows], "b": [b for _, b in rows]}), path)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"{path} could not be written")


def _corpus(stage: Path, form: str, chance: random.Random, folder: Path) -> list[str]:
    """A damaged corpus carries no checksum: it is trained on or refused, in one sentence and without a hang."""
    made = fixtures.of(stage)
    shutil.copytree(stage / form, folder / "corpus")
    damaged = chance.choice(sorted((folder / "corpus").iterdir()))
    damage = draw(chance)
    damage.do(damaged)
    name = "language" if form == "text" else "translator"
    fixtures.cache_with_kernels(stage, folder / "cache")
    ended = _fit(made, folder, name, "--data.corpus", folder / "corpus", cache=folder / "cache")
    return [f"{damage} of {damaged.name}: {line}" for line in complaints(ended, statuses={0, 1})]


def _config(stage: Path, chance: random.Random, folder: Path) -> list[str]:
    """A damaged configuration is another one, which is trained or refused in one sentence."""
    made = fixtures.of(stage)
    name = chance.choice(("translator", "language"))
    path = folder / f"{name}.yaml"
    shutil.copyfile(made.config(name), path)
    damage = draw(chance, most_at_ends=False)
    damage.do(path)
    fit = ["fit", "--config", path, "--runs", folder / "runs", "--trainer.max_steps", "3"]
    ended = forked(folder, *fit, seconds=100)
    return [f"{damage}: {line}" for line in complaints(ended, statuses={0, 1, 2})]


def _resume(stage: Path, chance: random.Random, folder: Path) -> list[str]:
    """A run with a damaged file in its folder is refused, or goes on as if it were whole."""
    made = fixtures.of(stage)
    run = folder / "runs" / "language" / "1"
    shutil.copytree(made.run("language"), run)
    found = [path for path in sorted(run.rglob("*")) if path.is_file() and "logs" not in path.parts]
    damaged = chance.choice(found)
    damage = draw(chance)
    damage.do(damaged)
    fit = ["fit", "--config", made.config("language"), "--runs", folder / "runs", "--trainer.max_steps", "44"]
    wrong = complaints(forked(folder, *fit, "--resume"), statuses={0, 1})
    return [f"{damage} of {damaged.relative_to(run)}: {line}" for line in wrong]
