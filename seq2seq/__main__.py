"""The one door: `seq2seq <command>`."""

import atexit
import gc
import os
import sys
import warnings
from importlib import import_module

from seq2seq.standard_streams import discard_output, occupy_closed_streams, standard_output

COMMANDS = {
    "fit": "train a model from a configuration",
    "validate": "the loss on the validation split",
    "test": "the loss on the test split",
    "predict": "what a model says of the test split",
    "tokenize": "learn a vocabulary from text files",
    "sample": "go on with text, with a language model",
    "translate": "translate lines, with one translator or several",
    "evaluate": "BLEU, chrF and TER of translations; nats, bits and perplexity of a language model",
    "score": "how likely given text or given translations are",
    "compare": "train several layers under one budget, and say which is best",
    "average": "one checkpoint from the mean of several",
    "quantize": "save a trained model with rounded weights",
    "shortlist": "learn which target words a translator has to look at for a source",
    "inspect": "how far back a model's gradient reaches",
}
LONGEST = 500  # characters of a sentence
EXPERIMENTS = ("fit", "validate", "test", "predict")

HELP = """usage: seq2seq COMMAND [OPTIONS]

Recurrent sequence models of text: language models and translators.

commands:
{commands}

examples:
  seq2seq fit --config configs/translation/phrasebook-lstm.yaml
  seq2seq fit --config configs/language/shakespeare-lstm.yaml --data.corpus my-texts --model.size 1024
  seq2seq translate runs/phrasebook-lstm/1 < source.txt > target.txt
  seq2seq sample runs/shakespeare-lstm/1 --prompt "ROMEO:" --length 500 --temperature 0.8
  seq2seq evaluate runs/phrasebook-lstm/1
  seq2seq compare --config configs/language/library-lstm.yaml --layers LSTM RGLRU Mamba --minutes 5
  seq2seq inspect gradients runs/shakespeare-lstm/1 --untrained

`seq2seq COMMAND --help` says more. SEQ2SEQ_TRACEBACK=1 shows where an error came from."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a mistake of the user is one line on standard error and a status that is not zero."""
    # batches come in hundreds of shapes, and oneDNN would keep kernels and buffers for each: gigabytes in an hour
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if arguments is None and not set(sys.argv[1:2]).intersection(EXPERIMENTS):  # whose loggers and workers end in order
        tune_garbage_collection()
    warnings.formatwarning = lambda message, *_, **__: f"seq2seq: {message}\n"
    occupy_closed_streams()
    try:
        with standard_output():
            return run_command(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        # whoever read the output has left, which is no mistake of theirs
        discard_output()
        return 141
    except KeyboardInterrupt:
        return 130
    except ValueError as error:
        from seq2seq.errors import UserError  # not imported where nothing is wrong, nor are the others within functions

        if not isinstance(error, UserError) or os.environ.get("SEQ2SEQ_TRACEBACK"):
            raise
        return print_error(sentence(error))


def tune_garbage_collection() -> None:
    """Look for garbage among what torch imports seldom, and not at the end, where it took longer than many a line."""
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


def run_command(given: list[str]) -> int:
    """Run one command."""
    if not given or given[0] in ("-h", "--help"):
        print(HELP.format(commands="\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())))
        return 0 if given else 2
    command, rest = given[0], given[1:]
    if command == "--version":
        from seq2seq import __version__

        print(f"seq2seq {__version__}")
        return 0
    if command not in COMMANDS:
        import difflib

        from seq2seq.ranges import brief

        near = difflib.get_close_matches(command, [*COMMANDS, "--help", "--version"], n=1)
        return print_error(f"there is no command {brief(command)}" + (f"; did you mean {near[0]}?" if near else ""))
    from seq2seq.memory_errors import memory_errors

    with memory_errors("a smaller model, shorter lines or smaller batches need less"):
        if command in EXPERIMENTS:
            from seq2seq.commands.experiment import run

            run(given)
        else:
            from seq2seq.commands.parser import call

            call(getattr(import_module(f"seq2seq.commands.{command}"), command), rest)
    return 0


def sentence(error: Exception) -> str:
    """Return what an error says, on one line that is not endless."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def print_error(message: str) -> int:
    print(f"seq2seq: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
