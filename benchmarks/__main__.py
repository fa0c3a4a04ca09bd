"""`python -m benchmarks`: speed and memory as ratios of interleaved runs, as a table, a JSON file and pictures."""

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

from benchmarks.figure import Section
from benchmarks.interleaved import BUSY_VARIABLE
from benchmarks.progress import print_progress
from benchmarks.setting import Setting
from seq2seq.kernels.library import library
from seq2seq.storage import atomic_write, json_value, write_json

PARTS = ("training", "decoding", "sampling", "tokenizing", "starting", "waiting", "corpus_memory", "growth")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="2: also measure decoding with two threads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", action="store_true", help="measure processor time, since others use this machine")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to check that everything runs")
    parser.add_argument("--corpus-gb", type=float, default=1.0, help="size of the large corpus")
    parser.add_argument("--checkpoint", type=Path, help="a trained translator to decode with")
    parser.add_argument("--source", type=Path, help="the sentences that it translates, one per line")
    parser.add_argument("--pairs", type=Path, help="a folder with train.de and train.en, for `waiting`")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results"), help="path of the results without extension"
    )
    options = parser.parse_args(arguments)
    if (options.checkpoint is None) != (options.source is None):
        parser.error("--checkpoint and --source must be given together")
    if options.busy and (options.threads > 1 or options.device == "cuda"):
        parser.error("--busy requires one thread on a CPU")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(
            SEQ2SEQ_CACHE=str(Path(scratch) / "cache"),
            OMP_NUM_THREADS="1",
            ONEDNN_PRIMITIVE_CACHE_CAPACITY="128",
            PYTHONDONTWRITEBYTECODE="",  # otherwise every process would compile our modules
        )
        library()  # built here, so that its build is not timed
        if options.busy:
            os.environ[BUSY_VARIABLE] = "1"
        setting = Setting(
            Path(scratch),
            options.device,
            options.threads,
            2 if options.quick else options.rounds,
            options.quick,
            separate_processes=not options.quick,  # each takes seconds to start
            corpus_gb=options.corpus_gb,
            checkpoint=options.checkpoint,
            source=options.source,
            pairs=options.pairs,
        )
        run(options.only, setting, options.out)


def run(parts: Sequence[str], setting: Setting, out: Path) -> None:
    """Run the parts one after the other, and write the results after each."""
    sections = []
    for number, part in enumerate(parts, start=1):
        print_progress(f"{part} ({number} of {len(parts)})")
        start = time.perf_counter()
        sections.append(import_module(f"benchmarks.{part}").measure(setting))
        print_progress(f"{part}: {time.perf_counter() - start:.0f} s")
        write(sections, setting, out)
    print(out.with_name(f"{out.name}.md").read_text(encoding="utf-8"))


def write(sections: Sequence[Section], setting: Setting, out: Path) -> None:
    """Write the table, the JSON file and the pictures."""
    from benchmarks.report import document, draw_all

    machine = describe_machine(setting)
    pictures = draw_all(sections, out)
    with atomic_write(out.with_name(f"{out.name}.md")) as file:
        file.write_text(document(sections, machine, pictures) + "\n", encoding="utf-8")
    write_json(out.with_name(f"{out.name}.json"), json_value({"machine": machine, "sections": list(sections)}))


def describe_machine(setting: Setting) -> str:
    """Describe the machine and the method of measurement."""
    method = f"{setting.rounds} interleaved rounds, one thread on one core unless noted"
    sizes = " TINY SIZES: not a measurement of speed." if setting.quick else ""
    gpu = (
        f"GPU: {torch.cuda.get_device_name()}."
        if setting.device == "cuda"
        else "GPU: not measured; `--device cuda` does."
        if torch.cuda.is_available()
        else "GPU: not measured, none at hand."
    )
    clock = " Processor time, since others used the machine." if os.environ.get(BUSY_VARIABLE) else ""
    return f"{processor_name()}, torch {torch.__version__}; {method}.{clock} {gpu}{sizes}"


def processor_name() -> str:
    """Return the name of the processor if the system reports it, or else its architecture."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    main()
