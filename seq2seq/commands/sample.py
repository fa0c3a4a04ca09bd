"""`seq2seq sample`: go on with text, written as it is generated."""

import itertools
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from seq2seq.commands.lines import text_lines
from seq2seq.errors import UserError
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import Count, CountOrZero, NonNegative, Probability, Seed, TopP, checked
from seq2seq.rank_zero import rank_zero_log

if TYPE_CHECKING:
    from seq2seq.inference import TextGenerator
    from seq2seq.search import Sampling

IN_MEMORY = 1 << 16  # characters of a waiting text that are kept out of its file
TOGETHER = 256  # texts that are generated together, each with a file that is open
SEEDS = 1 << 32


@checked
def sample(
    checkpoint: str,
    prompt: str = "\n",
    prompts: str | None = None,
    length: Count = 500,
    temperature: NonNegative = 0.8,
    top_k: CountOrZero = 0,
    top_p: TopP = 1.0,
    min_p: Probability = 0.0,
    allow_unknown: bool = False,
    seed: Seed = 1,
    count: Count = 1,
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
        prompt: What is gone on with; the end of a line by default.
        prompts: File with a prompt a line, instead of one prompt; - for standard input.
        length: Tokens to write.
        temperature: How likely unlikely tokens are; 0 always takes the likeliest.
        top_k: Only the so many likeliest tokens; 0 for all.
        top_p: Of these, only the likeliest that together have this share of their probability.
        min_p: Of these, only tokens at least this fraction as likely as the likeliest.
        allow_unknown: Let <unk> be written, where the model finds it likely.
        seed: The same seed writes the same text.
        count: Texts for each prompt.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    from seq2seq.inference import load_text_generator
    from seq2seq.search import Sampling

    sampler = Sampling(temperature, top_k, top_p, min_p, allow_unknown)
    if prompts is not None and prompt != "\n":
        raise UserError("--prompts names a file with a prompt a line, so there is no place for --prompt")
    starts = [prompt] if prompts is None else list(text_lines(prompts))
    if not starts:
        name = "standard input" if prompts == "-" else prompts
        raise UserError(f"{name} is empty, so there is no prompt to go on with")
    writer = load_text_generator(checkpoint, device, precision, trust or ())
    report_unread(starts, writer)
    every = (start for start in starts for _ in range(count))
    for number in itertools.count():
        if not (some := list(itertools.islice(every, TOGETHER))):
            break
        sys.stdout.write("\n\n" if number else "")
        write_together(writer, some, length, sampler, (seed + number) % SEEDS)
    sys.stdout.write("\n")


def report_unread(prompts: Sequence[str], writer: "TextGenerator") -> None:
    """Say on standard error what of the prompts the tokenizer does not know, and what of them is no text at all."""
    from seq2seq.tokenizers.unknown import UnknownTokens

    counts = UnknownTokens()
    counts.add(writer.tokenizer.encode_batch(list(prompts)))
    counts.report("tokens", "prompt: " if len(prompts) == 1 else "prompts: ")
    if surrogates := sum("\ud800" <= character <= "\udfff" for prompt in prompts for character in prompt):
        rank_zero_log(f"{surrogates:,} bytes of the prompt are no UTF-8 and each is read as U+FFFD")


def write_together(writer: "TextGenerator", starts: Sequence[str], length: int, sampler: "Sampling", seed: int) -> None:
    """Write several texts on standard output, with an empty line between them."""
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
