"""Tests of the import paths that checkpoints and states may name."""

import os
import sys
from pathlib import Path

import pytest
import torch

from seq2seq.class_paths import import_trusted, resolve_trusted, resolve_trusted_class
from seq2seq.errors import UserError
from seq2seq.recurrence import LSTM


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


MODULE = """
from os import environ, system
from posixpath import join
from subprocess import Popen

from seq2seq.recurrence import LSTM

RATE, NAMES = 0.5, ("a", "b")

class Mine(LSTM):
    pass

def activation(x):
    return x
"""


@pytest.fixture
def trusted_mod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trusted_mod.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trusted_mod", raising=False)


@pytest.mark.usefixtures("trusted_mod")
def test_names_that_a_trusted_module_has_imported_are_not_trusted() -> None:
    for name, origin in (("system", os.system.__module__), ("Popen", "subprocess"), ("join", "posixpath")):
        with pytest.raises(UserError, match=f"it names trusted_mod.{name}, which is of {origin}: trust and name"):
            resolve_trusted(f"trusted_mod.{name}", ["trusted_mod"])
    for name in ("environ", "environ.get", "Mine.parameters", "NAMES.index"):
        with pytest.raises(UserError, match=r"which is of .*: trust and name its module"):
            resolve_trusted(f"trusted_mod.{name}", ["trusted_mod"])
    for name in ("__loader__.get_data", "Mine.__init__", "__builtins__"):
        with pytest.raises(UserError, match="no part of an import path may start with two underscores"):
            resolve_trusted(f"trusted_mod.{name}", ["trusted_mod"])


@pytest.mark.usefixtures("trusted_mod")
def test_own_names_and_constants_of_a_trusted_module_are_resolved() -> None:
    for name in ("Mine", "activation"):
        assert resolve_trusted(f"trusted_mod.{name}", ["trusted_mod"]).__name__ == name
    assert resolve_trusted("trusted_mod.LSTM", ["trusted_mod"]) is LSTM
    assert resolve_trusted("trusted_mod.RATE", ["trusted_mod"]) == 0.5
    assert resolve_trusted("trusted_mod.NAMES", ["trusted_mod"]) == ("a", "b")
    assert resolve_trusted("trusted_mod.join", ["trusted_mod", "posixpath"]) is os.path.join


def test_module_that_is_trusted_but_cannot_be_imported_is_an_error() -> None:
    import_trusted("json, torch.nn")
    with pytest.raises(UserError, match="the trusted module absent_module cannot be imported"):
        import_trusted("json,absent_module")
    with pytest.raises(UserError, match="trusted modules must be import paths"):
        import_trusted("absent module")
