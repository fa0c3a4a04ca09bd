"""JoeyNMT: the recurrent model of its configurations rnn_reverse and iwslt_envi_luong, at our size."""

import re
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus
from benchmarks.peers.environment import Environment
from benchmarks.peers.sizes import DEPTH, SENTENCES, SIZE, SMOOTHING, VOCABULARY

RATE = re.compile(r"Tokens per Sec: +(\d+)")
VALIDATED = re.compile(r"Generation took ([\d.]+)\[sec\]")
EMBEDDING = {"embedding_dim": SIZE, "scale": False}
LAYERS = {"type": "recurrent", "rnn_type": "lstm", "embeddings": EMBEDDING, "dropout": 0.2, "num_layers": DEPTH}
MODEL = {
    **{f"{part}initializer": "uniform" for part in ("", "embed_", "bias_")},
    **{f"{part}init_weight": 0.1 for part in ("", "embed_", "bias_")},
    "lstm_forget_gate": 0.0,
    "tied_embeddings": True,
    "tied_softmax": True,
    "encoder": {**LAYERS, "hidden_size": SIZE // 2, "bidirectional": True},
    "decoder": {
        **LAYERS,
        "hidden_size": SIZE,
        "hidden_dropout": 0.2,
        "input_feeding": True,
        "init_hidden": "bridge",
        "attention": "luong",
    },
}
TRAINING = {
    "optimizer": "adam",
    "learning_rate": 0.001,
    "learning_rate_min": 0.00001,
    "scheduling": "exponential",  # its others call what today's torch no longer has, and it cannot do without one
    "decrease_factor": 0.99,
    "clip_grad_norm": 1.0,
    "label_smoothing": SMOOTHING,
    "normalization": "tokens",
    "batch_size": SENTENCES,
    "batch_type": "sentence",
    "epochs": 1000,
    "early_stopping_metric": "bleu",
    "print_valid_sents": [0],
    "keep_best_ckpts": -1,
    "overwrite": True,
    "shuffle": True,
}
LEARN = """
import sentencepiece
sentencepiece.SentencePieceTrainer.train(
    input={input!r}, vocab_size={size}, model_prefix={prefix!r}, character_coverage=1.0,
    unk_id=0, pad_id=1, bos_id=2, eos_id=3, unk_piece="<unk>", pad_piece="<pad>", bos_piece="<s>", eos_piece="</s>",
    vocabulary_output_piece_score=False,
)
"""  # what its script build_vocab does, which is not in its package


class JoeyNMT:
    name = "JoeyNMT"
    batches = (64, 128)  # sentences
    training_batches = (32, SENTENCES, 128)
    single = 1

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def speed_run(self, corpus: Corpus, folder: Path, batch: int, steps: int, every: int) -> Command:
        options = configuration(corpus.pieces, folder, {"level": "word", "voc_file": str(corpus.joeynmt)})
        options["training"] |= {
            "batch_size": batch,
            "updates": steps,
            "validation_freq": steps * every,
            "logging_freq": every,
        }
        return self.command("train", options, folder / "train.yaml", "--skip-test")

    def rates(self, folder: Path, log: str) -> list[float]:
        return [float(found) for found in RATE.findall(log)]

    def vocabulary(self, corpus: Corpus, folder: Path) -> list[Command]:
        raw = ",".join(str(corpus.raw("train", side)) for side in (SOURCE, TARGET))
        learn = LEARN.format(input=raw, size=VOCABULARY, prefix=str(folder / "joint"))
        return [Command([self.environment.python, "-c", learn])]

    def training(self, corpus: Corpus, folder: Path, steps: int, every: int) -> Command:
        options = configuration(corpus.folder, folder, sentencepiece(folder))
        options["training"] |= {"updates": steps, "validation_freq": every, "logging_freq": 10}
        return self.command("train", options, folder / "train.yaml", "--skip-test")

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        return {int(path.stem): path for path in (folder / "model").glob("*.ckpt") if path.stem.isdecimal()}

    def validating(self, log: str) -> float:
        return sum(map(float, VALIDATED.findall(log)))

    def translation(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        folder = checkpoint.parent.parent
        options = configuration(source.parent, folder, sentencepiece(folder))
        options["testing"] |= {"load_model": str(checkpoint), "beam_size": beams, "batch_size": batch}
        # its option for a file of translations fails in this version, so they are read where it prints them
        return self.command("translate", options, output.with_suffix(".yaml"))._replace(stdin=source, stdout=output)

    def command(self, mode: str, options: dict[str, Any], path: Path, *more: str) -> Command:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return Command([self.environment.python, "-m", "joeynmt", mode, str(path), *more])


def sentencepiece(folder: Path) -> dict[str, Any]:
    """How it cuts raw text."""
    model = {"model_file": str(folder / "joint.model"), "pretokenizer": "none"}
    return {
        "level": "bpe",
        "voc_file": str(folder / "joint.vocab"),
        "tokenizer_type": "sentencepiece",
        "tokenizer_cfg": model,
    }


def configuration(corpus: Path, folder: Path, cutting: dict[str, Any]) -> dict[str, Any]:
    """All but the steps. It validates on four sentences, since it keeps checkpoints only where it validates."""
    side = {"max_length": 200, "lowercase": False, "normalize": False, "voc_limit": VOCABULARY, **cutting}
    return {
        "name": "peers",
        "joeynmt_version": "2.3.0",
        "model_dir": str(folder / "model"),
        "use_cuda": False,
        "fp16": False,
        "random_seed": 42,
        "data": {
            "train": str(corpus / "train"),
            "dev": str(corpus / "val"),
            "dataset_type": "plain",
            "sample_dev_subset": 4,
            "src": {"lang": SOURCE, **side},
            "trg": {"lang": TARGET, **side},
        },
        "testing": {
            "beam_size": 5,
            "beam_alpha": 1.0,
            "batch_size": SENTENCES,
            "batch_type": "sentence",
            "max_output_length": 100,
            "eval_metrics": ["bleu"],
        },
        "training": dict(TRAINING),
        "model": MODEL,
    }
