"""A checkpoint file is whole, plain data of one format, and names no class that runs without the user's word."""

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
from seq2seq.checkpoint import FORMAT, trusted_class
from seq2seq.errors import UserError
from seq2seq.storage import CHECKSUM_LENGTH, checksum

HELD: dict[str, Any] = {
    "state_dict": {"weight": torch.arange(300.0).view(30, 10), "half": torch.ones(3, dtype=torch.bfloat16)},
    "tokenizers": {"model": bytes(range(256)), "units": ["ä", "\n", "words"]},
    "numbers": [1, 2.5, None, True],
}


def sealed(path: Path) -> None:
    """Give a file the checksum of its content, as a forger would."""
    content = path.read_bytes()[:-CHECKSUM_LENGTH]
    path.write_bytes(content + checksum(io.BytesIO(content), len(content)).encode())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkpoint.save(HELD, tmp_path / "some.ckpt")
    return tmp_path / "some.ckpt"


@pytest.mark.parametrize("mapped", [True, False])
def test_what_is_saved_comes_back(saved: Path, mapped: bool) -> None:
    held = checkpoint.load(saved, mapped)
    assert held["format"] == FORMAT
    assert held["tokenizers"] == HELD["tokenizers"]
    assert held["numbers"] == HELD["numbers"]
    for name, weight in HELD["state_dict"].items():
        assert torch.equal(held["state_dict"][name], weight)


@pytest.mark.parametrize("mmap", [True, False])
def test_a_checkpoint_is_a_file_of_torch_and_a_zip_archive(saved: Path, mmap: bool) -> None:
    held = torch.load(saved, weights_only=True, mmap=mmap)
    assert torch.equal(held["state_dict"]["weight"], HELD["state_dict"]["weight"])
    assert zipfile.ZipFile(saved).testzip() is None


@given(data=st.data())
def test_any_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.ckpt"
    checkpoint.save(HELD, path)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        checkpoint.load(path)


@given(share=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=3))
def test_any_other_length_is_noticed(tmp_path_factory: pytest.TempPathFactory, share: float, more: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.ckpt"
    checkpoint.save(HELD, path)
    whole = path.read_bytes()
    for changed in (whole[: int(share * len(whole))], whole + b"x" + more):
        path.write_bytes(changed)
        with pytest.raises(UserError, match="cannot be read as a checkpoint"):
            checkpoint.load(path)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match="no regular file"):
            checkpoint.load(path)
    with pytest.raises(UserError, match=r"cannot read .*/absent: No such file"):
        checkpoint.load(tmp_path / "absent")


def test_other_formats_are_refused_by_both_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.ckpt"
    monkeypatch.setattr(checkpoint, "FORMAT", FORMAT + 1)
    checkpoint.save(HELD, path)
    monkeypatch.undo()
    with pytest.raises(UserError, match=f"of format {FORMAT + 1}, and this version reads format {FORMAT}"):
        checkpoint.load(path)
    torch.save(HELD, path)
    with pytest.raises(UserError, match=f"before formats were numbered, and this one reads format {FORMAT}"):
        checkpoint.load(path)


def test_what_is_no_dict_of_named_parts_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = torch.save
    for other in ([1], torch.zeros(2), {1: 2}, "text"):
        monkeypatch.setattr(torch, "save", lambda held, file, other=other: save(other, file))
        checkpoint.save(HELD, saved)
        with pytest.raises(UserError, match="no checkpoint of seq2seq"):
            checkpoint.load(saved)


class Allocation:
    """A few bytes in a pickle that take any memory."""

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return bytearray, (1 << 40,)


def test_no_small_file_takes_much_memory(saved: Path) -> None:
    checkpoint.save(HELD | {"more": Allocation()}, saved)
    with pytest.raises(UserError, match="holds more than plain data"):
        checkpoint.load(saved)
    checkpoint.save(HELD, saved)
    packed = io.BytesIO()
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other:
        for record in archive.infolist():
            other.writestr(record.filename, archive.read(record))
        other.comment = archive.comment
    saved.write_bytes(packed.getvalue())
    sealed(saved)
    with pytest.raises(UserError, match="holds more than plain data"):
        checkpoint.load(saved)


def test_an_archive_that_is_none_inside_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes().replace(b"PK\1\2", b"PK\0\0"))
    sealed(saved)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        checkpoint.load(saved)


@pytest.mark.parametrize("path", ["os.system", "antigravity.Layer", "seq2seq.commands.average.kept", "my.layers.Mine"])
@pytest.mark.parametrize("trust", [[], ["o"], ["my.layer"], ["my.layers.Mine"], "other,another"])
def test_nothing_is_imported_without_trust(path: str, trust: list[str] | str) -> None:
    with pytest.raises(UserError, match=rf"it names {path}, which is no class of seq2seq.*--trust"):
        trusted_class(path, trust)


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.b:c", "../a.b", "a b.c", "1.a", "a.b()", "-a.b"])
def test_what_is_no_import_path_is_no_name(path: str) -> None:
    with pytest.raises(UserError, match="neither a class of seq2seq nor an import path"):
        trusted_class(path, ["a"])


def test_a_trusted_module_or_its_package_is_imported() -> None:
    for trust in (["torch"], ["torch.nn"], "os, torch.nn", ["torch.nn.modules"]):
        path = "torch.nn.modules.Linear" if trust == ["torch.nn.modules"] else "torch.nn.Linear"
        assert trusted_class(path, trust) is torch.nn.Linear
    with pytest.raises(UserError, match=r"names torch\.nn\.Absent, which cannot be imported"):
        trusted_class("torch.nn.Absent", ["torch"])
    with pytest.raises(UserError, match=r"names torch\.zeros, which is no class"):
        trusted_class("torch.zeros", ["torch"])
    with pytest.raises(UserError, match="what is trusted must be modules"):
        trusted_class("torch.nn.Linear", ["torch/nn"])


def test_nothing_else_reads_or_writes_files_of_torch() -> None:
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
