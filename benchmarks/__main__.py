"""`python -m benchmarks`: speed and memory as ratios of interleaved runs, in one table, one JSON file and pictures."""

import argparse
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.contest import BUSY
from benchmarks.figure import Section
from benchmarks.progress import tell
from benchmarks.setting import Setting
from seq2seq.kernels.library import library
from seq2seq.storage import atomic_write, plain, write_json

PARTS = ("training", "decoding", "writing", "tokenizing", "starting", "waiting", "corpus_memory", "growth")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="2: decoding with two threads too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", action="store_true", help="count processor time: others use this machine too")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, which show only that everything runs")
    parser.add_argument("--corpus-gb", type=float, default=1.0, help="size of the large corpus")
    parser.add_argument("--checkpoint", type=Path, help="a trained translator to decode with")
    parser.add_argument("--source", type=Path, help="what it translates, a line a sentence")
    parser.add_argument("--pairs", type=Path, help="a folder with train.de and train.en, for `waiting`")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="the files' name without its end")
    given = parser.parse_args(arguments)
    if (given.checkpoint is None) != (given.source is None):
        parser.error("a trained translator needs sentences, and these need a translator: --checkpoint and --source")
    if given.busy and (given.threads > 1 or given.device == "cuda"):
        parser.error("processor time says something of one thread on a CPU only")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(
            SEQ2SEQ_CACHE=str(Path(scratch) / "cache"),
            OMP_NUM_THREADS="1",
            ONEDNN_PRIMITIVE_CACHE_CAPACITY="128",
            PYTHONDONTWRITEBYTECODE="",  # or every start would compile our modules
        )
        library()  # nothing that is timed builds it
        if given.busy:
            os.environ[BUSY] = "1"
        setting = Setting(
            Path(scratch),
            given.device,
            given.threads,
            2 if given.quick else given.rounds,
            given.quick,
            apart=not given.quick,  # processes take seconds to start
            corpus_gb=given.corpus_gb,
            checkpoint=given.checkpoint,
            source=given.source,
            pairs=given.pairs,
        )
        run(given.only, setting, given.out)


def run(parts: Sequence[str], setting: Setting, out: Path) -> None:
    """One part after the other; what is known is written after each."""
    sections = []
    for number, part in enumerate(parts, start=1):
        tell(f"{part} ({number} of {len(parts)})")
        began = time.perf_counter()
        sections.append(import_module(f"benchmarks.{part}").measure(setting))
        tell(f"{part}: {time.perf_counter() - began:.0f} s")
        write(sections, setting, out)
    print(out.with_name(f"{out.name}.md").read_text(encoding="utf-8"))


def write(sections: Sequence[Section], setting: Setting, out: Path) -> None:
    """The table, the same as JSON, and the pictures."""
    from benchmarks.report import document, draw_all

    machine = described(setting)
    pictures = draw_all(sections, out)
    with atomic_write(out.with_name(f"{out.name}.md")) as file:
        file.write_text(document(sections, machine, pictures) + "\n", encoding="utf-8")
    write_json(out.with_name(f"{out.name}.json"), plain({"machine": machine, "sections": list(sections)}))


def described(setting: Setting) -> str:
    """The machine, and how it was measured on."""
    turns = f"{setting.rounds} rounds in turns, one thread on one core unless said"
    sizes = " TINY SIZES: these numbers say nothing about speed." if setting.quick else ""
    gpu = (
        f"GPU: {torch.cuda.get_device_name()}."
        if setting.device == "cuda"
        else "GPU: not measured; `--device cuda` does."
        if torch.cuda.is_available()
        else "GPU: not measured, none at hand."
    )
    clock = " Processor time, since others used the machine." if os.environ.get(BUSY) else ""
    return f"{processor()}, torch {torch.__version__}; {turns}.{clock} {gpu}{sizes}"


def processor() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    main()
