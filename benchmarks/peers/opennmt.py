"""OpenNMT-py: two LSTM layers with input feeding, Adam, and the documented sentencepiece transform."""

import re
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus
from benchmarks.peers.environment import Environment
from benchmarks.peers.sizes import DEPTH, DROPOUT, SENTENCES, SIZE, SMOOTHING, VOCABULARY

# its checkpoints are pickles, which current torch loads only on request
ALLOW_PICKLE = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
RATE = re.compile(r"Step +\d+/.* \d+/ *(\d+) tok/s")
CHECKPOINT = re.compile(r"model_step_(\d+)\.pt$")
MODEL = {
    "encoder_type": "brnn",
    "decoder_type": "rnn",
    "rnn_type": "LSTM",
    "layers": DEPTH,
    "hidden_size": SIZE,
    "word_vec_size": SIZE,
    "share_embeddings": True,
    "share_decoder_embeddings": True,
    "param_init": 0.1,
    "dropout": [DROPOUT],
    "label_smoothing": SMOOTHING,
    "optim": "adam",
    "learning_rate": 0.001,
    "max_grad_norm": 5,
    "batch_type": "sents",
    "batch_size": SENTENCES,
    "bucket_size": 32768,  # the whole corpus; the default would read it nine times before the first step
    "num_workers": 0,  # there is only one core
    "keep_checkpoint": -1,
    "seed": 1,
}


class OpenNMT:
    """The command lines, logs and checkpoints of OpenNMT-py."""

    name = "OpenNMT-py"
    translation_batches = (30, 128)  # sentences; 30 is its default
    training_batches = (32, SENTENCES, 128)
    single_sentence_batch = 1

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def speed_command(self, corpus: Corpus, folder: Path, batch: int, steps: int, interval: int) -> Command:
        options = {
            **MODEL,
            **vocabulary_options(corpus.opennmt),
            "data": {"train": corpus_options(corpus.tokenized("train", SOURCE), corpus.tokenized("train", TARGET), [])},
            "save_model": str(folder / "model"),
            "batch_size": batch,
            "train_steps": steps,
            "save_checkpoint_steps": steps,
            "report_every": interval,
        }
        return self.with_config("onmt_train", folder, "train", options)

    def logged_rates(self, folder: Path, log: str) -> list[float]:
        return [float(rate) for rate in RATE.findall(log)]

    def vocabulary_commands(self, corpus: Corpus, folder: Path) -> list[Command]:
        files = [corpus.raw("train", side) for side in (SOURCE, TARGET)]
        learn = (
            "import sentencepiece; sentencepiece.SentencePieceTrainer.train("
            f"input={','.join(map(str, files))!r}, vocab_size={VOCABULARY}, model_prefix={str(folder / 'joint')!r})"
        )
        build = self.with_config(
            "onmt_build_vocab", folder, "build", self.raw_text_options(corpus, folder) | {"overwrite": True}
        )
        return [
            Command([self.environment.python, "-c", learn]),
            build._replace(arguments=[*build.arguments, "-n_sample", "-1"]),
        ]

    def training_command(self, corpus: Corpus, folder: Path, steps: int, interval: int) -> Command:
        options = {
            **MODEL,
            **self.raw_text_options(corpus, folder),
            "save_model": str(folder / "model"),
            "train_steps": steps,
            "save_checkpoint_steps": interval,
            "report_every": 10,
        }
        del options["save_data"]
        return self.with_config("onmt_train", folder, "train", options)

    def raw_text_options(self, corpus: Corpus, folder: Path) -> dict[str, Any]:
        """Return the options for raw text with the sentencepiece transform."""
        return {
            "save_data": str(folder / "data"),
            **vocabulary_options(folder / "joint.vocab"),
            "src_subword_model": str(folder / "joint.model"),
            "tgt_subword_model": str(folder / "joint.model"),
            "data": {
                "train": corpus_options(corpus.raw("train", SOURCE), corpus.raw("train", TARGET), ["sentencepiece"])
            },
        }

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        matches = ((CHECKPOINT.search(path.name), path) for path in folder.glob("model_step_*.pt"))
        return {int(step[1]): path for step, path in matches if step}

    def validation_seconds(self, log: str) -> float:
        return 0.0  # it does not validate

    def translation_command(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        model = str(checkpoint.parent / "joint.model")
        options = {"model": checkpoint, "src": source, "output": output, "beam_size": beams, "batch_size": batch}
        options |= {"transforms": "sentencepiece", "src_subword_model": model, "tgt_subword_model": model}
        arguments = [argument for key, value in options.items() for argument in (f"-{key}", str(value))]
        return Command([self.environment.program("onmt_translate"), *arguments], environment=ALLOW_PICKLE)

    def with_config(self, program: str, folder: Path, name: str, options: dict[str, Any]) -> Command:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return Command([self.environment.program(program), "-config", str(path)], environment=ALLOW_PICKLE)


def vocabulary_options(path: Path) -> dict[str, Any]:
    """Return the options for a shared vocabulary."""
    sizes = {"src_vocab_size": VOCABULARY, "tgt_vocab_size": VOCABULARY}
    return {"src_vocab": str(path), "tgt_vocab": str(path), "share_vocab": True, **sizes}


def corpus_options(source: Path, target: Path, transforms: list[str]) -> dict[str, Any]:
    return {"path_src": str(source), "path_tgt": str(target), "transforms": transforms}
