"""The command and the files that it leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).resolve().parents[2] / "data" / "phrasebook"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("phrasebook")
    command = [sys.executable, str(COMMAND), "--out", str(out), "--seed", "3", "--pairs", "400"]
    return out, subprocess.run(command, check=True, capture_output=True, text=True).stdout


def lines(path: Path) -> list[str]:
    data = path.read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"\n")
    return data.decode("utf-8").split("\n")[:-1]


def test_the_command_writes_all_parts_and_nothing_else(written: tuple[Path, str]) -> None:
    parts = ("train", "val", "test", "test-seen", "test-unseen", "test-everyday")
    names = {f"{part}.{side}" for part in parts for side in ("en", "de")}
    assert {path.name for path in written[0].iterdir()} == names


def test_files_are_parallel_and_hold_what_was_asked_for(written: tuple[Path, str]) -> None:
    sizes = {"train": 400, "val": 1_000, "test": 2_000, "test-seen": 1_200, "test-unseen": 800, "test-everyday": 100}
    for part, size in sizes.items():
        assert [len(lines(written[0] / f"{part}.{side}")) for side in ("en", "de")] == [size, size]


def test_the_test_is_its_two_halves(written: tuple[Path, str]) -> None:
    for side in ("en", "de"):
        whole, seen, unseen = (lines(written[0] / f"{part}.{side}") for part in ("test", "test-seen", "test-unseen"))
        assert whole == seen + unseen


def test_the_command_says_what_it_wrote(written: tuple[Path, str]) -> None:
    assert "test-unseen" in written[1]
    assert "constructions" in written[1]
    assert "left out" in written[1]
