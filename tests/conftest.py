"""What every test shares."""

from collections.abc import Iterator

import pytest
from jaxtyping import install_import_hook
from tiny_runs import Runs, make_runs

# the shapes in these rooms' types are checked wherever a test calls them; it must come before they are imported
install_import_hook(
    [f"seq2seq.{room}" for room in ("recurrence", "attention", "models", "search", "state", "dropout")],
    "shape_checks.checked",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, or one process would still be at them when the other has nothing left to do."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests read out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQ2SEQ_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def runs(cache_of_its_own: None, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A tiny translator and a tiny language model, trained once."""
    return make_runs(tmp_path_factory.mktemp("runs"))
