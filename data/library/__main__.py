"""Write the source of Python's standard library as a corpus for language models: train.txt, val.txt and test.txt."""

import argparse
import sys
import sysconfig
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from seq2seq.storage import atomic_write

_TABLES = {"encodings", "pydoc_data"}  # generated, and no prose or code to learn from
_SKIPPED = _TABLES | {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idle_test"}
_SHARES = {"val": 5, "test": 5}  # in percent of the files; the rest is for training


class Module(NamedTuple):
    """A source file of the library: its path below the library's folder, and its text."""

    path: str
    text: str


def modules(library: Path) -> Iterator[Module]:
    """Yield the library's modules in the order of their paths, without test suites, tables and installed packages."""
    for path in sorted(library.rglob("*.py"), key=lambda path: path.relative_to(library).as_posix()):
        place = path.relative_to(library)
        if _SKIPPED.isdisjoint(place.parts) and not place.name.startswith("_sysconfigdata"):
            try:
                text = path.read_bytes().decode()
            except UnicodeDecodeError:
                continue
            if text.strip():
                yield Module(place.as_posix(), text.replace("\r\n", "\n").rstrip("\n") + "\n")


def chance(path: str, purpose: str) -> float:
    """A number from 0 to 1 that depends on nothing but a module's path and what it is drawn for."""
    return int.from_bytes(blake2b(f"{purpose}:{path}".encode(), digest_size=8).digest()) / 2**64


def split_of(path: str) -> str:
    """The split that a module belongs to, wherever it lies in the order and whatever the corpus's size."""
    percent = 100 * chance(path, "split")
    for split, share in _SHARES.items():
        if percent < share:
            return split
        percent -= share
    return "train"


def chosen(found: list[Module], size: int) -> list[Module]:
    """Modules of up to `size` bytes together, drawn by chance over the whole library, in the order of their paths."""
    kept = []
    for module in sorted(found, key=lambda module: chance(module.path, "size")):
        size -= len(headed(module).encode())
        if size < 0:
            break
        kept.append(module)
    return sorted(kept)


def headed(module: Module) -> str:
    """A module's text under a comment that names it."""
    return f"# {module.path}\n{module.text}\n"


def write(library: Path, out: Path, size: int) -> dict[str, tuple[int, int]]:
    """Write the splits; the answer is the number of modules and of bytes in each."""
    found = chosen(list(modules(library)), size)
    sizes = {}
    for split in ("train", "val", "test"):
        texts = [headed(module).encode() for module in found if split_of(module.path) == split]
        with atomic_write(out / f"{split}.txt") as path:
            path.write_bytes(b"".join(texts))
        sizes[split] = len(texts), sum(map(len, texts))
    return sizes


def main() -> None:
    """Read the command line, write the corpus and say what was written."""
    parser = argparse.ArgumentParser(prog="python data/library", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the folder to write to")
    parser.add_argument("--size", type=float, default=8.0, help="at most this many megabytes")
    options = parser.parse_args()
    library = Path(sysconfig.get_path("stdlib"))
    sizes = write(library, options.out, int(options.size * 1e6))
    print(f"Python {sys.version.split()[0]}, {library} -> {options.out}")
    for split, (files, size) in sizes.items():
        print(f"{split:5} {files:5} modules {size / 1e6:6.2f} MB")


if __name__ == "__main__":
    main()
