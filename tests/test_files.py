"""Laws of files that are either whole or absent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq.files import whole


def test_the_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with whole(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent  # so that moving it is one operation
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file"]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with whole(path) as temporary:
            temporary.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_process_that_dies_inside_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    dying = (
        "import os; from seq2seq.files import whole\n"
        f"with whole({str(path)!r}) as temporary: temporary.write_text('ne'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", dying], check=False).returncode == 9
    assert path.read_text() == "old"


def test_a_new_file_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("old", "new"):
        with whole(str(path)) as temporary:
            temporary.write_text(text)
    assert path.read_text() == "new"
