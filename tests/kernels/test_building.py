"""The kernel library is built once; where it cannot be built, torch is used."""

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
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder."""
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    module.library.cache_clear()
    yield tmp_path / "kernels"
    module.library.cache_clear()


@pytest.mark.skipif(module.instruction_flags() is None, reason="needs a processor with AVX2")
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_concurrent_first_uses_build_the_library_once(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def recorded_run(command: list[str], **options: Any) -> None:
        calls.append(command)
        original_run(command, **options)

    original_run = subprocess.run
    monkeypatch.setattr(subprocess, "run", recorded_run)
    monkeypatch.setenv("CXX", "c++ -DANYTHING")
    with warnings.catch_warnings(), ThreadPoolExecutor(2) as pool:
        warnings.simplefilter("error")  # so that a failed build shows its reason
        libraries = list(pool.map(lambda _: module.library.__wrapped__(), range(2)))
    assert None not in libraries
    assert len(calls) == 1
    assert calls[0][1] == "-DANYTHING"
    assert len(list(empty_cache.glob("*.so"))) == 1


@needs_compiler
@pytest.mark.parametrize("broken", ["no-such-compiler", ""])
def test_torch_is_used_without_a_compiler(empty_cache: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    layer, x = Int8Linear(torch.nn.Linear(40, 30)), torch.randn(5, 40)
    by_kernel = layer(x)
    module.library.cache_clear()
    monkeypatch.setenv("CXX", broken)
    assert not module.kernels_available(x)
    torch.testing.assert_close(layer(x), by_kernel, atol=1e-6, rtol=1e-5)


@needs_compiler
def test_a_failed_build_warns_once_and_does_not_raise(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"{os.environ.get('CXX', 'c++')} --no-such-option")
    with pytest.warns(UserWarning, match="^the kernels could not be built, .*no-such-option.*$"):
        assert module.library() is None
    assert module.library() is None  # without another warning
    assert not list(empty_cache.glob("*.so"))


@needs_compiler
def test_an_unwritable_cache_warns_and_does_not_raise(empty_cache: Path) -> None:
    empty_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not be built"):
        assert module.library() is None


@needs_compiler
def test_a_missing_home_folder_warns_and_does_not_raise(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SEQ2SEQ_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.warns(UserWarning, match="home directory"):
        assert module.library() is None


def test_kernels_are_unavailable_for_other_types_gradients_and_devices() -> None:
    x = torch.zeros(2, 2)
    assert not module.kernels_available(x.double())
    assert not module.kernels_available(x, x.clone().requires_grad_())
    assert not module.kernels_available(x.to("meta"))


@needs_compiler
@pytest.mark.skipif(not torch.cpu._is_avx2_supported(), reason="needs AVX2")
def test_results_are_the_same_on_every_processor(tmp_path: Path) -> None:
    """With AVX2 only, and with all instructions of this processor."""
    code = """
import sys, torch
from seq2seq.kernels.library import kernels_available
from seq2seq.recurrence import GRU, LSTM
from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import Int8Linear
torch.manual_seed(1)
x = torch.randn(9, 5, 100)
assert kernels_available(x)
layers = [Int8LSTM(LSTM(100, 70).requires_grad_(False)), Int8GRU(GRU(100, 70).requires_grad_(False))]
linear = Int8Linear(torch.nn.Linear(70, 90))
outputs = [layer(x)[0] for layer in layers]
selected = linear.forward_selected(outputs[0][:, 0], torch.arange(9) // 3, torch.randint(0, 90, (3, 7)))
torch.save([*outputs, linear(outputs[0]), selected], sys.argv[1])
"""
    outputs: list[Any] = []
    for capability in ("default", "avx2"):
        path = tmp_path / f"{capability}.pt"
        environment = {} if capability == "default" else {"ATEN_CPU_CAPABILITY": capability}
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=os.environ | environment)
        outputs.append(torch.load(path))
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
