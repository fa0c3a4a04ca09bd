"""Fixtures of the comparisons with public packages, and the table of differences that is printed at the end."""

import os
from collections.abc import Iterator

import pytest
import torch
from agreement import EXACT, Agreement, Compare, Comparison, Row

os.environ["HF_HUB_OFFLINE"] = "1"  # no test needs a pretrained model
os.environ["RWKV_JIT_ON"] = "0"
os.environ["RWKV_V7_ON"] = "0"

AGREEMENT = pytest.StashKey[Agreement]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[AGREEMENT] = Agreement()


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    agreement = request.config.stash[AGREEMENT]

    def comparison(ours: str, package: str, remark: str = "", tolerance: float = EXACT) -> Comparison:
        return Comparison(agreement, Row(ours, package, remark), tolerance)

    return comparison


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make all computations float64, also where a package would cast to float32.

    The rounding of float32 would hide small differences, such as an epsilon in another place.
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    for name in ("float", "float32"):
        monkeypatch.setattr(torch, name, torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    yield
    torch.set_default_dtype(default)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    agreement = config.stash[AGREEMENT]
    if agreement.rows:
        terminalreporter.write_sep("-", "agreement with public packages")
        for line in agreement.table():
            terminalreporter.write_line(line)
