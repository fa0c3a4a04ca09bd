"""The compiled kernels: built by the machine's own compiler when they are first needed, and kept."""

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seq2seq.storage import cached_file

FOLDER = Path(__file__).parent
FLAGS = ["-std=c++17", "-O3", "-fPIC", "-shared", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-ffp-contract=off"]  # or a row's sums might depend on how many rows there are
LONGEST = 120  # seconds that the compiler may take


def serves(*tensors: Tensor) -> bool:
    """Whether the kernels can work on these."""
    for x in tensors:
        if not x.is_cpu or x.dtype is not torch.float32 or x.requires_grad:
            return False
    return library() is not None  # which may have to be built


def check(name: str, x: Tensor, dtype: torch.dtype, *shape: int) -> None:
    """Raise a ValueError for what a kernel, which is given an address and no more, would read amiss."""
    if x.shape != shape or x.dtype is not dtype or not x.is_cpu:
        raise ValueError(
            f"{name} must be {dtype} of the shape {list(shape)} on the CPU, and {x.dtype} of the shape {list(x.shape)} "
            f"on {x.device} was given"
        )


def sizes(name: str, x: Tensor, axes: int) -> torch.Size:
    """Return the shape of what must have so many axes; raises a ValueError otherwise."""
    shape = x.shape
    if len(shape) != axes:
        raise ValueError(f"{name} must have {axes} axes, and a tensor of the shape {list(shape)} was given")
    return shape


class Kernel:
    """A function of the library, which is loaded at the first call.

    Args:
        name: Its name.
        kinds: The types of what it is given.
        result: The type of what it gives back.
    """

    def __init__(self, name: str, *kinds: Any, result: Any = None) -> None:
        self.name, self.kinds, self.result = name, kinds, result

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    @cached_property
    def function(self) -> Any:
        function = getattr(library(), self.name)
        function.argtypes, function.restype = self.kinds, self.result
        return function


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or nothing where the processor or the compiler for them is lacking; torch's products serve then."""
    try:
        processor, compiler = instructions(), shlex.split(os.environ.get("CXX", "c++"), posix=os.name != "nt")
        if processor is None or not compiler or shutil.which(compiler[0]) is None:
            return None
        return ctypes.CDLL(str(built([*compiler, *FLAGS, *processor, *openmp()])))
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        warnings.warn(f"the kernels could not be built, so torch serves, slower: {reason(error)}", stacklevel=2)
        return None


def built(command: Sequence[str]) -> Path:
    """The library in the cache, under a name that says what it was made of."""
    sources = sorted(FOLDER.glob("*.cpp"))
    text = "".join(path.read_text(encoding="utf-8") for path in [*sources, *sorted(FOLDER.glob("*.h"))])
    key = hashlib.sha256((text + " ".join(command)).encode()).hexdigest()[:16]

    def build(path: Path) -> None:
        run = [*command, *map(str, sources), "-o", str(path)]
        subprocess.run(run, check=True, capture_output=True, timeout=LONGEST, text=True)

    return cached_file(f"kernels/{key}.so", build)


def reason(error: Exception) -> str:
    """In one line; a compiler's first error."""
    said = error.stderr.splitlines() if isinstance(error, subprocess.CalledProcessError) else []
    return next((line for line in said if "error" in line), str(error))


def instructions() -> list[str] | None:
    """What the compiler may use of this processor."""
    match torch.backends.cpu.get_cpu_capability():
        case "AVX512" if torch.cpu._is_vnni_supported():
            return ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma"]
        case "AVX512" | "AVX2":
            return ["-mavx2", "-mfma"]
    return None


def openmp() -> list[str]:
    """Torch's own threads, where it brings them: two libraries of threads would wait for each other."""
    return [str(path) for path in sorted(Path(torch.__file__).parent.glob("lib/libgomp*.so*"))]
