"""Reading of a model's checkpoint, validated before anything is built from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seq2seq import checkpoint as checkpoint_file
from seq2seq.checkpoint import find_checkpoint
from seq2seq.data.vocabulary import check_data_state, find_data_state
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint_validation import check_model
from seq2seq.inference.vocabularies import vocabularies_of
from seq2seq.tokenizers.storage import imported_modules


def read_checkpoint(checkpoint: str | Path, mapped: bool = True) -> dict[str, Any]:
    """Return the content of a model's checkpoint, validated, without executing code from it.

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        mapped: Whether tensors stay in the file, memory-mapped.
    """
    path = find_checkpoint(checkpoint)
    content = checkpoint_file.load(path, mapped)
    if "model" not in content or not find_data_state(content):
        raise UserError(f"{path} is not a checkpoint of seq2seq: it contains no model with its tokenizers")
    with user_errors(path):
        check_model(content)
        check_data_state(find_data_state(content))
    return content


def read_trained_checkpoint(checkpoint: str | Path, mapped: bool = True) -> dict[str, Any]:
    """Return the content of a checkpoint that is not quantized, so that it can be trained or averaged.

    Its tokenizers may be of users' classes whose modules are imported.
    """
    content = read_checkpoint(checkpoint, mapped)
    if (saved := content.get("precision", "float32")) != "float32":
        raise UserError(
            f"{find_checkpoint(checkpoint)} was saved in {saved}: only translate, sample, evaluate and score can use it"
        )
    with user_errors(find_checkpoint(checkpoint)):
        vocabularies_of(content, imported_modules())
    return content


@contextmanager
def user_errors(path: Path) -> Iterator[None]:
    """Raise a UserError for any exception, since forged options can make a constructor raise any."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:400]
        name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        raise UserError(f"{path} cannot be used: {name}{reason}") from error
