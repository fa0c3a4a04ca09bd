"""Tests of atomic writing and of the cache."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seq2seq.errors import UserError
from seq2seq.storage import atomic_write, cache_folder, cached_file, open_cached, open_output, path_inside


def test_file_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent  # so that the rename is atomic
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file"]


def test_error_leaves_the_old_file_only(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    dying = (
        "import os; from seq2seq.storage import atomic_write\n"
        f"with atomic_write({str(path)!r}) as temporary: temporary.write_text('ne'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", dying], check=False).returncode == 9
    assert path.read_text() == "old"


def test_new_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("old", "new"):
        with atomic_write(str(path)) as temporary:
            temporary.write_text(text)
    assert path.read_text() == "new"


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")  # which does not exist yet
    for text in ("old", "new"):
        with open_output(link) as file:
            file.write(text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "file").read_text() == text


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_file_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_new_file_has_the_default_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with open_output(tmp_path / "ours") as file:
        file.write("new")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_device_is_not_replaced() -> None:
    for write in (open_output, atomic_write):
        with write("/dev/null") as given:
            if isinstance(given, Path):
                given.write_text("text")
            else:
                given.write("text")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("atomic", [False, True])
def test_fifo_is_written(tmp_path: Path, atomic: bool) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write(str(path), atomic)
    reader.join(timeout=60)
    assert read == ["text"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def write(path: str, atomic: bool) -> None:
    """Write into a stream directly, or from a temporary file."""
    if atomic:
        with atomic_write(path) as temporary:
            temporary.write_text("text")
    else:
        with open_output(path) as file:
            file.write("text")


@pytest.mark.parametrize("atomic", [False, True])
def test_pipe_descriptor_is_written(atomic: bool) -> None:
    reading, writing = os.pipe()  # as for >(...) in a shell, whose link resolves to "pipe:[N]"
    with open(reading, encoding="utf-8") as reader:
        write(f"/dev/fd/{writing}", atomic)
        os.close(writing)
        assert reader.read() == "text"


@pytest.mark.parametrize("atomic", [False, True])
def test_descriptor_of_an_unlinked_file_is_written(tmp_path: Path, atomic: bool) -> None:
    with (tmp_path / "file").open("w+", encoding="utf-8") as file:
        (tmp_path / "file").unlink()
        write(f"/dev/fd/{file.fileno()}", atomic)
        assert file.read() == "text"
    assert os.listdir(tmp_path) == []


def test_link_loop_is_an_error(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for write in (open_output, atomic_write):
        with pytest.raises(UserError, match=f"cannot write {loop}: "), write(loop):
            pass
    assert loop.is_symlink()


def test_folder_as_output_is_an_error(tmp_path: Path) -> None:
    for write in (open_output, atomic_write):
        with pytest.raises(UserError, match="is a folder, not a file"), write(tmp_path):
            pass


def test_full_disk_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("ne")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UserError, match=f"cannot write {path}: No space left on device"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_file_name_may_have_the_maximum_length(tmp_path: Path) -> None:
    for name in ("n" * 255, "名" * 85, "🎈" * 63):
        with open_output(tmp_path / name) as file:
            file.write("text")
        assert (tmp_path / name).read_text() == "text"


def test_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("SEQ2SEQ_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "seq2seq"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "seq2seq"


def test_damaged_cached_file_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    written = 0

    def write(path: Path) -> None:
        nonlocal written
        written += 1
        path.write_bytes(b"0123456789" * 100)

    complete = cached_file("part/file", write).read_bytes()
    assert cached_file("part/file", write).read_bytes() == complete
    assert written == 1
    path = tmp_path / "part" / "file"
    for number, damaged in enumerate(
        [complete[:500], bytes(1000), b"x" + complete[1:], complete + b"\n", b""], start=2
    ):
        path.write_bytes(damaged)
        assert cached_file("part/file", write).read_bytes() == complete
        assert written == number
    path.with_name("file.sum").unlink()  # as if a process was killed before writing it
    assert cached_file("part/file", write).read_bytes() == complete
    assert written == 7


def test_missing_or_unreadable_cached_file_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    contents = iter(["other", "whole", "other", "other"])
    read: list[str] = []

    def write(path: Path) -> None:
        path.write_text(next(contents))

    def number(path: Path) -> int:
        read.append(path.read_text())
        if len(read) == 3:
            path.unlink()  # as if another process cleared the cache
            path.read_text()
        return ["whole", "other"].index(read[-1]) if len(read) != 1 else int("other")

    assert open_cached("part/file", write, number) == 0
    assert read == ["other", "whole"]
    assert open_cached("part/file", write, number) == 1
    assert read == ["other", "whole", "whole", "other"]
    with pytest.raises(TypeError):
        open_cached("part/file", write, lambda path: path + 1)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["run", "a b", "..x", "x..", "-", "übung", ".hidden"])
def test_path_inside_accepts_names_in_the_folder(tmp_path: Path, name: str) -> None:
    for nested in (False, True):
        assert path_inside(tmp_path, name, "--name", nested) == tmp_path / name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/", "/tmp/x", "a/..", "\0", "a\0b"])
def test_path_inside_rejects_names_outside_the_folder(tmp_path: Path, name: str) -> None:
    for nested in (False, True):
        with pytest.raises(UserError, match=f"--name must be the name of a file or folder inside {tmp_path}, and"):
            path_inside(tmp_path, name, "--name", nested)


@pytest.mark.parametrize("name", ["a/b", "a/b/c.d", "a/", "./a", "a//b"])
def test_path_inside_accepts_subfolders_only_if_nested(tmp_path: Path, name: str) -> None:
    assert path_inside(tmp_path, name, "--name", nested=True) == tmp_path / name
    with pytest.raises(UserError, match="must be the name of a file or folder inside"):
        path_inside(tmp_path, name, "--name")
