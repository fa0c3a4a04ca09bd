"""The command line: `seq2seq COMMAND`."""

import atexit
import gc
import os
import sys
import warnings
from importlib import import_module

from seq2seq.standard_streams import discard_output, fill_closed_streams, standard_output

COMMANDS = {
    "fit": "train a model from a configuration",
    "validate": "the loss on the validation split",
    "test": "the loss on the test split",
    "predict": "predictions for the test split",
    "tokenize": "learn a tokenizer from text files",
    "sample": "generate text with a language model",
    "translate": "translate lines with a translator or an ensemble",
    "evaluate": "BLEU, chrF and TER of translations; nats, bits and perplexity of a language model",
    "score": "log-probabilities of given text or given translations",
    "compare": "train several layers under one budget and report the best",
    "average": "average the weights of several checkpoints",
    "quantize": "save a trained model with int8 or bfloat16 weights",
    "shortlist": "learn the likely target tokens of each source token",
    "inspect": "how far back a model's gradient reaches",
}
MAX_ERROR_LENGTH = 500  # characters
TRAINER_COMMANDS = ("fit", "validate", "test", "predict")

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

`seq2seq COMMAND --help` lists the options of a command. SEQ2SEQ_TRACEBACK=1 prints the traceback of an error."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; a user error is one line on standard error."""
    # batches have hundreds of shapes, and oneDNN would cache kernels and buffers for each: gigabytes in an hour
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if arguments is None and not set(sys.argv[1:2]).intersection(TRAINER_COMMANDS):  # these need orderly finalizers
        tune_garbage_collection()
    warnings.formatwarning = lambda message, *_, **__: f"seq2seq: {message}\n"
    fill_closed_streams()
    try:
        with standard_output():
            return run_command(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        # the reader of the output has closed it, as `head` does: no error
        discard_output()
        return 141
    except KeyboardInterrupt:
        return 130
    except ValueError as error:
        from seq2seq.errors import UserError  # imports inside functions keep the start of every command fast

        if not isinstance(error, UserError) or os.environ.get("SEQ2SEQ_TRACEBACK"):
            raise
        return print_error(one_line(error))


def tune_garbage_collection() -> None:
    """Collect garbage rarely, and skip it at exit: scanning the objects of torch's modules is slow."""
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


def run_command(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP.format(commands="\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())))
        return 0 if arguments else 2
    command, options = arguments[0], arguments[1:]
    if command == "--version":
        from seq2seq import __version__

        print(f"seq2seq {__version__}")
        return 0
    if command not in COMMANDS:
        from seq2seq.errors import closest_name
        from seq2seq.ranges import shorten

        near = closest_name(command, [*COMMANDS, "--help", "--version"])
        return print_error(f"there is no command {shorten(command)}" + (f"; did you mean {near}?" if near else ""))
    from seq2seq.memory import memory_errors

    with memory_errors("a smaller model, shorter lines or smaller batches need less"):
        if command in TRAINER_COMMANDS:
            from seq2seq.commands.experiment import run

            run(arguments)
        else:
            from seq2seq.commands.parser import call

            call(getattr(import_module(f"seq2seq.commands.{command}"), command), options)
    return 0


def one_line(error: Exception) -> str:
    """Return an error's message on one line, with the middle of a long one cut out."""
    text = " ".join(str(error).split()) or type(error).__name__
    return (
        text
        if len(text) <= MAX_ERROR_LENGTH
        else f"{text[: MAX_ERROR_LENGTH // 2]} ... {text[-MAX_ERROR_LENGTH // 2 :]}"
    )


def print_error(message: str) -> int:
    print(f"seq2seq: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
