"""A separate virtual environment for the peers, whose pinned requirements are older than ours."""

import subprocess
import sys
from pathlib import Path

PEERS = ("OpenNMT-py==3.5.1", "joeynmt==2.3.0")
TORCH = "torch==2.13.0"  # the peers require much older versions; all systems run on the same one
REQUIREMENTS = (  # what training and translation on a CPU import
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
STUB_MODULES = ("ahocorasick", "fasttext", "spacy")  # OpenNMT-py imports these for transforms that are not used here


class Environment:
    """A virtual environment with both peers.

    Args:
        folder: Its path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    @property
    def python(self) -> str:
        return self.program("python")

    def create(self) -> None:
        """Create the environment unless it exists. Raises RuntimeError if the peers cannot be installed."""
        ready = self.folder / "ready"
        if ready.exists() and ready.read_text(encoding="utf-8") == expected_contents():
            return
        self.run([sys.executable, "-m", "venv", str(self.folder)])
        self.install(TORCH)
        self.install("--no-deps", *PEERS)
        self.install(*REQUIREMENTS)
        for name in STUB_MODULES:
            [site_packages] = self.folder.glob("lib/python*/site-packages")
            (site_packages / f"{name}.py").write_text(
                '"""Imported by OpenNMT-py but not used here."""\n', encoding="utf-8"
            )
        ready.write_text(expected_contents(), encoding="utf-8")

    def install(self, *packages: str) -> None:
        self.run([self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])

    def run(self, command: list[str]) -> None:
        completed = subprocess.run(command, capture_output=True, text=True)
        if completed.returncode != 0:
            errors = [line for line in completed.stderr.splitlines() if line.startswith("ERROR")] or [
                "no reason was given"
            ]
            raise RuntimeError(f"the peers could not be installed: {errors[-1].removeprefix('ERROR: ')}")


def expected_contents() -> str:
    return "\n".join([TORCH, *PEERS, *REQUIREMENTS, *STUB_MODULES]) + "\n"
