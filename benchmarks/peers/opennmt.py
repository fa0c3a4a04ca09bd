"""OpenNMT-py: its two layers of LSTM with input feeding, Adam, and the sentencepiece transform of its documents."""

import re
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus
from benchmarks.peers.environment import Environment
from benchmarks.peers.sizes import DEPTH, DROPOUT, SENTENCES, SIZE, SMOOTHING, VOCABULARY

# it reads its own checkpoints as pickles, which today's torch does only when told
TRUSTING = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
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
    "bucket_size": 32768,  # the whole corpus once; the default reads it nine times before the first step
    "num_workers": 0,  # there is only one core
    "keep_checkpoint": -1,
    "seed": 1,
}


class OpenNMT:
    name = "OpenNMT-py"
    batches = (30, 128)  # sentences; 30 is its default
    training_batches = (32, SENTENCES, 128)
    single = 1

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def speed_run(self, corpus: Corpus, folder: Path, batch: int, steps: int, every: int) -> Command:
        options = {
            **MODEL,
            **vocabulary(corpus.opennmt),
            "data": {"train": pair(corpus.cut("train", SOURCE), corpus.cut("train", TARGET), [])},
            "save_model": str(folder / "model"),
            "batch_size": batch,
            "train_steps": steps,
            "save_checkpoint_steps": steps,
            "report_every": every,
        }
        return self.with_config("onmt_train", folder, "train", options)

    def rates(self, folder: Path, log: str) -> list[float]:
        return [float(found) for found in RATE.findall(log)]

    def vocabulary(self, corpus: Corpus, folder: Path) -> list[Command]:
        raw = [corpus.raw("train", side) for side in (SOURCE, TARGET)]
        learn = (
            "import sentencepiece; sentencepiece.SentencePieceTrainer.train("
            f"input={','.join(map(str, raw))!r}, vocab_size={VOCABULARY}, model_prefix={str(folder / 'joint')!r})"
        )
        build = self.with_config("onmt_build_vocab", folder, "build", self.raw(corpus, folder) | {"overwrite": True})
        return [
            Command([self.environment.python, "-c", learn]),
            build._replace(arguments=[*build.arguments, "-n_sample", "-1"]),
        ]

    def training(self, corpus: Corpus, folder: Path, steps: int, every: int) -> Command:
        options = {
            **MODEL,
            **self.raw(corpus, folder),
            "save_model": str(folder / "model"),
            "train_steps": steps,
            "save_checkpoint_steps": every,
            "report_every": 10,
        }
        del options["save_data"]
        return self.with_config("onmt_train", folder, "train", options)

    def raw(self, corpus: Corpus, folder: Path) -> dict[str, Any]:
        """Raw text with the sentencepiece transform."""
        return {
            "save_data": str(folder / "data"),
            **vocabulary(folder / "joint.vocab"),
            "src_subword_model": str(folder / "joint.model"),
            "tgt_subword_model": str(folder / "joint.model"),
            "data": {"train": pair(corpus.raw("train", SOURCE), corpus.raw("train", TARGET), ["sentencepiece"])},
        }

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        found = ((CHECKPOINT.search(path.name), path) for path in folder.glob("model_step_*.pt"))
        return {int(step[1]): path for step, path in found if step}

    def validating(self, log: str) -> float:
        return 0.0  # it is not asked to

    def translation(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        model = str(checkpoint.parent / "joint.model")
        options = {"model": checkpoint, "src": source, "output": output, "beam_size": beams, "batch_size": batch}
        options |= {"transforms": "sentencepiece", "src_subword_model": model, "tgt_subword_model": model}
        words = [word for key, value in options.items() for word in (f"-{key}", str(value))]
        return Command([self.environment.program("onmt_translate"), *words], environment=TRUSTING)

    def with_config(self, program: str, folder: Path, name: str, options: dict[str, Any]) -> Command:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return Command([self.environment.program(program), "-config", str(path)], environment=TRUSTING)


def vocabulary(path: Path) -> dict[str, Any]:
    """One vocabulary for both sides."""
    sizes = {"src_vocab_size": VOCABULARY, "tgt_vocab_size": VOCABULARY}
    return {"src_vocab": str(path), "tgt_vocab": str(path), "share_vocab": True, **sizes}


def pair(source: Path, target: Path, transforms: list[str]) -> dict[str, Any]:
    return {"path_src": str(source), "path_tgt": str(target), "transforms": transforms}
