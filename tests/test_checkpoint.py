"""Tests of checkpoint files: integrity, plain data, and the format version."""

import ast
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seq2seq
from seq2seq import checkpoint
from seq2seq.checkpoint import FORMAT
from seq2seq.errors import UserError
from seq2seq.storage import CHECKSUM_LENGTH, checksum

CONTENTS: dict[str, Any] = {
    "state_dict": {"weight": torch.arange(300.0).view(30, 10), "half": torch.ones(3, dtype=torch.bfloat16)},
    "tokenizers": {"model": bytes(range(256)), "units": ["ä", "\n", "words"]},
    "numbers": [1, 2.5, None, True],
}


def write_checksum(path: Path) -> None:
    """Replace the checksum of a file by that of its content, as a forger would."""
    content = path.read_bytes()[:-CHECKSUM_LENGTH]
    path.write_bytes(content + checksum(io.BytesIO(content), len(content)).encode())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkpoint.save(CONTENTS, tmp_path / "some.ckpt")
    return tmp_path / "some.ckpt"


@pytest.mark.parametrize("mapped", [True, False])
def test_load_returns_saved_contents(saved: Path, mapped: bool) -> None:
    contents = checkpoint.load(saved, mapped)
    assert contents["format"] == FORMAT
    assert contents["tokenizers"] == CONTENTS["tokenizers"]
    assert contents["numbers"] == CONTENTS["numbers"]
    for name, weight in CONTENTS["state_dict"].items():
        assert torch.equal(contents["state_dict"][name], weight)


@pytest.mark.parametrize("mmap", [True, False])
def test_checkpoint_is_readable_by_torch_and_zipfile(saved: Path, mmap: bool) -> None:
    contents = torch.load(saved, weights_only=True, mmap=mmap)
    assert torch.equal(contents["state_dict"]["weight"], CONTENTS["state_dict"]["weight"])
    assert zipfile.ZipFile(saved).testzip() is None


@given(data=st.data())
def test_flipped_bit_is_detected(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.ckpt"
    checkpoint.save(CONTENTS, path)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        checkpoint.load(path)


@given(share=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=3))
def test_changed_length_is_detected(tmp_path_factory: pytest.TempPathFactory, share: float, more: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.ckpt"
    checkpoint.save(CONTENTS, path)
    complete = path.read_bytes()
    for changed in (complete[: int(share * len(complete))], complete + b"x" + more):
        path.write_bytes(changed)
        with pytest.raises(UserError, match="cannot be read as a checkpoint"):
            checkpoint.load(path)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match="not a regular file"):
            checkpoint.load(path)
    with pytest.raises(UserError, match=r"cannot read .*/absent: No such file"):
        checkpoint.load(tmp_path / "absent")


def test_error_for_another_format_has_both_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.ckpt"
    monkeypatch.setattr(checkpoint, "FORMAT", FORMAT + 1)
    checkpoint.save(CONTENTS, path)
    monkeypatch.undo()
    with pytest.raises(UserError, match=f"of format {FORMAT + 1}, and this version reads format {FORMAT}"):
        checkpoint.load(path)
    torch.save(CONTENTS, path)
    with pytest.raises(UserError, match=f"before formats were numbered; this version reads format {FORMAT}"):
        checkpoint.load(path)


def test_contents_must_be_a_dict_with_string_keys(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = torch.save
    for other in ([1], torch.zeros(2), {1: 2}, "text"):
        monkeypatch.setattr(torch, "save", lambda contents, file, other=other: save(other, file))
        checkpoint.save(CONTENTS, saved)
        with pytest.raises(UserError, match="not a checkpoint of seq2seq"):
            checkpoint.load(saved)


class Allocation:
    """Pickles to a few bytes that allocate 1 TB when loaded."""

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return bytearray, (1 << 40,)


def test_small_file_cannot_allocate_much_memory(saved: Path) -> None:
    checkpoint.save(CONTENTS | {"more": Allocation()}, saved)
    with pytest.raises(UserError, match="contains more than plain data"):
        checkpoint.load(saved)
    checkpoint.save(CONTENTS, saved)
    packed = io.BytesIO()
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other:
        for record in archive.infolist():
            other.writestr(record.filename, archive.read(record))
        other.comment = archive.comment
    saved.write_bytes(packed.getvalue())
    write_checksum(saved)
    with pytest.raises(UserError, match="contains more than plain data"):
        checkpoint.load(saved)


def test_damaged_archive_is_an_error(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes().replace(b"PK\1\2", b"PK\0\0"))
    write_checksum(saved)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        checkpoint.load(saved)


def test_no_other_module_uses_torch_load_or_save() -> None:
    package = Path(seq2seq.__file__).parent
    found = [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("torch", "load"), ("torch", "save")}
    ]
    assert found == ["checkpoint.py", "checkpoint.py"]
