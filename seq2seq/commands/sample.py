"""`seq2seq sample`: generate text with a language model, written as it is generated."""

import itertools
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated

from seq2seq.commands.dataclass_options import Omit
from seq2seq.commands.lines import text_lines
from seq2seq.errors import UserError
from seq2seq.quantization import Precision
from seq2seq.ranges import Count, checked
from seq2seq.search import Sampling
from seq2seq.standard_streams import rank_zero_log

if TYPE_CHECKING:
    from seq2seq.inference import TextGenerator

SPOOL_CHARACTERS = 1 << 16  # characters of a waiting text in memory, before it goes to a temporary file
BATCH_TEXTS = 256  # texts generated together, each with an open file
NUM_SEEDS = 1 << 32


@checked
def sample(
    checkpoint: str,
    prompt: str = "\n",
    prompts: str | None = None,
    length: Count = 500,
    sampling: Annotated[Sampling, Omit(("min_length",))] = Sampling(temperature=0.8),  # a text has no end
    count: Count = 1,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    r"""Generate text from a prompt with a language model, in constant memory.

    The text is written as it is generated. Several texts are generated together and separated by an empty line: the
    first is written at once, and the others wait for it in temporary files.

    examples:
      seq2seq sample runs/shakespeare-lstm/1 --prompt "ROMEO:" --length 500 --temperature 0.8
      seq2seq sample runs/shakespeare-lstm/1 --prompts prompts.txt --length 100 --top-p 0.9

    Args:
        checkpoint: A checkpoint, or the folder of a run; runs/NAME is the newest run of a name.
        prompt: Start of the text; by default a newline.
        prompts: File with one prompt per line, instead of one prompt; - for standard input.
        length: Number of tokens to generate.
        count: Number of texts for each prompt.
        device: Device that runs the model: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16, or int8 (CPU only); by default as saved.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    from seq2seq.tasks import load_text_generator

    if prompts is not None and prompt != "\n":
        raise UserError("--prompt and --prompts cannot be combined")
    all_prompts = [prompt] if prompts is None else list(text_lines(prompts))
    if not all_prompts:
        name = "standard input" if prompts == "-" else prompts
        raise UserError(f"{name} is empty, so there is no prompt to continue")
    generator = load_text_generator(checkpoint, device, precision, trust or ())
    report_unknown(all_prompts, generator)
    repeated = (prompt for prompt in all_prompts for _ in range(count))
    for number in itertools.count():
        if not (batch := list(itertools.islice(repeated, BATCH_TEXTS))):
            break
        sys.stdout.write("\n\n" if number else "")
        write_texts(generator, batch, length, replace(sampling, seed=(sampling.seed + number) % NUM_SEEDS))
    sys.stdout.write("\n")


def report_unknown(prompts: Sequence[str], generator: "TextGenerator") -> None:
    """Print on standard error how many tokens of the prompts are unknown, and how many bytes are not UTF-8."""
    from seq2seq.tokenizers.unknown import UnknownTokenCounts

    counts = UnknownTokenCounts()
    counts.add(generator.tokenizer.encode_batch(list(prompts)))
    counts.report("tokens", "prompt: " if len(prompts) == 1 else "prompts: ")
    if surrogates := sum("\ud800" <= character <= "\udfff" for prompt in prompts for character in prompt):
        rank_zero_log(f"{surrogates:,} bytes of the prompt are not UTF-8 and each is read as U+FFFD")


def write_texts(generator: "TextGenerator", prompts: Sequence[str], length: int, sampling: Sampling) -> None:
    """Write several texts to standard output, separated by an empty line."""
    with ExitStack() as stack:
        waiting = [
            stack.enter_context(
                SpooledTemporaryFile(SPOOL_CHARACTERS, "w+", encoding="utf-8", errors="surrogateescape", newline="")
            )
            for _ in prompts[1:]
        ]
        files = [sys.stdout, *waiting]
        for file, prompt in zip(files, prompts, strict=True):
            file.write(prompt)
        for pieces in generator.generate(prompts, length, sampling):
            for file, piece in zip(files, pieces, strict=True):
                file.write(piece)
            sys.stdout.flush()
        for file in waiting:
            sys.stdout.write("\n\n")
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout)
