"""What the comparisons with public packages share: the record of how far they agree, printed at the end."""

import os
from collections.abc import Iterator

import pytest
import torch
from agreement import EXACT, Agreement, Compare, Comparison, Row

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here is pretrained, so nothing is fetched
os.environ["RWKV_JIT_ON"] = "0"
os.environ["RWKV_V7_ON"] = "0"

AGREEMENT = pytest.StashKey[Agreement]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[AGREEMENT] = Agreement()


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    agreement = request.config.stash[AGREEMENT]

    def begin(ours: str, package: str, remark: str = "", tolerance: float = EXACT) -> Comparison:
        return Comparison(agreement, Row(ours, package, remark), tolerance)

    return begin


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make new layers, ours and theirs, in float64, also where a package would go down to float32 on its way.

    What differs then is no rounding of float32, in which an epsilon in the wrong place would be hard to see.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    for name in ("float", "float32"):
        monkeypatch.setattr(torch, name, torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    yield
    torch.set_default_dtype(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    agreement = config.stash[AGREEMENT]
    if agreement.rows:
        terminalreporter.write_sep("-", "agreement with public packages")
        for line in agreement.table():
            terminalreporter.write_line(line)
