"""Tests of the import paths that checkpoints and states may name."""

from pathlib import Path

import pytest
import torch

from seq2seq.class_paths import import_trusted, resolve_trusted, resolve_trusted_class
from seq2seq.errors import UserError


@pytest.mark.parametrize(
    "path", ["os.system", "antigravity.Layer", "seq2seq.commands.average.select_checkpoints", "my.layers.Mine"]
)
@pytest.mark.parametrize("trust", [[], ["o"], ["my.layer"], ["my.layers.Mine"], "other,another"])
def test_nothing_is_imported_without_trust(path: str, trust: list[str] | str) -> None:
    with pytest.raises(UserError, match=rf"it names {path}, which is not a class of seq2seq.*--trust"):
        resolve_trusted_class(path, trust)


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.b:c", "../a.b", "a b.c", "1.a", "a.b()", "-a.b"])
def test_class_name_must_be_an_import_path(path: str) -> None:
    with pytest.raises(UserError, match="neither a class of seq2seq nor an import path"):
        resolve_trusted_class(path, ["a"])


def test_trusted_module_or_package_is_imported() -> None:
    for trust in (["torch"], ["torch.nn"], "os, torch.nn", ["torch.nn.modules"]):
        path = "torch.nn.modules.Linear" if trust == ["torch.nn.modules"] else "torch.nn.Linear"
        assert resolve_trusted_class(path, trust) is torch.nn.Linear
    with pytest.raises(UserError, match=r"names torch\.nn\.Absent, which cannot be imported"):
        resolve_trusted_class("torch.nn.Absent", ["torch"])
    with pytest.raises(UserError, match=r"names torch\.zeros, which is not a class"):
        resolve_trusted_class("torch.zeros", ["torch"])
    with pytest.raises(UserError, match="trusted modules must be import paths"):
        resolve_trusted_class("torch.nn.Linear", ["torch/nn"])


def test_modules_that_a_trusted_module_has_imported_are_not_trusted() -> None:
    for path, imported in (("pathlib.os.system", "pathlib.os"), ("pathlib.os.environ.get", "pathlib.os")):
        with pytest.raises(UserError, match=rf"it names {path}, and {imported} is the module os: trust and name that"):
            resolve_trusted(path, ["pathlib"])
    assert resolve_trusted("pathlib.Path.home", ["pathlib"]) == Path.home


def test_module_that_is_trusted_but_cannot_be_imported_is_an_error() -> None:
    import_trusted("json, torch.nn")
    with pytest.raises(UserError, match="the trusted module absent_module cannot be imported"):
        import_trusted("json,absent_module")
    with pytest.raises(UserError, match="trusted modules must be import paths"):
        import_trusted("absent module")
