"""An environment of its own for the peers, whose pinned requirements are older than ours."""

import subprocess
import sys
from pathlib import Path

PEERS = ("OpenNMT-py==3.5.1", "joeynmt==2.3.0")
TORCH = "torch==2.13.0"  # what the peers ask for is years older; all systems run on the same one
NEEDED = (  # what they really import for training and translating on a CPU
    "ConfigArgParse==1.9.0",
    "PyYAML==6.0.3",
    "RapidFuzz==3.14.6",
    "importlib_metadata==10.2.0",
    "matplotlib==3.11.2",
    "numpy==2.4.6",
    "packaging==26.3",
    "pyonmttok==1.38.1",
    "sacrebleu==2.6.0",
    "sentencepiece==0.2.0",  # later ones have no SetVocabulary, which JoeyNMT calls
    "setuptools<81",  # TensorBoard still imports pkg_resources
    "six==1.17.0",
    "subword-nmt==0.3.8",
    "tensorboard==2.21.0",
    "tqdm==4.70.1",
)
EMPTY = ("ahocorasick", "fasttext", "spacy")  # OpenNMT-py imports these for transforms that are not used here


class Environment:
    """A virtual environment with both peers.

    Args:
        folder: Where it is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    @property
    def python(self) -> str:
        return self.program("python")

    def make(self) -> None:
        """Make it unless it is there. Raises RuntimeError with one sentence if the peers cannot be installed."""
        ready = self.folder / "ready"
        if ready.exists() and ready.read_text(encoding="utf-8") == wanted():
            return
        self.call([sys.executable, "-m", "venv", str(self.folder)])
        self.install(TORCH)
        self.install("--no-deps", *PEERS)
        self.install(*NEEDED)
        for name in EMPTY:
            [libraries] = self.folder.glob("lib/python*/site-packages")
            (libraries / f"{name}.py").write_text(
                '"""Imported by OpenNMT-py, used by nobody here."""\n', encoding="utf-8"
            )
        ready.write_text(wanted(), encoding="utf-8")

    def install(self, *what: str) -> None:
        self.call([self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what])

    def call(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no reason was given"]
            raise RuntimeError(f"the peers could not be installed: {said[-1].removeprefix('ERROR: ')}")


def wanted() -> str:
    return "\n".join([TORCH, *PEERS, *NEEDED, *EMPTY]) + "\n"
