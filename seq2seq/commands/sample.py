"""`seq2seq sample`: go on with text, written as it is generated."""

import shutil
import sys
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile

from seq2seq.commands.lines import text_lines
from seq2seq.errors import UserError
from seq2seq.precision import Precision

IN_MEMORY = 1 << 16  # characters of a waiting text that are kept out of its file


def sample(
    checkpoint: str,
    prompt: str = "\n",
    prompts: str | None = None,
    length: int = 500,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int = 1,
    count: int = 1,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    r"""Go on with a prompt, with a language model, in constant memory.

    The text is written as it is generated. Several texts are generated together: the first one is written at once, the
    others wait for it in temporary files, and an empty line stands between them.

    examples:
      seq2seq sample runs/shakespeare-lstm/1 --prompt "ROMEO:" --length 500 --temperature 0.8
      seq2seq sample runs/shakespeare-lstm/1 --prompts prompts.txt --length 100 --top-p 0.9

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        prompt: What is gone on with.
        prompts: File with a prompt a line, instead of one prompt; - for standard input.
        length: Tokens to write.
        temperature: How likely unlikely tokens are; 0 always takes the likeliest.
        top_k: Only the so many likeliest tokens; 0 for all.
        top_p: Only the likeliest tokens that together have this probability.
        min_p: Only tokens at least this fraction as likely as the likeliest.
        seed: The same seed writes the same text.
        count: Texts for each prompt.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    from seq2seq.inference import load_writer
    from seq2seq.search import Sampler

    if length < 1 or count < 1:
        raise UserError(f"length and count must be at least 1, and {length} and {count} were given")
    sampler = Sampler(temperature, top_k, top_p, min_p)
    sampler.check()
    starts = [start for start in (list(text_lines(prompts)) if prompts else [prompt]) for _ in range(count)]
    writer = load_writer(checkpoint, device, precision, trust or ())
    with ExitStack() as stack:
        waiting = [
            stack.enter_context(
                SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", errors="surrogateescape", newline="")
            )
            for _ in starts[1:]
        ]
        files = [sys.stdout, *waiting]
        for file, start in zip(files, starts, strict=True):
            file.write(start)
        for pieces in writer.write(starts, length, sampler, seed):
            for file, piece in zip(files, pieces, strict=True):
                file.write(piece)
            sys.stdout.flush()
        for file in waiting:
            sys.stdout.write("\n\n")
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout)
        sys.stdout.write("\n")
