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
VALIDATION_TIME = re.compile(r"Generation took ([\d.]+)\[sec\]")
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
    "scheduling": "exponential",  # required, and the other schedulers do not run with current torch
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
LEARN_SCRIPT = """
import sentencepiece
sentencepiece.SentencePieceTrainer.train(
    input={input!r}, vocab_size={size}, model_prefix={prefix!r}, character_coverage=1.0,
    unk_id=0, pad_id=1, bos_id=2, eos_id=3, unk_piece="<unk>", pad_piece="<pad>", bos_piece="<s>", eos_piece="</s>",
    vocabulary_output_piece_score=False,
)
"""  # as in its script build_vocab, which is not part of the package


class JoeyNMT:
    """The command lines, logs and checkpoints of JoeyNMT."""

    name = "JoeyNMT"
    translation_batches = (64, 128)  # sentences
    training_batches = (32, SENTENCES, 128)
    single_sentence_batch = 1

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def speed_command(self, corpus: Corpus, folder: Path, batch: int, steps: int, interval: int) -> Command:
        options = make_config(corpus.pieces, folder, {"level": "word", "voc_file": str(corpus.joeynmt)})
        options["training"] |= {
            "batch_size": batch,
            "updates": steps,
            "validation_freq": steps * interval,
            "logging_freq": interval,
        }
        return self.command("train", options, folder / "train.yaml", "--skip-test")

    def logged_rates(self, folder: Path, log: str) -> list[float]:
        return [float(rate) for rate in RATE.findall(log)]

    def vocabulary_commands(self, corpus: Corpus, folder: Path) -> list[Command]:
        raw = ",".join(str(corpus.raw("train", side)) for side in (SOURCE, TARGET))
        script = LEARN_SCRIPT.format(input=raw, size=VOCABULARY, prefix=str(folder / "joint"))
        return [Command([self.environment.python, "-c", script])]

    def training_command(self, corpus: Corpus, folder: Path, steps: int, interval: int) -> Command:
        options = make_config(corpus.folder, folder, sentencepiece_options(folder))
        options["training"] |= {"updates": steps, "validation_freq": interval, "logging_freq": 10}
        return self.command("train", options, folder / "train.yaml", "--skip-test")

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        return {int(path.stem): path for path in (folder / "model").glob("*.ckpt") if path.stem.isdecimal()}

    def validation_seconds(self, log: str) -> float:
        return sum(map(float, VALIDATION_TIME.findall(log)))

    def translation_command(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        folder = checkpoint.parent.parent
        options = make_config(source.parent, folder, sentencepiece_options(folder))
        options["testing"] |= {"load_model": str(checkpoint), "beam_size": beams, "batch_size": batch}
        # the option for an output file fails in this version, so standard output is used
        return self.command("translate", options, output.with_suffix(".yaml"))._replace(stdin=source, stdout=output)

    def command(self, mode: str, options: dict[str, Any], path: Path, *arguments: str) -> Command:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return Command([self.environment.python, "-m", "joeynmt", mode, str(path), *arguments])


def sentencepiece_options(folder: Path) -> dict[str, Any]:
    """Return the options of its tokenizer for raw text."""
    tokenizer_config = {"model_file": str(folder / "joint.model"), "pretokenizer": "none"}
    return {
        "level": "bpe",
        "voc_file": str(folder / "joint.vocab"),
        "tokenizer_type": "sentencepiece",
        "tokenizer_cfg": tokenizer_config,
    }


def make_config(corpus: Path, folder: Path, tokenizer_options: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without steps. Validation uses four sentences; it is required for saving checkpoints."""
    side = {"max_length": 200, "lowercase": False, "normalize": False, "voc_limit": VOCABULARY, **tokenizer_options}
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
