"""`seq2seq quantize`: a trained model with int8 or bfloat16 weights, as a smaller file."""

from typing import Literal

from seq2seq.commands.lines import check_other_file
from seq2seq.errors import prefix_errors
from seq2seq.storage import check_output


def quantize(
    checkpoint: str, output: str, precision: Literal["bf16", "int8"] = "int8", trust: str | None = None
) -> None:
    """Save a trained model with quantized weights: a smaller file that is faster on a CPU.

    The result can be used like any checkpoint, but not trained. --precision of translate, sample, evaluate and score
    quantizes in the same way without saving.

    examples:
      seq2seq quantize runs/phrasebook-lstm/1 --output phrasebook.int8.ckpt
      seq2seq translate phrasebook.int8.ckpt < source.txt > target.txt

    Args:
        checkpoint: A checkpoint, or the folder of a run; runs/NAME is the newest run of a name.
        output: File to write.
        precision: bf16 has 8 significant bits; int8 has 8-bit integers with a scale for each row.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    from seq2seq.checkpoint import find_checkpoint, save
    from seq2seq.data.vocabulary import find_data_state
    from seq2seq.inference.checkpoint import read_checkpoint
    from seq2seq.inference.checkpoint_validation import check_finite, nbytes
    from seq2seq.tasks.loading import open_checkpoint

    check_other_file("--output", output, map(find_checkpoint, [checkpoint]))
    check_output(output)
    contents = read_checkpoint(checkpoint)
    weights = contents["state_dict"]
    with prefix_errors(f"{find_checkpoint(checkpoint)} cannot be quantized"):
        check_finite(weights)
    quantized = open_checkpoint(checkpoint, precision, trust or ()).network.state_dict()
    data = find_data_state(contents)
    save({"model": contents["model"], "precision": precision, "state_dict": quantized, "data": data}, output)
    old_size, new_size = (f"{nbytes(state_dict) / 1e6:.1f} MB" for state_dict in (weights, quantized))
    print(f"{output} is {find_checkpoint(checkpoint)} in {precision}: {new_size} of weights instead of {old_size}")
