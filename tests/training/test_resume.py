"""A run that was stopped and resumed ends with the very bits of one that was never stopped."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from experiments import Fresh, metrics, same_training, seq2seq

from seq2seq.training.throughput import ThroughputMonitor

LANGUAGE = """
data:
  class_path: LanguageData
  init_args: {corpus: CORPUS/text.txt, tokenizer: Characters, batch_size: 4, steps: 8}
model:
  class_path: LanguageModel
  init_args:
    {layer: {class_path: LSTM, init_args: {weight_dropout: 0.2}}, size: 8, depth: 2, dropout: 0.3, word_dropout: 0.1}
trainer: {max_steps: 16, val_check_interval: 5, check_val_every_n_epoch: null, accelerator: cpu,
  callbacks: [STOP, {class_path: TextPreview, init_args: {length: 9}}]}
"""
TRANSLATION = """
data:
  class_path: TranslationData
  init_args:
    corpus: CORPUS
    source: a
    target: b
    tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.5}}
    batch_tokens: 60
model:
  class_path: Translator
  init_args: {encoder: GRU, decoder: LSTM, size: 8, depth: 2, dropout: 0.3, word_dropout: 0.1}
trainer:
  {max_steps: 16, val_check_interval: 5, check_val_every_n_epoch: null, accelerator: cpu, callbacks: [Bleu, STOP]}
checkpoint: {monitor: val_bleu, mode: max}
"""
STOPPING = "{class_path: pytorch_lightning.callbacks.EarlyStopping, init_args: {monitor: val_loss, patience: 50}}"
# runs a command, and stops training during a batch
STOPPED = """
import os, signal, sys
from seq2seq.__main__ import main
from seq2seq.training.throughput import Speed

stop, start = int(os.environ["STOP"]), Speed.on_train_batch_start

def begin(self, trainer, module, batch, index):
    start(self, trainer, module, batch, index)
    if trainer.fit_loop.epoch_loop.total_batch_idx + 1 == stop:
        os.kill(os.getpid(), signal.SIGTERM)

Speed.on_train_batch_start = begin
sys.exit(main(sys.argv[1:]))
"""
TOKENIZER = "tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.5}}"
BOTH_TOKENIZERS = """tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.8}}
    target_tokenizer: {class_path: Subwords, init_args: {size: 290, algorithm: bpe, sampling: 0.2}}"""
SCHEDULE = """
optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
lr_scheduler: {class_path: WarmupCosine, init_args: {warmup: 3}}
"""
PLATEAU = """
optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
lr_scheduler:
  class_path: pytorch_lightning.cli.ReduceLROnPlateau
  init_args: {monitor: val_loss, patience: 0, factor: 0.5, threshold: 0.02}
"""

EPOCH = 3  # batches of the translator in one
WHOLE: dict[tuple[str, ...], dict[str, Any]] = {}  # how runs that were never stopped ended, by their configurations


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(1)
    words = ["one", "two", "three", "four", "five", "six"]
    lines = [" ".join(chance.choices(words, k=chance.randint(1, 6))) for _ in range(40)]
    (folder / "text.txt").write_text("\n".join(lines)[:300], encoding="utf-8")
    for split, some in (("train", lines[:30]), ("val", lines[30:])):
        (folder / f"{split}.a").write_text("".join(line + "\n" for line in some), encoding="utf-8")
        (folder / f"{split}.b").write_text("".join(line[::-1] + "\n" for line in some), encoding="utf-8")
    return folder


def fit(tmp_path: Path, name: str, *options: str) -> int:
    config = tmp_path / "config.yaml"
    return seq2seq("fit", "--config", config, "--runs", tmp_path, "--name", name, *options).status


def ending(tmp_path: Path, name: str) -> dict[str, Any]:
    return torch.load(tmp_path / name / "1" / "checkpoints" / "last.ckpt", weights_only=True)


def assert_same(one: Any, other: Any, where: str = "") -> None:
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    else:
        assert one == other, where


def counters(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Early stopping's counters, and the scores by which checkpoints were kept."""
    kept = {}
    for name, state in checkpoint["callbacks"].items():
        if "EarlyStopping" in name:
            kept["stopping"] = state
        if "ModelCheckpoint" in name:
            kept["best"] = [state["best_model_score"], sorted(float(v) for v in state["best_k_models"].values())]
    return kept


def check(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, text: str, stops: list[int], *options: str,
    schedule: str = SCHEDULE,
) -> None:  # fmt: skip
    """Stop after each of these batches in turn, and compare with a run that was never stopped."""
    config = text.replace("CORPUS", str(corpus)).replace("STOP", STOPPING) + schedule
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    key = (config, *options)
    if key not in WHOLE:
        assert fit(tmp_path, "whole", *options) == 0
        WHOLE[key] = ending(tmp_path, "whole")
    start = ThroughputMonitor.on_train_batch_start
    waiting = list(stops)

    def stop(self: ThroughputMonitor, trainer: Any, module: Any, batch: Any, index: int) -> None:
        start(self, trainer, module, batch, index)
        if waiting and trainer.fit_loop.epoch_loop.total_batch_idx + 1 == waiting[0]:
            waiting.pop(0)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_start", stop)
    assert fit(tmp_path, "stopped", *options) == 128 + signal.SIGTERM
    while waiting:
        assert fit(tmp_path, "stopped", "--resume", *options) == 128 + signal.SIGTERM
    assert fit(tmp_path, "stopped", "--resume", *options) == 0
    assert_same_ending(WHOLE[key], ending(tmp_path, "stopped"))


def assert_same_ending(whole: dict[str, Any], stopped: dict[str, Any]) -> None:
    assert whole["global_step"] == stopped["global_step"] == 16
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "carried_state"):
        assert_same(whole.get(part), stopped.get(part), part)
    assert_same(counters(whole), counters(stopped), "callbacks")
    assert_same(whole["epoch"], stopped["epoch"], "epoch")
    assert_same(whole["loops"]["fit_loop"], stopped["loops"]["fit_loop"], "position")


@pytest.mark.parametrize("stops", [[5], [1, 2, 6], [7, 10, 15]])
def test_a_language_model_goes_on_with_its_carried_state(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    check(tmp_path, corpus, monkeypatch, LANGUAGE, stops)


@pytest.mark.parametrize("stops", [[5], [4, 6, 8], [9, 10, 13]])
def test_a_translator_goes_on_in_the_middle_of_an_epoch(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    check(tmp_path, corpus, monkeypatch, TRANSLATION, stops)


@pytest.mark.parametrize("options", [(), ("--trainer.val_check_interval", str(EPOCH))])
def test_epochs_that_were_stopped_at_their_ends_are_counted_once(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    check(tmp_path, corpus, monkeypatch, TRANSLATION, [EPOCH, 2 * EPOCH], *options)
    (loader,) = ending(tmp_path, "stopped")["loops"]["fit_loop"]["state_dict"]["combined_loader"]
    assert loader["length"] == EPOCH


@pytest.mark.parametrize("stops", [[1], [2, 4], [EPOCH], [2 * EPOCH, 7], [8]])
def test_a_schedule_by_the_validation_loss_goes_on_too(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    options = ("--trainer.val_check_interval", "2")
    check(tmp_path, corpus, monkeypatch, TRANSLATION, stops, *options, schedule=PLATEAU)


@pytest.mark.parametrize("option", ["", "--trainer.limit_train_batches=3", "--trainer.accumulate_grad_batches=2"])
@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION])
def test_a_training_that_is_made_longer_is_the_long_one(tmp_path: Path, corpus: Path, text: str, option: str) -> None:
    """In what is logged too: the same epochs and steps."""

    def logged(name: str) -> list[dict[str, float]]:
        timed = {"seconds", "tokens_per_second"}
        return [{key: row[key] for key in row.keys() - timed} for row in metrics(tmp_path / name / "1")]

    config = text.replace("CORPUS", str(corpus)).replace("STOP", STOPPING) + PLATEAU
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    options = ["--trainer.val_check_interval=1", "--trainer.log_every_n_steps=1", *filter(None, [option])]
    assert fit(tmp_path, "whole", *options, "--trainer.max_steps=12") == 0
    resumed: list[str] = []
    for steps in (1, 3, 5, 9, 12):  # within epochs and at their ends
        assert fit(tmp_path, "longer", *options, *resumed, f"--trainer.max_steps={steps}") == 0
        resumed = ["--resume"]
    assert same_training(tmp_path / "whole" / "1", tmp_path / "longer" / "1")
    assert logged("longer") == logged("whole")


def test_gradient_accumulation_is_stopped_only_between_steps(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(tmp_path, corpus, monkeypatch, TRANSLATION, [3, 8, 15], "--trainer.accumulate_grad_batches", "2")


def test_batches_that_workers_read_ahead_are_not_lost(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(tmp_path, corpus, monkeypatch, TRANSLATION, [2, 9], "--data.workers", "2")


@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION.replace(TOKENIZER, BOTH_TOKENIZERS)])
def test_processes_that_share_nothing_go_on_from_each_other(tmp_path: Path, corpus: Path, text: str) -> None:
    """Each in an interpreter of its own, with other hash seeds; the translator cuts one side by each algorithm."""
    config = text.replace("CORPUS", str(corpus)).replace("STOP", STOPPING) + SCHEDULE
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    stopping = 128 + signal.SIGTERM
    for number, (name, stop, expected, options) in enumerate(
        [
            ("whole", 0, 0, []),
            ("stopped", 6, stopping, []),
            ("stopped", 0, 0, ["--resume", "--data.workers", "1"]),
        ]
    ):
        command = ["fit", "--config", tmp_path / "config.yaml", "--runs", tmp_path, "--name", name, *options]
        own = {"STOP": str(stop), "PYTHONHASHSEED": str(number), "SEQ2SEQ_CACHE": str(tmp_path / name)}
        told = Fresh(tmp_path / str(number), STOPPED, *command, **own).ended()
        assert told.status == expected, told.err
    assert_same_ending(ending(tmp_path, "whole"), ending(tmp_path, "stopped"))


@pytest.mark.slow
@pytest.mark.parametrize("stop", range(1, 16))
@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION])
def test_any_step_is_as_good_as_any_other(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, text: str, stop: int
) -> None:
    check(tmp_path, corpus, monkeypatch, text, [stop])
    check(tmp_path, corpus, monkeypatch, text, [stop], "--trainer.val_check_interval", "2", schedule=PLATEAU)
