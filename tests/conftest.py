"""Shared fixtures and settings of the tests."""

import os
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook
from tiny_runs import Runs, make_runs

# checks the shapes in the types of these packages in every test; must come before the first import of them
install_import_hook(
    [f"seq2seq.{package}" for package in ("recurrence", "nn", "quantization", "models", "search", "state")],
    "shape_checks.checked",
)


# no deadline, since the machine may be busy; derandomized, so that failures are reproducible
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Use a temporary cache, shared by the processes of one test run, instead of the user's cache."""
    if not hasattr(config, "workerinput"):
        folder = TemporaryDirectory(prefix="seq2seq-tests-", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ["SEQ2SEQ_CACHE"] = folder.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, to keep parallel workers evenly busy."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A tiny translator and a tiny language model, trained once."""
    return make_runs(tmp_path_factory.mktemp("runs"))
