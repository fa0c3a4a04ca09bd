"""Forged checkpoints: mutations of real ones with valid checksums, and archives and pickles torch would not write."""

import copy
import io
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import fixtures
from ..case import Case
from ..processes import run_forked
from ..verdict import find_problems

COUNT = 300
MEMORY = 1.5e9  # bytes; a process after all imports uses 0.3e9
# modules with effects on import, or in the working folder; no command needs any of them
CANARIES = ("venv", "antigravity", "this", "idlelib", "turtledemo", "lib2to3", "ensurepip", "evil", "webbrowser", "pip")
FOREIGN = (
    "venv.__main__.X", "antigravity.X", "this.X", "idlelib.idle.X", "turtledemo.__main__.X", "evil.Layer", "evil",
    "os.system", "builtins.eval", "subprocess.Popen", "seq2seq.evil.X", "torch.nn.Linear", "pip.__main__.X",
    "ensurepip.__main__.main", "seq2seq.training.checkpoints.ResumeCheckpoint", "seq2seq.commands.translate.translate",
    "..evil.X", "evil.Layer\n", "evil .Layer", "x" * 10_000, ".", "", "LSTM.__init__", "seq2seq", "__main__.X",
    "webbrowser.open", "evil.Layer.__class__.__base__", "seq2seq.recurrence.Recurrence", "seq2seq.recurrence.Stack",
)  # fmt: skip
VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: -1, lambda: 0, lambda: 2**31, lambda: 2**63, lambda: 10**30, lambda: 1e308, lambda: -1e-320,
    lambda: float("nan"), lambda: float("inf"), lambda: "", lambda: "x", lambda: "\ud800", lambda: b"\0" * 10,
    list, dict, lambda: [[]], lambda: {"": None}, lambda: True, lambda: "9" * 5000, lambda: 100_000,
    lambda: _nested(400), lambda: {"class_path": "evil.Layer", "init_args": {}}, lambda: {1: 2}, lambda: (1, 2),
)  # fmt: skip
USES = (
    "translate",
    "sample",
    "score",
    "evaluate",
    "quantize",
    "average",
    "inspect",
    "init",
    "ckpt",
    "validate",
    "resume",
)
FOR_TRANSLATORS = ("translate", "score", "evaluate", "quantize", "average", "init", "ckpt", "validate", "shortlist")


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for number in range(COUNT):
        rng = random.Random(f"forgeries {seed} {number}")
        model = rng.choice(("translator", "subwords", "language", "language", "quantized"))
        names = {
            "quantized": ("translate", "score", "evaluate", "quantize"),
            "language": tuple(use for use in USES if use != "translate"),
        }
        use = rng.choice(names.get(model, FOR_TRANSLATORS))
        forge = rng.choice(FORGERIES)
        name = f"{number:03}-{model}-{use}-{forge.__name__.strip('_')}"
        result.append(Case(name, partial(_check, workdir, model, use, forge, rng)))
    return result


def _check(
    workdir: Path,
    model: str,
    use: str,
    forge: Callable[[dict[str, Any], random.Random, Path], str],
    rng: random.Random,
    folder: Path,
) -> list[str]:
    files = fixtures.for_workdir(workdir)
    source = files.quantized if model == "quantized" else files.checkpoint(model)
    path = folder / "forged.ckpt"
    description = _forge(source, path, forge, rng)
    (folder / "evil.py").write_text("open('ran', 'w').close()\nclass Layer: pass\n", encoding="utf-8")
    arguments = _arguments(files, model, use, path, folder)
    # late imports are done before the audit starts
    outcome = run_forked(folder, *arguments, seconds=60, canaries=CANARIES, setup=_late_imports(use))
    problems = find_problems(outcome, statuses={0, 1}, memory=MEMORY)
    if (folder / "ran").exists():
        problems.append("it ran a module of the working folder")
    if "not a number" in description and outcome.status == 0 and "its weights have diverged" not in outcome.err:
        problems.append("weights that are not numbers were used")
    return [f"{description}: {problem}" for problem in problems]


def _forge(
    source: Path, path: Path, forge: Callable[[dict[str, Any], random.Random, Path], str], rng: random.Random
) -> str:
    """Write a forged checkpoint and return a description of it."""
    from seq2seq import checkpoint

    contents = checkpoint.load(source, mapped=False)
    return forge(contents, rng, path)


def _late_imports(use: str) -> Callable[[], object]:
    def load() -> None:
        if use in ("init", "ckpt", "validate", "resume", "evaluate", "shortlist", "inspect"):
            import datasets
            import pyarrow.parquet  # noqa: F401

            assert datasets is not None

    return load


def _arguments(files: fixtures.Fixtures, model: str, use: str, path: Path, folder: Path) -> list[str | Path]:
    language = model == "language"
    fit = ["fit", "--config", files.config("language" if language else "translator"), "--runs", folder / "runs"]
    if model == "subwords":
        fit[2] = files.config("subwords")
    fit += ["--trainer.max_steps", "64", "--trainer.val_check_interval", "64"]
    if use == "resume":
        run = folder / "runs" / "language" / "1"
        shutil.copytree(files.run("language"), run)
        shutil.move(path, run / "checkpoints" / "last.ckpt")
    pairs = ["--source", files.sources, "--target", files.targets]
    return {
        "translate": ["translate", path, "--input", files.sources],
        "sample": ["sample", path, "--length", "5"],
        "score": ["score", path, "--text", files.sources] if language else ["score", path, *pairs],
        "evaluate": ["evaluate", path],
        "quantize": ["quantize", path, "--output", folder / "out"],
        "average": ["average", path, files.run("language" if language else "translator"), "--output", folder / "out"],
        "inspect": ["inspect", "gradients", path, "--steps", "3", "--windows", "2"],
        "shortlist": ["shortlist", path, "--output", folder / "out"],
        "init": [*fit, "--init-from", path],
        "ckpt": [*fit, "--ckpt-path", path],
        "validate": ["validate", "--config", fit[2], "--ckpt-path", path],
        "resume": [*fit, "--resume"],
    }[use]


def _save(contents: Any, path: Path) -> None:
    from seq2seq import checkpoint

    checkpoint.save(contents, path)


def _entries(value: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """Return all pairs of a nested container and one of its keys."""
    items: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    entries = []
    for key, part in items:
        entries.append((value, key))
        if depth < 7:
            entries += _entries(part, depth + 1)
    return entries


def _pick(contents: dict[str, Any], rng: random.Random) -> tuple[Any, Any]:
    """Return a random entry; each part of the checkpoint is equally likely."""
    part = rng.choice(list(contents))
    nested = _entries(contents[part])
    return rng.choice(nested) if nested and rng.random() < 0.8 else (contents, part)


def _wrong_value(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    container, key = _pick(contents, rng)
    container[key] = value = rng.choice(VALUES)()
    _save(contents, path)
    return f"{str(key)[:80]} is {str(value)[:80]!r}"


def _missing(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    container, key = _pick(contents, rng)
    del container[key]
    _save(contents, path)
    return f"{str(key)[:80]} is missing"


def _added(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    container, key = _pick(contents, rng)
    target = container if isinstance(container, dict) else contents
    target[rng.choice(("x", "", "size", "depth", "__class__", "trust", "self"))] = value = rng.choice(VALUES)()
    _save(contents, path)
    return f"next to {str(key)[:80]} there is {str(value)[:80]!r}"


def _foreign_class(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    foreign = rng.choice(FOREIGN)
    options = contents["model"]["init_args"]
    names = [name for name in ("layer", "encoder", "decoder", "attention") if name in options]
    if not names or rng.random() < 0.3:
        contents["model"]["class_path"] = foreign
    else:
        options[rng.choice(names)] = {"class_path": foreign, "init_args": {}} if rng.random() < 0.7 else foreign
    _save(contents, path)
    return f"it names {foreign[:80]!r}"


def _option(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    options = contents["model"]["init_args"]
    name = rng.choice(list(options))
    options[name] = value = rng.choice((0, -1, 2**31 - 1, 2**63, 100_000, 1e308, float("nan"), "x", [], 3, 1))
    _save(contents, path)
    return f"the model's {name} is {value}"


def _tensor(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    import torch

    weights = contents["state_dict"]
    name = rng.choice(list(weights))
    shape = weights[name].shape
    description, create = rng.choice(
        (
            ("another shape", lambda: torch.zeros(3, 5)),
            ("integers", lambda: torch.ones(shape, dtype=torch.int64)),
            ("complex", lambda: torch.ones(shape, dtype=torch.complex64)),
            ("boolean", lambda: torch.ones(shape, dtype=torch.bool)),
            ("float64", lambda: torch.ones(shape, dtype=torch.float64)),
            ("empty", lambda: torch.empty(0)),
            ("a scalar", lambda: torch.tensor(1.0)),
            ("one value expanded to many", lambda: torch.zeros(1).expand(2**40)),
            ("sparse", lambda: torch.zeros(shape).to_sparse()),
            ("a list", lambda: [1.0]),
            ("on the meta device", lambda: torch.empty(shape, device="meta")),
            ("a parameter", lambda: torch.nn.Parameter(torch.zeros(3))),
        )
    )
    weights[name] = create()
    _save(contents, path)
    return f"{name} is {description}"


def _not_finite(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    import torch

    weights = contents["state_dict"]
    floats = [name for name, weight in weights.items() if weight.is_floating_point() and weight.numel()]
    selected = floats if rng.random() < 0.5 else [rng.choice(floats)]
    value = rng.choice((float("nan"), float("inf")))
    for name in selected:
        weights[name] = torch.full_like(weights[name], value)
    _save(contents, path)
    return f"{len(selected)} weights are {value}, not a number"


def _vocabulary(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    data = next(part for part in contents.values() if isinstance(part, dict) and "tokenizers" in part)
    state = data["tokenizers"][rng.choice(list(data["tokenizers"]))]
    what = rng.choice(("kind", "units", "model", "options", "fewer"))
    if what == "kind":
        state["kind"] = rng.choice(("Bytes", "Characters", "evil.Layer", "", None, 7))
    elif what == "options":
        state["options"] = rng.choice(({}, None, {"size": -1}, {"size": 2**63}, {"x": 1}))
    elif "units" in state:
        units = state["units"]
        state["units"] = {"units": units[::-1], "model": [units[0]] * len(units), "fewer": units[:5]}.get(what, units)
    else:
        model = state.get("model") or b""
        state["model"] = rng.choice((b"", model[:-7], model[::-1], b"\x0a\xff\xff\xff\xff\x0f" + model, None, "x"))
    _save(contents, path)
    return f"the tokenizer has another {what}"


def _version(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    import torch

    version = rng.choice((None, 0, 2, 99, "1", 1.5, [1], {}, -1, 10**40))
    torch.save({**contents, "format": version}, path)
    _append_checksum(path)
    return f"its format is {version}"


def _deep(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    """A handwritten pickle, since pickle itself cannot write such deep nesting."""
    depth = rng.choice((1_000, 100_000, 2_000_000))
    _replace_pickle(contents, path, lambda old: b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    return f"{depth} lists inside one another"


def _pickle(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    """Pickle instructions that must not be executed."""
    instructions = {
        "a call of os.system": b"cos\nsystem\n(X\x09\x00\x00\x00touch rantR.",
        "an import of evil": b"cevil\nLayer\n)R.",
        "an import of this": b"cthis\nX\n.",
        "a great bytearray": b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R.",
        "a great list": b"]" + b"(" + b"K\x01" * 1000 + b"e.",
        "a string that is longer than the file": b"X\xff\xff\xff\x7fx.",
        "a great number": b"\x8b\xff\xff\xff\x7f.",
        "a tensor of evil": b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        "getattr": b"c__builtin__\ngetattr\n(c__builtin__\nopen\nX\x08\x00\x00\x00__call__tR.",
        "nothing": b"",
        "no end": b"}",
        "a memo that is not there": b"h\x63.",
        "a persistent id": b"X\x03\x00\x00\x00abcQ.",
        "a loop": b"]q\x00h\x00a.",
    }
    what = rng.choice(list(instructions))
    _replace_pickle(contents, path, lambda old: b"\x80\x02" + instructions[what])
    return what


def _pickle_bytes(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    def mutate(old: bytes) -> bytes:
        data = bytearray(old)
        for _ in range(rng.choice((1, 1, 3, 20))):
            at = rng.randrange(len(data))
            data[at] = rng.randrange(256)
        return bytes(data)

    _replace_pickle(contents, path, mutate)
    return "some bytes of the pickle are changed"


def _archive(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    import torch

    archive = io.BytesIO()
    torch.save({**contents, "format": 1}, archive)
    what = rng.choice(("compressed", "twice", "absent", "outside", "no pickle", "bomb", "bytes", "version", "order"))
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for number, record in enumerate(old.infolist()):
            data, name = old.read(record), record.filename
            kind = zipfile.ZIP_DEFLATED if what == "compressed" else zipfile.ZIP_STORED
            if what == "absent" and "/data/" in name and number % 3 == 0:
                continue
            if what == "no pickle" and name.endswith(".pkl"):
                continue
            if what == "outside":
                name = name.replace("archive", "../../evil")
            if what == "bytes" and "/data/" in name:
                data = data[: len(data) // 2]
            if what == "version" and name.endswith("version"):
                data = b"999\n"
            if what == "order" and name.endswith("byteorder"):
                data = b"big"
            new.writestr(name, data, kind)
            if what == "twice" and name.endswith(".pkl"):
                new.writestr(name, b"\x80\x02cevil\nLayer\n.", kind)
            if what == "bomb" and name.endswith(".pkl"):
                new.writestr(name.replace("data.pkl", "data/99"), bytes(200_000_000), zipfile.ZIP_DEFLATED)
    _append_checksum(path)
    return f"an archive: {what}"


def _other_file(contents: dict[str, Any], rng: random.Random, path: Path) -> str:
    import torch

    def legacy() -> None:
        torch.save(contents, path, _use_new_zipfile_serialization=False)

    def pickled() -> None:
        path.write_bytes(pickle.dumps({"model": 1}))

    def bare() -> None:
        torch.save(contents["state_dict"], path)

    def listed() -> None:
        torch.save([1, 2, 3], path)
        _append_checksum(path)

    def empty() -> None:
        path.touch()

    def text() -> None:
        path.write_text("not a checkpoint\n" * 100, encoding="utf-8")

    def script() -> None:
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)

    write = rng.choice((legacy, pickled, bare, listed, empty, text, script))
    write()
    return f"another file: {write.__name__}"


FORGERIES = (
    _wrong_value, _wrong_value, _wrong_value, _missing, _missing, _added, _foreign_class, _foreign_class, _option,
    _option, _tensor, _tensor, _not_finite, _vocabulary, _version, _deep, _pickle, _pickle_bytes, _archive, _other_file,
)  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def _replace_pickle(contents: dict[str, Any], path: Path, change: Callable[[bytes], bytes]) -> None:
    import torch

    archive = io.BytesIO()
    torch.save({**copy.copy(contents), "format": 1}, archive)
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for record in old.infolist():
            data = old.read(record)
            new.writestr(record.filename, change(data) if record.filename.endswith("data.pkl") else data)
    _append_checksum(path)


def _append_checksum(path: Path) -> None:
    """Append the checksum of a regular checkpoint to a forged archive."""
    from seq2seq import checkpoint

    with path.open("r+b", buffering=0) as file:
        checkpoint._append_checksum(file)
