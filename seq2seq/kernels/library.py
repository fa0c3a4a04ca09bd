"""The compiled kernels: built by the machine's own compiler when they are first needed, and kept."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seq2seq.files import whole

FOLDER = Path(__file__).parent
FLAGS = ["-std=c++17", "-O3", "-fPIC", "-shared", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-ffp-contract=off"]  # or a row's sums might depend on how many rows there are
LONGEST = 120  # seconds that the compiler may take


def serves(*tensors: Tensor) -> bool:
    """Whether the kernels can work on these."""
    return library() is not None and all(x.is_cpu and x.dtype == torch.float32 and not x.requires_grad for x in tensors)


@cache
def kernel(name: str, *kinds: Any) -> Any:
    """A function of the library, which is there, with the types of what it is given."""
    function = getattr(library(), name)
    function.argtypes, function.restype = kinds, None
    return function


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or nothing where the processor or the compiler for them is lacking; torch's products serve then."""
    processor, compiler = instructions(), shutil.which(os.environ.get("CXX", "c++"))
    if processor is None or compiler is None:
        return None
    command = [compiler, *FLAGS, *processor, *openmp()]
    sources = sorted(FOLDER.glob("*.cpp"))
    text = "".join(path.read_text(encoding="utf-8") for path in [*sources, *sorted(FOLDER.glob("*.h"))])
    key = hashlib.sha256((text + " ".join(command)).encode()).hexdigest()[:16]
    built = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "seq2seq" / f"kernels-{key}.so"
    try:
        if not built.exists():
            with whole(built) as temporary:
                run = [*command, *map(str, sources), "-o", str(temporary)]
                subprocess.run(run, check=True, capture_output=True, timeout=LONGEST)
        return ctypes.CDLL(str(built))
    except (OSError, subprocess.SubprocessError):
        return None


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
