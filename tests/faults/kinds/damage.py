"""Truncated and corrupted files: refused with one error line, or created again, but never used."""

import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import fixtures, states
from ..case import Case
from ..processes import run_forked
from ..verdict import Outcome, find_problems

CHECKPOINTS = 160
CACHES = 60  # of each kind of file in the cache except the kernels
KERNELS = 4  # each is compiled again
TOKENIZERS = 60
SHORTLISTS = 40
TEXTS = 30  # of each format of a corpus, and of configurations
FORMATS = ("parallel", "tsv", "jsonl", "parquet", "text")


class Damage(NamedTuple):
    """A random change of a file."""

    kind: str
    position: float  # as a fraction of its length
    bit: int = 0

    def apply(self, path: Path) -> None:
        data = bytearray(path.read_bytes())
        at = min(int(self.position * len(data)), max(0, len(data) - 1))
        match self.kind:
            case "flip" if data:
                data[at] ^= 1 << self.bit
            case "cut":
                del data[at:]
            case "zero":
                data[at : at + 512] = bytes(len(data[at : at + 512]))
            case "swap":  # its halves
                half = len(data) // 2
                data = data[half:] + data[:half]
            case "longer":
                data += bytes(self.bit + 1)
            case "empty":
                data.clear()
        path.write_bytes(data)


def draw(rng: random.Random, prefer_ends: bool = True) -> Damage:
    kind = rng.choice(("flip", "flip", "flip", "flip", "cut", "cut", "zero", "swap", "longer", "empty"))
    position = rng.random()
    if prefer_ends and rng.random() < 0.5:  # headers and trailers
        position = rng.choice((position * 0.02, 1 - position * 0.02))
    return Damage(kind, position, rng.randint(0, 7))


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []

    def add(name: str, count: int, check: Callable[[random.Random, Path], list[str]]) -> None:
        for trial in range(count):
            rng = random.Random(f"damage {seed} {name} {trial}")
            result.append(Case(f"{name}-{trial:03}", partial(check, rng)))

    for model in ("translator", "subwords", "language", "quantized"):
        add(f"checkpoint-{model}", CHECKPOINTS // 4, partial(_checkpoint, workdir, model))
    for part in ("corpora", "pairs", "tokenizers", "ids", "sum"):
        add(f"cache-{part}", CACHES, partial(_cache, workdir, part))
    add("cache-kernels", KERNELS, partial(_kernels, workdir))
    for name in ("subwords", "words"):
        add(f"tokenizer-{name}", TOKENIZERS // 2, partial(_tokenizer, workdir, name))
    add("shortlist", SHORTLISTS, partial(_shortlist, workdir))
    for form in FORMATS:
        add(f"corpus-{form}", TEXTS, partial(_corpus, workdir, form))
    add("config", TEXTS, partial(_config, workdir))
    add("resume", TEXTS, partial(_resume, workdir))
    return result


def prepare(workdir: Path, selected: Sequence[Case]) -> None:
    """Compute the expected outputs and short trainings with undamaged files."""
    files = fixtures.for_workdir(workdir)
    expected = workdir / "expected"
    expected.mkdir()
    for name in ("translator", "subwords", "language", "quantized"):
        _write_output(expected / name, run_forked(workdir, *_use(files, name, _checkpoint_of(files, name))))
    _write_output(expected / "shortlist", run_forked(workdir, *_with_shortlist(files, files.shortlist)))
    for name in ("subwords", "words"):
        path = files.tokenizer if name == "subwords" else files.words
        _write_output(
            expected / f"tokenizer-{name}", _fit(files, workdir, "tokenizer-" + name, "--data.tokenizer", path)
        )
    fixtures.cache_with_kernels(workdir, workdir / "cache")
    for name in ("subwords", "language"):
        _write_output(expected / f"fit-{name}", _fit(files, workdir, name, cache=workdir / "cache"))
    for form in FORMATS:
        write_corpus(files, form, workdir / form)


def _write_output(path: Path, outcome: Outcome) -> None:
    if problems := find_problems(outcome, statuses={0}):
        raise RuntimeError(f"{outcome.arguments} with undamaged files: {problems}")
    path.write_bytes(outcome.out)


def _checkpoint_of(files: fixtures.Fixtures, name: str) -> Path:
    return files.quantized if name == "quantized" else files.checkpoint(name)


def _use(files: fixtures.Fixtures, name: str, path: Path) -> list[str | Path]:
    if name == "language":
        return ["score", path, "--text", files.sources, "--tokens"]
    return ["translate", path, "--input", files.sources, "--scores"]


def _with_shortlist(files: fixtures.Fixtures, path: Path) -> list[str | Path]:
    return ["translate", files.run("translator"), "--input", files.sources, "--scores", "--shortlist", path]


def _fit(
    files: fixtures.Fixtures,
    folder: Path,
    name: str,
    *options: str | Path,
    cache: Path | None = None,
) -> Outcome:
    config = files.config("translator" if name.startswith("tokenizer-") else name)
    fit = ["fit", "--config", config, "--runs", folder / "runs", "--name", name]
    variables = {} if cache is None else {"SEQ2SEQ_CACHE": str(cache)}
    short = ["--trainer.max_steps", "3", "--trainer.val_check_interval", "3"]
    return run_forked(folder, *fit, *short, *options, **variables)


def check_output(outcome: Outcome, expected: bytes, names: Sequence[str] = ()) -> list[str]:
    """Return the problems of a command with a damaged file, which must be refused or give the expected output."""
    problems = find_problems(outcome, statuses={0, 1})
    if problems:
        return problems
    if outcome.status == 0 and outcome.out != expected:
        return [f"unexpected output: {outcome.out[:200]!r} instead of {expected[:200]!r}"]
    if outcome.status == 1 and names and not any(name in outcome.last_line for name in names):
        return [f"the error message does not name the file: {outcome.last_line[:300]!r}"]
    return []


def _checkpoint(workdir: Path, name: str, rng: random.Random, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    path = folder / "damaged.ckpt"
    shutil.copyfile(_checkpoint_of(files, name), path)
    damage = draw(rng)
    damage.apply(path)
    problems = check_output(
        run_forked(folder, *_use(files, name, path)), (workdir / "expected" / name).read_bytes(), ["damaged.ckpt"]
    )
    return [f"{damage}: {problem}" for problem in problems]


def _cache(workdir: Path, part: str, rng: random.Random, folder: Path) -> list[str]:
    """Train a few steps with a damaged cache; the result must equal that with an undamaged one."""
    files = fixtures.for_workdir(workdir)
    cache = folder / "cache"
    shutil.copytree(workdir / "cache", cache)
    paths = sorted(
        path
        for path in cache.rglob("*")
        if path.is_file() and path.suffix != ".lock" and (path.suffix == ".sum") == (part == "sum")
        and (part == "sum" or part in path.parts)
    )  # fmt: skip
    if not paths:
        return [f"the cache has no {part}: {sorted(str(p.relative_to(cache)) for p in cache.rglob('*'))}"]
    damaged = rng.choice(paths)
    damage = draw(rng)
    damage.apply(damaged)
    names = (
        ("language",)
        if part == "ids"
        else ("subwords",)
        if part in ("pairs", "tokenizers")
        else ("subwords", "language")
    )
    problems = []
    for name in names:
        outcome = _fit(files, folder, name, cache=cache)
        problems += find_problems(outcome, statuses={0})
        if not problems:
            problems += states.differences(workdir / "runs" / name / "1", folder / "runs" / name / "1")
    return [f"{damage} of {damaged.relative_to(cache)}: {problem}" for problem in problems]


def _kernels(workdir: Path, rng: random.Random, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    cache = folder / "cache"
    shutil.copytree(files.cache, cache)
    (library,) = cache.glob("kernels/*.so")
    damage = draw(rng, prefer_ends=False)
    damage.apply(library)
    outcome = run_forked(folder, *_use(files, "quantized", files.quantized), seconds=200, SEQ2SEQ_CACHE=str(cache))
    return [
        f"{damage}: {problem}" for problem in check_output(outcome, (workdir / "expected" / "quantized").read_bytes())
    ]


def _tokenizer(workdir: Path, name: str, rng: random.Random, folder: Path) -> list[str]:
    """Train with a damaged tokenizer, which must be refused or give the same training."""
    files = fixtures.for_workdir(workdir)
    path = folder / "damaged.json"
    shutil.copyfile(files.tokenizer if name == "subwords" else files.words, path)
    damage = draw(rng)
    damage.apply(path)
    outcome = _fit(files, folder, f"tokenizer-{name}", "--data.tokenizer", path)
    problems = find_problems(outcome, statuses={0, 1})
    if not problems and outcome.status == 0:
        runs = (root / "runs" / f"tokenizer-{name}" / "1" for root in (workdir, folder))
        problems = states.differences(*runs)
    return [f"{damage}: {problem}" for problem in problems]


def _shortlist(workdir: Path, rng: random.Random, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    path = folder / "damaged.shortlist"
    shutil.copyfile(files.shortlist, path)
    damage = draw(rng)
    damage.apply(path)
    expected = (workdir / "expected" / "shortlist").read_bytes()
    problems = check_output(run_forked(folder, *_with_shortlist(files, path)), expected, ["damaged.shortlist"])
    return [f"{damage}: {problem}" for problem in problems]


def write_corpus(files: fixtures.Fixtures, form: str, folder: Path) -> None:
    """Write the corpus of the fixtures in another format."""
    import json

    folder.mkdir()
    for split in ("train", "validation"):
        sides = [(files.corpus / f"{split}.{side}").read_text(encoding="utf-8").splitlines() for side in "ab"]
        rows = list(zip(*sides, strict=True))
        match form:
            case "parallel":
                for side in "ab":
                    shutil.copyfile(files.corpus / f"{split}.{side}", folder / f"{split}.{side}")
            case "tsv":
                text = "".join(f"{a}\t{b}\n" for a, b in [("a", "b"), *rows])
                (folder / f"{split}.tsv").write_text(text, encoding="utf-8")
            case "jsonl":
                text = "".join(json.dumps({"a": a, "b": b}, ensure_ascii=False) + "\n" for a, b in rows)
                (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
            case "parquet":
                _write_parquet(rows, folder / f"{split}.parquet")
            case "text":
                shutil.copyfile(files.corpus / "text" / f"{split}.txt", folder / f"{split}.txt")


def _write_parquet(rows: Sequence[tuple[str, str]], path: Path) -> None:
    """Write a file in a fork, since pyarrow starts threads."""
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


def _corpus(workdir: Path, form: str, rng: random.Random, folder: Path) -> list[str]:
    """A damaged corpus, which has no checksum, must be used or be refused with one error line."""
    files = fixtures.for_workdir(workdir)
    shutil.copytree(workdir / form, folder / "corpus")
    damaged = rng.choice(sorted((folder / "corpus").iterdir()))
    damage = draw(rng)
    damage.apply(damaged)
    name = "language" if form == "text" else "translator"
    fixtures.cache_with_kernels(workdir, folder / "cache")
    outcome = _fit(files, folder, name, "--data.corpus", folder / "corpus", cache=folder / "cache")
    return [f"{damage} of {damaged.name}: {problem}" for problem in find_problems(outcome, statuses={0, 1})]


def _config(workdir: Path, rng: random.Random, folder: Path) -> list[str]:
    """A damaged configuration must be used or be refused with one error line."""
    files = fixtures.for_workdir(workdir)
    name = rng.choice(("translator", "language"))
    path = folder / f"{name}.yaml"
    shutil.copyfile(files.config(name), path)
    damage = draw(rng, prefer_ends=False)
    damage.apply(path)
    fit = ["fit", "--config", path, "--runs", folder / "runs", "--trainer.max_steps", "3"]
    outcome = run_forked(folder, *fit, seconds=100)
    return [f"{damage}: {problem}" for problem in find_problems(outcome, statuses={0, 1, 2})]


def _resume(workdir: Path, rng: random.Random, folder: Path) -> list[str]:
    """A run with a damaged file in its folder must be resumed or be refused."""
    files = fixtures.for_workdir(workdir)
    run = folder / "runs" / "language" / "1"
    shutil.copytree(files.run("language"), run)
    paths = [path for path in sorted(run.rglob("*")) if path.is_file() and "logs" not in path.parts]
    damaged = rng.choice(paths)
    damage = draw(rng)
    damage.apply(damaged)
    fit = ["fit", "--config", files.config("language"), "--runs", folder / "runs", "--trainer.max_steps", "44"]
    problems = find_problems(run_forked(folder, *fit, "--resume"), statuses={0, 1})
    return [f"{damage} of {damaged.relative_to(run)}: {problem}" for problem in problems]
