"""The library of kernels is built once, and nothing breaks where it cannot be built."""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.kernels import library as module
from seq2seq.quantization.linear import Int8Linear

needs_compiler = pytest.mark.skipif(module.library() is None, reason="needs a C++ compiler, and a processor with AVX2")


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for what is built."""
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    module.library.cache_clear()
    yield tmp_path / "kernels"
    module.library.cache_clear()


@pytest.mark.skipif(module.instructions() is None, reason="needs a processor with AVX2")
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_it_is_built_once_by_whatever_needs_it_first(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def counted(command: list[str], **options: Any) -> None:
        calls.append(command)
        run(command, **options)

    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", counted)
    monkeypatch.setenv("CXX", "c++ -DANYTHING")
    with warnings.catch_warnings(), ThreadPoolExecutor(2) as pool:
        warnings.simplefilter("error")  # which says why there is none
        found = list(pool.map(lambda _: module.library.__wrapped__(), range(2)))
    assert None not in found
    assert len(calls) == 1
    assert calls[0][1] == "-DANYTHING"
    assert len(list(fresh.glob("*.so"))) == 1


@needs_compiler
@pytest.mark.parametrize("broken", ["no-such-compiler", ""])
def test_without_a_compiler_torch_serves(fresh: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    layer, x = Int8Linear(torch.nn.Linear(40, 30)), torch.randn(5, 40)
    by_kernel = layer(x)
    module.library.cache_clear()
    monkeypatch.setenv("CXX", broken)
    assert not module.serves(x)
    torch.testing.assert_close(layer(x), by_kernel, atol=1e-6, rtol=1e-5)


@needs_compiler
def test_what_cannot_be_built_is_said_once_and_is_no_error(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"{os.environ.get('CXX', 'c++')} --no-such-option")
    with pytest.warns(UserWarning, match="^the kernels could not be built, .*no-such-option.*$"):
        assert module.library() is None
    assert module.library() is None  # without another word
    assert not list(fresh.glob("*.so"))


@needs_compiler
def test_a_cache_that_cannot_be_written_is_no_error(fresh: Path) -> None:
    fresh.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not be built"):
        assert module.library() is None


@needs_compiler
def test_a_user_without_a_home_is_no_error(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SEQ2SEQ_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.warns(UserWarning, match="home directory"):
        assert module.library() is None


def test_other_tensors_are_left_to_torch() -> None:
    x = torch.zeros(2, 2)
    assert not module.serves(x.double())
    assert not module.serves(x, x.clone().requires_grad_())
    assert not module.serves(x.to("meta"))


@needs_compiler
@pytest.mark.skipif(not torch.cpu._is_avx2_supported(), reason="needs AVX2")
def test_every_processor_gets_the_same_numbers(tmp_path: Path) -> None:
    """Those of a processor with AVX2 alone, and of this one."""
    code = """
import sys, torch
from seq2seq.kernels.library import serves
from seq2seq.recurrence import GRU, LSTM
from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import Int8Linear
torch.manual_seed(1)
x = torch.randn(9, 5, 100)
assert serves(x)
layers = [Int8LSTM(LSTM(100, 70).requires_grad_(False)), Int8GRU(GRU(100, 70).requires_grad_(False))]
linear = Int8Linear(torch.nn.Linear(70, 90))
said = [layer(x)[0] for layer in layers]
few = linear.chosen(said[0][:, 0], torch.arange(9) // 3, torch.randint(0, 90, (3, 7)))
torch.save([*said, linear(said[0]), few], sys.argv[1])
"""
    outputs: list[Any] = []
    for capability in ("default", "avx2"):
        path = tmp_path / f"{capability}.pt"
        chosen = {} if capability == "default" else {"ATEN_CPU_CAPABILITY": capability}
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=os.environ | chosen)
        outputs.append(torch.load(path))
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
