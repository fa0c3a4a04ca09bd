"""Splits of data sets on the Hugging Face Hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seq2seq.data.corpus_files import SUFFIXES, get_split_names
from seq2seq.data.formats import format_error
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

_DATASET_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_TIMEOUT = 5.0  # seconds until the Hub's first response


def load_hub_split(name: str, split: str, subset: str | None = None) -> "Dataset | None":
    """Download a split of a data set, or open its cached copy; None if it has no such split."""
    with _quiet_hub(name):
        return load_split(name, split, subset)


def hub_has_split(name: str, split: str, subset: str | None = None) -> bool:
    """Return whether a data set has a split, without downloading it."""
    with _quiet_hub(name):
        return _find_split_name(name, split, subset) is not None


def load_split(path: str, split: str, subset: str | None = None) -> "Dataset | None":
    """Load a split with `datasets`; `path` is a name on the Hub or a folder."""
    from datasets import load_dataset

    split_name = _find_split_name(path, split, subset)
    return None if split_name is None else load_dataset(path, subset, split=split_name)


def _find_split_name(path: str, split: str, subset: str | None) -> str | None:
    from datasets import get_dataset_split_names

    available = [str(name) for name in get_dataset_split_names(path, subset)]
    return next((name for name in get_split_names(split) if name in available), None)


@contextmanager
def _quiet_hub(name: str) -> Iterator[None]:
    """Disable progress bars, warnings and retries, and raise UserErrors of one sentence."""
    if not _DATASET_NAME.fullmatch(name) or name.endswith(SUFFIXES):
        raise UserError(f"there is no file or folder {name}")
    import datasets
    import huggingface_hub

    modules: list[Any] = [datasets.config, huggingface_hub.constants]
    offline = [module.HF_HUB_OFFLINE for module in modules]
    bars_disabled = datasets.utils.are_progress_bars_disabled()
    loggers = datasets.logging, huggingface_hub.logging
    levels = [logger.get_verbosity() for logger in loggers]
    reachable = True
    try:
        datasets.utils.disable_progress_bars()
        for logger in loggers:
            logger.set_verbosity_error()
        reachable = _is_reachable(name)
        for module in modules:  # or each of many requests is retried six times, with growing delays
            module.HF_HUB_OFFLINE = module.HF_HUB_OFFLINE or not reachable
        yield
    except Exception as error:
        reason = format_error(error) if reachable else "it cannot be reached, and no data set of this name is cached"
        raise UserError(
            f"there is no file or folder {name}, and the Hugging Face Hub could not provide it either: {reason}"
        ) from error
    finally:
        for module, value in zip(modules, offline, strict=True):
            module.HF_HUB_OFFLINE = value
        if not bars_disabled:
            datasets.utils.enable_progress_bars()
        for logger, level in zip(loggers, levels, strict=True):
            logger.set_verbosity(level)


def _is_reachable(name: str) -> bool:
    """Return whether the Hub can be reached. Raises a UserError if it can and does not have the data set."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        HfApi().dataset_info(name, timeout=_TIMEOUT)
    except RepositoryNotFoundError:
        raise UserError("it has no such data set, or it is private") from None
    except HfHubHTTPError:
        return True
    except Exception:  # the network stack may raise anything
        return False
    return True
