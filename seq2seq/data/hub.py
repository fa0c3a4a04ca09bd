"""Splits of data sets on the Hugging Face Hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seq2seq.data.corpus_files import ENDINGS, names_of
from seq2seq.data.formats import one_line
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_SECONDS = 5.0  # to wait for the Hub's first answer


def hub_split(name: str, split: str, subset: str | None = None) -> "Dataset | None":
    """Download a split of a data set, or open what was downloaded earlier; None if there is no such split."""
    with _hub(name):
        return open_split(name, split, subset)


def hub_has_split(name: str, split: str, subset: str | None = None) -> bool:
    """Whether a data set has a split, without downloading it."""
    with _hub(name):
        return _name_there(name, split, subset) is not None


def open_split(path: str, split: str, subset: str | None = None) -> "Dataset | None":
    """Open a split with `datasets`; `path` is a name on the Hub, or a folder."""
    from datasets import load_dataset

    there = _name_there(path, split, subset)
    return None if there is None else load_dataset(path, subset, split=there)


def _name_there(path: str, split: str, subset: str | None) -> str | None:
    from datasets import get_dataset_split_names

    there = [str(name) for name in get_dataset_split_names(path, subset)]
    return next((name for name in names_of(split) if name in there), None)


@contextmanager
def _hub(name: str) -> Iterator[None]:
    """Work without progress bars and warnings, without long waits, and with errors of one sentence."""
    if not _NAME.fullmatch(name) or name.endswith(ENDINGS):
        raise UserError(f"there is no file or folder {name}")
    import datasets
    import huggingface_hub

    places: list[Any] = [datasets.config, huggingface_hub.constants]
    offline = [place.HF_HUB_OFFLINE for place in places]
    bars = datasets.utils.are_progress_bars_disabled()
    loggers = datasets.logging, huggingface_hub.logging
    levels = [logger.get_verbosity() for logger in loggers]
    answers = True
    try:
        datasets.utils.disable_progress_bars()
        for logger in loggers:
            logger.set_verbosity_error()
        answers = _answers(name)
        for place in places:  # or each of many requests is tried six times, with growing pauses
            place.HF_HUB_OFFLINE = place.HF_HUB_OFFLINE or not answers
        yield
    except Exception as error:
        reason = one_line(error) if answers else "it does not answer, and gave nothing of this name earlier"
        raise UserError(
            f"there is no file or folder {name}, and the Hugging Face Hub could not give it either: {reason}"
        ) from error
    finally:
        for place, value in zip(places, offline, strict=True):
            place.HF_HUB_OFFLINE = value
        if not bars:
            datasets.utils.enable_progress_bars()
        for logger, level in zip(loggers, levels, strict=True):
            logger.set_verbosity(level)


def _answers(name: str) -> bool:
    """Whether the Hub can be reached; raises if it can and does not have the data set."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        HfApi().dataset_info(name, timeout=_SECONDS)
    except RepositoryNotFoundError:
        raise UserError("it has no such data set, or not for you") from None
    except HfHubHTTPError:
        return True
    except Exception:  # whatever the network or its library raises
        return False
    return True
