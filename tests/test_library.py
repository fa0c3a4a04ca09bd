"""Tests of the corpus of Python's standard library."""

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from seq2seq.data.corpora import has_split, load_texts

PROGRAM = Path(__file__).parent.parent / "data" / "library"


@pytest.fixture(scope="module")
def library() -> ModuleType:
    spec = importlib.util.spec_from_file_location("library", PROGRAM / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("library")
    command = [sys.executable, str(PROGRAM), "--out", str(out), "--size", "1.5"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(name in ran.stdout for name in ("train", "val", "test"))
    return out


@pytest.fixture
def small(tmp_path: Path) -> Path:
    contents = {
        "b.py": b"b = 1\r\n\r\n",
        "a/__init__.py": b"",
        "a/one.py": "ä = 1\n\n\n".encode(),
        "latin.py": b"# caf\xe9\n",
        "test/all.py": b"assert True\n",
        "a/tests/one.py": b"assert True\n",
        "site-packages/other.py": b"other = 1\n",
        "encodings/cp500.py": b"table = 1\n",
        "data.txt": b"no module",
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_only_library_modules_are_used(library: ModuleType, small: Path) -> None:
    assert list(library.modules(small)) == [("a/one.py", "ä = 1\n"), ("b.py", "b = 1\n")]


def test_writing_is_deterministic(library: ModuleType, small: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        library.write(small, tmp_path / out, 1000)
    for split in ("train", "val", "test"):
        assert (tmp_path / "one" / f"{split}.txt").read_bytes() == (tmp_path / "two" / f"{split}.txt").read_bytes()


def test_module_stays_in_its_split_at_every_size(library: ModuleType) -> None:
    found = [library.Module(f"{number}.py", "x = 1\n" * (1 + number % 50)) for number in range(2000)]
    sizes = (3_000, 30_000, 10**9)
    smaller, larger, complete = (library.chosen(found, size) for size in sizes)
    assert set(smaller) < set(larger) < set(complete) == set(found)
    for modules, size in zip((smaller, larger), sizes, strict=False):
        assert 0.8 * size < sum(len(library.headed(module)) for module in modules) <= size
    shares = [sum(library.split_of(module.path) == split for module in found) / 2000 for split in ("val", "test")]
    assert all(0.03 < share < 0.07 for share in shares)


def test_every_module_is_in_one_split(library: ModuleType, written: Path) -> None:
    stdlib = Path(sysconfig.get_path("stdlib"))
    texts = {split: (written / f"{split}.txt").read_bytes().decode() for split in ("train", "val", "test")}
    assert 1_000_000 < sum(len(text.encode()) for text in texts.values()) <= 1_500_000
    for module in library.chosen(list(library.modules(stdlib)), 1_500_000):
        holders = [split for split, text in texts.items() if library.headed(module) in text]
        assert holders == [library.split_of(module.path)]


def test_corpus_loads_from_its_folder(written: Path) -> None:
    assert "".join(load_texts(str(written))["text"]) == (written / "train.txt").read_bytes().decode()
    assert has_split(str(written), "validation", ["text"])
    assert has_split(str(written), "test", ["text"])
