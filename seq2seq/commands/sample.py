"""`seq2seq sample`: go on with text, written as it is generated."""

import sys

from seq2seq.commands.lines import text_lines


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
) -> None:
    r"""Go on with a prompt, with a language model; the text is written as it is generated, in constant memory.

    examples:
      seq2seq sample runs/shakespeare-lstm/1 --prompt "ROMEO:" --length 500 --temperature 0.8
      seq2seq sample runs/shakespeare-lstm/1 --prompts prompts.txt --length 100 --top_p 0.9

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        prompt: What is gone on with.
        prompts: File with a prompt a line, instead of one prompt; an empty line stands between texts.
        length: Tokens to write.
        temperature: How likely unlikely tokens are; 0 always takes the likeliest.
        top_k: Only the so many likeliest tokens; 0 for all.
        top_p: Only the likeliest tokens that together have this probability.
        min_p: Only tokens at least this fraction as likely as the likeliest.
        seed: The same seed writes the same text.
        count: Texts for each prompt.
        device: Where the model runs: auto, cpu, cuda, ...
    """
    from seq2seq.inference import load_writer
    from seq2seq.search import Sampler

    if length < 1 or count < 1:
        raise ValueError(f"length and count must be at least 1, and {length} and {count} were given")
    sampler = Sampler(temperature, top_k, top_p, min_p)
    sampler.check()
    starts = [start for start in (list(text_lines(prompts)) if prompts else [prompt]) for _ in range(count)]
    writer = load_writer(checkpoint, device)
    if len(starts) == 1:
        show(starts[0])
        for (piece,) in writer.write(starts, length, sampler, seed):
            show(piece)
        show("\n")
        return
    texts = list(starts)
    for pieces in writer.write(starts, length, sampler, seed):
        texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
    show("\n\n".join(texts) + "\n")


def show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
