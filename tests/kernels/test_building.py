"""The library of kernels is built once, and nothing breaks where it cannot be built."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.kernels import library as module
from seq2seq.rounding import Int8Linear

needs_compiler = pytest.mark.skipif(module.library() is None, reason="needs a C++ compiler, and a processor with AVX2")


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for what is built."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    module.library.cache_clear()
    module.kernel.cache_clear()
    yield tmp_path / "seq2seq"
    module.library.cache_clear()
    module.kernel.cache_clear()


@needs_compiler
def test_it_is_built_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.library() is not None
    (built,) = fresh.iterdir()
    module.library.cache_clear()
    monkeypatch.setattr(subprocess, "run", None)
    assert module.library() is not None
    assert list(fresh.iterdir()) == [built]


@needs_compiler
@pytest.mark.parametrize("broken", ["no-such-compiler", "false"])
def test_without_a_compiler_torch_serves(fresh: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    layer, x = Int8Linear(torch.nn.Linear(40, 30)), torch.randn(5, 40)
    by_kernel = layer(x)
    module.library.cache_clear()
    shutil.rmtree(fresh)
    monkeypatch.setenv("CXX", broken)
    assert not module.serves(x)
    torch.testing.assert_close(layer(x), by_kernel, atol=1e-6, rtol=1e-5)


@needs_compiler
def test_a_cache_that_cannot_be_written_is_no_error(fresh: Path) -> None:
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_text("a file where the folder should be")
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
from seq2seq.recurrence.int8 import Int8GRU, Int8LSTM
from seq2seq.rounding import Int8Linear
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
