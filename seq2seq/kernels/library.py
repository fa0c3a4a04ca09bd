"""The shared library of the kernels, compiled on this machine when it is first needed, and cached."""

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

SOURCE_FOLDER = Path(__file__).parent
COMPILER_FLAGS = ["-std=c++17", "-O3", "-fPIC", "-shared", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"]
COMPILER_FLAGS += ["-ffp-contract=off"]  # otherwise a row's sums could depend on the number of rows
COMPILE_TIMEOUT = 120  # seconds


def kernels_available(*tensors: Tensor) -> bool:
    """Return whether the kernels can compute with these tensors."""
    for x in tensors:
        if not x.is_cpu or x.dtype is not torch.float32 or x.requires_grad:
            return False
    return library() is not None  # may compile it


def check_tensor(name: str, x: Tensor, dtype: torch.dtype, *shape: int) -> None:
    """Raise a ValueError for a tensor that a kernel, which only gets its address, would misread."""
    if x.shape != shape or x.dtype is not dtype or not x.is_cpu:
        raise ValueError(
            f"{name} must be {dtype} of the shape {list(shape)} on the CPU, and {x.dtype} of the shape {list(x.shape)} "
            f"on {x.device} was given"
        )


def shape_of(name: str, x: Tensor, axes: int) -> torch.Size:
    """Return the shape of a tensor; raise a ValueError unless it has so many axes."""
    shape = x.shape
    if len(shape) != axes:
        raise ValueError(f"{name} must have {axes} axes, and a tensor of the shape {list(shape)} was given")
    return shape


class Kernel:
    """A C function of the library, which is loaded at the first call.

    Args:
        name: Its symbol.
        argument_types: The ctypes types of its arguments.
        result_type: The ctypes type of its result.
    """

    def __init__(self, name: str, *argument_types: Any, result_type: Any = None) -> None:
        self.name, self.argument_types, self.result_type = name, argument_types, result_type

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    @cached_property
    def function(self) -> Any:
        function = getattr(library(), self.name)
        function.argtypes, function.restype = self.argument_types, self.result_type
        return function


@cache
def library() -> ctypes.CDLL | None:
    """Return the library, or None where the processor or the compiler does not suffice, so that torch is used."""
    try:
        processor_flags, compiler = (
            instruction_flags(),
            shlex.split(os.environ.get("CXX", "c++"), posix=os.name != "nt"),
        )
        if processor_flags is None or not compiler or shutil.which(compiler[0]) is None:
            return None
        return ctypes.CDLL(str(build_library([*compiler, *COMPILER_FLAGS, *processor_flags, *openmp_libraries()])))
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        summary = error_summary(error)
        warnings.warn(f"the kernels could not be built, so torch is used, which is slower: {summary}", stacklevel=2)
        return None


def build_library(command: Sequence[str]) -> Path:
    """Return the library's path in the cache, named by a hash of sources and command; build it if it is absent."""
    sources = sorted(SOURCE_FOLDER.glob("*.cpp"))
    text = "".join(path.read_text(encoding="utf-8") for path in [*sources, *sorted(SOURCE_FOLDER.glob("*.h"))])
    key = hashlib.sha256((text + " ".join(command)).encode()).hexdigest()[:16]

    def build(path: Path) -> None:
        arguments = [*command, *map(str, sources), "-o", str(path)]
        subprocess.run(arguments, check=True, capture_output=True, timeout=COMPILE_TIMEOUT, text=True)

    return cached_file(f"kernels/{key}.so", build)


def error_summary(error: Exception) -> str:
    """Return an error in one line; a compiler's first error message."""
    output = error.stderr.splitlines() if isinstance(error, subprocess.CalledProcessError) else []
    return next((line for line in output if "error" in line), str(error))


def instruction_flags() -> list[str] | None:
    """Return the compiler's flags for this processor's instruction set; None without AVX2."""
    match torch.backends.cpu.get_cpu_capability():
        case "AVX512" if torch.cpu._is_vnni_supported():
            return ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma"]
        case "AVX512" | "AVX2":
            return ["-mavx2", "-mfma"]
    return None


def openmp_libraries() -> list[str]:
    """Return the OpenMP library that torch ships, if it does: the threads of a second one would block torch's."""
    return [str(path) for path in sorted(Path(torch.__file__).parent.glob("lib/libgomp*.so*"))]
