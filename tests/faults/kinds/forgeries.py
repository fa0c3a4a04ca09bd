"""Forged checkpoints: mutations of real ones, sealed as ours are, and archives and pickles that torch never wrote."""

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
from ..processes import forked
from ..verdict import complaints

NUMBER = 300
MEMORY = 1.5e9  # bytes; a process that has imported everything has 0.3e9
# modules that do something when they are imported, or lie in the working folder; no command needs any of them
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


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for number in range(NUMBER):
        chance = random.Random(f"forgeries {seed} {number}")
        model = chance.choice(("translator", "subwords", "language", "language", "quantized"))
        names = {
            "quantized": ("translate", "score", "evaluate", "quantize"),
            "language": tuple(use for use in USES if use != "translate"),
        }
        use = chance.choice(names.get(model, FOR_TRANSLATORS))
        forge = chance.choice(FORGERIES)
        name = f"{number:03}-{model}-{use}-{forge.__name__.strip('_')}"
        found.append(Case(name, partial(_check, stage, model, use, forge, chance)))
    return found


def _check(
    stage: Path,
    model: str,
    use: str,
    forge: Callable[[dict[str, Any], random.Random, Path], str],
    chance: random.Random,
    folder: Path,
) -> list[str]:
    made = fixtures.of(stage)
    source = made.quantized if model == "quantized" else made.checkpoint(model)
    path = folder / "forged.ckpt"
    what = _forge(source, path, forge, chance)
    (folder / "evil.py").write_text("open('ran', 'w').close()\nclass Layer: pass\n", encoding="utf-8")
    arguments = _arguments(made, model, use, path, folder)
    # what is imported late is imported before the watch begins
    ended = forked(folder, *arguments, seconds=60, canaries=CANARIES, before=_late_imports(use))
    wrong = complaints(ended, statuses={0, 1}, memory=MEMORY)
    if (folder / "ran").exists():
        wrong.append("it ran a module of the working folder")
    if "not a number" in what and ended.status == 0 and "its weights have diverged" not in ended.err:
        wrong.append("weights that are no numbers were used")
    return [f"{what}: {one}" for one in wrong]


def _forge(
    source: Path, path: Path, forge: Callable[[dict[str, Any], random.Random, Path], str], chance: random.Random
) -> str:
    """Write a forged checkpoint in a fork's memory, and return what was done to it."""
    from seq2seq import checkpoint

    held = checkpoint.load(source, mapped=False)
    return forge(held, chance, path)


def _late_imports(use: str) -> Callable[[], object]:
    def load() -> None:
        if use in ("init", "ckpt", "validate", "resume", "evaluate", "shortlist", "inspect"):
            import datasets
            import pyarrow.parquet  # noqa: F401

            assert datasets is not None

    return load


def _arguments(made: fixtures.Fixtures, model: str, use: str, path: Path, folder: Path) -> list[str | Path]:
    language = model == "language"
    fit = ["fit", "--config", made.config("language" if language else "translator"), "--runs", folder / "runs"]
    if model == "subwords":
        fit[2] = made.config("subwords")
    fit += ["--trainer.max_steps", "64", "--trainer.val_check_interval", "64"]
    if use == "resume":
        run = folder / "runs" / "language" / "1"
        shutil.copytree(made.run("language"), run)
        shutil.move(path, run / "checkpoints" / "last.ckpt")
    both = ["--source", made.sources, "--target", made.targets]
    return {
        "translate": ["translate", path, "--input", made.sources],
        "sample": ["sample", path, "--length", "5"],
        "score": ["score", path, "--text", made.sources] if language else ["score", path, *both],
        "evaluate": ["evaluate", path],
        "quantize": ["quantize", path, "--output", folder / "out"],
        "average": ["average", path, path, "--output", folder / "out"],
        "inspect": ["inspect", "gradients", path, "--steps", "3", "--windows", "2"],
        "shortlist": ["shortlist", path, "--output", folder / "out"],
        "init": [*fit, "--init-from", path],
        "ckpt": [*fit, "--ckpt-path", path],
        "validate": ["validate", "--config", fit[2], "--ckpt-path", path],
        "resume": [*fit, "--resume"],
    }[use]


def _save(held: Any, path: Path) -> None:
    from seq2seq import checkpoint

    checkpoint.save(held, path)


def _places(value: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """The containers inside a value, each with one of its keys."""
    items: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    found = []
    for key, part in items:
        found.append((value, key))
        if depth < 7:
            found += _places(part, depth + 1)
    return found


def _pick(held: dict[str, Any], chance: random.Random) -> tuple[Any, Any]:
    """A place, each part of a checkpoint being as likely as the others."""
    part = chance.choice(list(held))
    inner = _places(held[part])
    return chance.choice(inner) if inner and chance.random() < 0.8 else (held, part)


def _wrong_value(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    place, key = _pick(held, chance)
    place[key] = value = chance.choice(VALUES)()
    _save(held, path)
    return f"{str(key)[:80]} is {str(value)[:80]!r}"


def _missing(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    place, key = _pick(held, chance)
    del place[key]
    _save(held, path)
    return f"{str(key)[:80]} is missing"


def _added(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    place, key = _pick(held, chance)
    where = place if isinstance(place, dict) else held
    where[chance.choice(("x", "", "size", "depth", "__class__", "trust", "self"))] = value = chance.choice(VALUES)()
    _save(held, path)
    return f"beside {str(key)[:80]} there is {str(value)[:80]!r}"


def _foreign_class(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    foreign = chance.choice(FOREIGN)
    options = held["model"]["init_args"]
    names = [name for name in ("layer", "encoder", "decoder", "attention") if name in options]
    if not names or chance.random() < 0.3:
        held["model"]["class_path"] = foreign
    else:
        options[chance.choice(names)] = {"class_path": foreign, "init_args": {}} if chance.random() < 0.7 else foreign
    _save(held, path)
    return f"it names {foreign[:80]!r}"


def _option(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    options = held["model"]["init_args"]
    name = chance.choice(list(options))
    options[name] = value = chance.choice((0, -1, 2**31 - 1, 2**63, 100_000, 1e308, float("nan"), "x", [], 3, 1))
    _save(held, path)
    return f"the model's {name} is {value}"


def _tensor(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    import torch

    weights = held["state_dict"]
    name = chance.choice(list(weights))
    old = weights[name]
    what, new = chance.choice(
        (
            ("another shape", lambda: torch.zeros(3, 5)),
            ("whole numbers", lambda: torch.ones(old.shape, dtype=torch.int64)),
            ("complex", lambda: torch.ones(old.shape, dtype=torch.complex64)),
            ("boolean", lambda: torch.ones(old.shape, dtype=torch.bool)),
            ("of 64 bits", lambda: torch.ones(old.shape, dtype=torch.float64)),
            ("empty", lambda: torch.empty(0)),
            ("a scalar", lambda: torch.tensor(1.0)),
            ("one number seen as many", lambda: torch.zeros(1).expand(2**40)),
            ("sparse", lambda: torch.zeros(old.shape).to_sparse()),
            ("no tensor", lambda: [1.0]),
            ("on no device", lambda: torch.empty(old.shape, device="meta")),
            ("a parameter", lambda: torch.nn.Parameter(torch.zeros(3))),
        )
    )
    weights[name] = new()
    _save(held, path)
    return f"{name} is {what}"


def _not_finite(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    import torch

    weights = held["state_dict"]
    floats = [name for name, weight in weights.items() if weight.is_floating_point() and weight.numel()]
    chosen = floats if chance.random() < 0.5 else [chance.choice(floats)]
    value = chance.choice((float("nan"), float("inf")))
    for name in chosen:
        weights[name] = torch.full_like(weights[name], value)
    _save(held, path)
    return f"{len(chosen)} weights are {value}, not a number"


def _vocabulary(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    data = next(part for part in held.values() if isinstance(part, dict) and "tokenizers" in part)
    state = data["tokenizers"][chance.choice(list(data["tokenizers"]))]
    what = chance.choice(("kind", "units", "model", "options", "fewer"))
    if what == "kind":
        state["kind"] = chance.choice(("Bytes", "Characters", "evil.Layer", "", None, 7))
    elif what == "options":
        state["options"] = chance.choice(({}, None, {"size": -1}, {"size": 2**63}, {"x": 1}))
    elif "units" in state:
        units = state["units"]
        state["units"] = {"units": units[::-1], "model": [units[0]] * len(units), "fewer": units[:5]}.get(what, units)
    else:
        model = state.get("model") or b""
        state["model"] = chance.choice((b"", model[:-7], model[::-1], b"\x0a\xff\xff\xff\xff\x0f" + model, None, "x"))
    _save(held, path)
    return f"the tokenizer has another {what}"


def _version(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    import torch

    version = chance.choice((None, 0, 2, 99, "1", 1.5, [1], {}, -1, 10**40))
    torch.save({**held, "format": version}, path)
    _seal(path)
    return f"its format is {version}"


def _deep(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    """A pickle of our own, since nothing pickles what is nested so deeply."""
    depth = chance.choice((1_000, 100_000, 2_000_000))
    _replace_pickle(held, path, lambda old: b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    return f"{depth} lists inside one another"


def _pickle(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    """Instructions of a pickle that must not be followed."""
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
    what = chance.choice(list(instructions))
    _replace_pickle(held, path, lambda old: b"\x80\x02" + instructions[what])
    return what


def _pickle_bytes(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    def mutate(old: bytes) -> bytes:
        data = bytearray(old)
        for _ in range(chance.choice((1, 1, 3, 20))):
            at = chance.randrange(len(data))
            data[at] = chance.randrange(256)
        return bytes(data)

    _replace_pickle(held, path, mutate)
    return "some bytes of the pickle are others"


def _archive(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    import torch

    whole = io.BytesIO()
    torch.save({**held, "format": 1}, whole)
    what = chance.choice(("compressed", "twice", "absent", "outside", "no pickle", "bomb", "bytes", "version", "order"))
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
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
    _seal(path)
    return f"an archive: {what}"


def _not_ours(held: dict[str, Any], chance: random.Random, path: Path) -> str:
    import torch

    def legacy() -> None:
        torch.save(held, path, _use_new_zipfile_serialization=False)

    def pickled() -> None:
        path.write_bytes(pickle.dumps({"model": 1}))

    def bare() -> None:
        torch.save(held["state_dict"], path)

    def listed() -> None:
        torch.save([1, 2, 3], path)
        _seal(path)

    def empty() -> None:
        path.touch()

    def text() -> None:
        path.write_text("not a checkpoint\n" * 100, encoding="utf-8")

    def script() -> None:
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)

    write = chance.choice((legacy, pickled, bare, listed, empty, text, script))
    write()
    return f"another file: {write.__name__}"


FORGERIES = (
    _wrong_value, _wrong_value, _wrong_value, _missing, _missing, _added, _foreign_class, _foreign_class, _option,
    _option, _tensor, _tensor, _not_finite, _vocabulary, _version, _deep, _pickle, _pickle_bytes, _archive, _not_ours,
)  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def _replace_pickle(held: dict[str, Any], path: Path, change: Callable[[bytes], bytes]) -> None:
    import torch

    whole = io.BytesIO()
    torch.save({**copy.copy(held), "format": 1}, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for record in old.infolist():
            data = old.read(record)
            new.writestr(record.filename, change(data) if record.filename.endswith("data.pkl") else data)
    _seal(path)


def _seal(path: Path) -> None:
    """Give a forged archive the checksum that a checkpoint of ours would have."""
    from seq2seq import checkpoint

    with path.open("r+b", buffering=0) as file:
        checkpoint._seal(file)
