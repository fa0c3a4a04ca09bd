"""`seq2seq quantize`: a trained model with rounded weights, as a smaller file."""

from typing import Literal

from seq2seq.errors import UserError
from seq2seq.storage import check_output


def quantize(
    checkpoint: str, output: str, precision: Literal["bf16", "int8"] = "int8", trust: str | None = None
) -> None:
    """Save a trained model with rounded weights: a smaller file that translates and writes faster on a CPU.

    What is saved can be used wherever a checkpoint can, and no longer trained. Without saving, --precision of
    translate, sample, evaluate and score rounds the same way each time.

    examples:
      seq2seq quantize runs/phrasebook-lstm/1 --output phrasebook.int8.ckpt
      seq2seq translate phrasebook.int8.ckpt < source.txt > target.txt

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        output: File to write.
        precision: bf16 has 8 significant bits, int8 whole numbers of 8 bits with a scale for each row.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    from seq2seq.checkpoint import find, save
    from seq2seq.data.vocabulary import data_of
    from seq2seq.inference.checkpoint import open_checkpoint, read
    from seq2seq.inference.checkpoint_validation import check_finite, nbytes

    check_output(output)
    held = read(checkpoint)
    try:
        check_finite(held["state_dict"])
    except UserError as error:
        raise UserError(f"{find(checkpoint)} cannot be rounded: {error}") from error
    rounded = open_checkpoint(checkpoint, precision, trust or ()).model.state_dict()
    kept = {"model": held["model"], "precision": precision, "state_dict": rounded, "data": data_of(held)}
    save(kept, output)
    before, after = (f"{nbytes(weights) / 1e6:.1f} MB" for weights in (held["state_dict"], rounded))
    print(f"{output} holds {find(checkpoint)} in {precision}: {after} of weights instead of {before}")
