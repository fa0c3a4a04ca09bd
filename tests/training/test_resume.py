"""A stopped and resumed run ends bitwise equal to an uninterrupted one."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from experiments import FreshProcess, metrics, same_training, seq2seq

from seq2seq import checkpoint
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
  max_steps: 16
  val_check_interval: 5
  check_val_every_n_epoch: null
  accelerator: cpu
  callbacks: [TranslationMetrics, STOP]
checkpoint: {monitor: val_bleu, mode: max}
"""
EARLY_STOPPING = "{class_path: pytorch_lightning.callbacks.EarlyStopping, init_args: {monitor: val_loss, patience: 50}}"
# runs a command that receives SIGTERM during the batch in the environment variable STOP
SIGNALLED = """
import os, signal, sys
from seq2seq.__main__ import main
from seq2seq.training.throughput import ThroughputMonitor

stop, start = int(os.environ["STOP"]), ThroughputMonitor.on_train_batch_start

def start_and_stop(self, trainer, module, batch, index):
    start(self, trainer, module, batch, index)
    if trainer.fit_loop.epoch_loop.total_batch_idx + 1 == stop:
        os.kill(os.getpid(), signal.SIGTERM)

ThroughputMonitor.on_train_batch_start = start_and_stop
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

EPOCH = 3  # batches of the translator in an epoch
UNINTERRUPTED: dict[tuple[str, ...], dict[str, Any]] = {}  # last checkpoints of uninterrupted runs, by configuration


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(1)
    words = ["one", "two", "three", "four", "five", "six"]
    lines = [" ".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(40)]
    (folder / "text.txt").write_text("\n".join(lines)[:300], encoding="utf-8")
    for split, selected in (("train", lines[:30]), ("val", lines[30:])):
        (folder / f"{split}.a").write_text("".join(line + "\n" for line in selected), encoding="utf-8")
        (folder / f"{split}.b").write_text("".join(line[::-1] + "\n" for line in selected), encoding="utf-8")
    return folder


def fit(tmp_path: Path, name: str, *options: str) -> int:
    config = tmp_path / "config.yaml"
    return seq2seq("fit", "--config", config, "--runs", tmp_path, "--name", name, *options).status


def last_checkpoint(tmp_path: Path, name: str) -> dict[str, Any]:
    return torch.load(tmp_path / name / "1" / "checkpoints" / "last.ckpt", weights_only=True)


def assert_equal(one: Any, other: Any, where: str = "") -> None:
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{where}[{index}]")
    else:
        assert one == other, where


def callback_states(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the state of early stopping and the scores of the best checkpoints."""
    states = {}
    for name, state in checkpoint["callbacks"].items():
        if "EarlyStopping" in name:
            states["stopping"] = state
        if "ModelCheckpoint" in name:
            states["best"] = [state["best_model_score"], sorted(float(v) for v in state["best_k_models"].values())]
    return states


def check_resume(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, text: str, stops: list[int], *options: str,
    schedule: str = SCHEDULE,
) -> None:  # fmt: skip
    """Stop a run in each of these batches in turn, and compare its end with that of an uninterrupted run."""
    config = text.replace("CORPUS", str(corpus)).replace("STOP", EARLY_STOPPING) + schedule
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    key = (config, *options)
    if key not in UNINTERRUPTED:
        assert fit(tmp_path, "whole", *options) == 0
        UNINTERRUPTED[key] = last_checkpoint(tmp_path, "whole")
    start = ThroughputMonitor.on_train_batch_start
    remaining = list(stops)

    def stop(self: ThroughputMonitor, trainer: Any, module: Any, batch: Any, index: int) -> None:
        start(self, trainer, module, batch, index)
        if remaining and trainer.fit_loop.epoch_loop.total_batch_idx + 1 == remaining[0]:
            remaining.pop(0)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_start", stop)
    assert fit(tmp_path, "stopped", *options) == 128 + signal.SIGTERM
    while remaining:
        assert fit(tmp_path, "stopped", "--resume", *options) == 128 + signal.SIGTERM
    assert fit(tmp_path, "stopped", "--resume", *options) == 0
    assert_equal_checkpoints(UNINTERRUPTED[key], last_checkpoint(tmp_path, "stopped"))


def assert_equal_checkpoints(uninterrupted: dict[str, Any], resumed: dict[str, Any]) -> None:
    assert uninterrupted["global_step"] == resumed["global_step"] == 16
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "carried_state"):
        assert_equal(uninterrupted.get(part), resumed.get(part), part)
    assert_equal(callback_states(uninterrupted), callback_states(resumed), "callbacks")
    assert_equal(uninterrupted["epoch"], resumed["epoch"], "epoch")
    assert_equal(uninterrupted["loops"]["fit_loop"], resumed["loops"]["fit_loop"], "position")


@pytest.mark.parametrize("stops", [[5], [1, 2, 6], [7, 10, 15]])
def test_resume_of_a_language_model_restores_carried_state(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    check_resume(tmp_path, corpus, monkeypatch, LANGUAGE, stops)


@pytest.mark.parametrize("stops", [[5], [4, 6, 8], [9, 10, 13]])
def test_resume_of_a_translator_in_the_middle_of_an_epoch(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    check_resume(tmp_path, corpus, monkeypatch, TRANSLATION, stops)


@pytest.mark.parametrize("options", [(), ("--trainer.val_check_interval", str(EPOCH))])
def test_resume_at_the_end_of_an_epoch_counts_it_once(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    check_resume(tmp_path, corpus, monkeypatch, TRANSLATION, [EPOCH, 2 * EPOCH], *options)
    (loader,) = last_checkpoint(tmp_path, "stopped")["loops"]["fit_loop"]["state_dict"]["combined_loader"]
    assert loader["length"] == EPOCH


@pytest.mark.parametrize("stops", [[1], [2, 4], [EPOCH], [2 * EPOCH, 7], [8]])
def test_resume_restores_a_plateau_schedule(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
) -> None:
    options = ("--trainer.val_check_interval", "2")
    check_resume(tmp_path, corpus, monkeypatch, TRANSLATION, stops, *options, schedule=PLATEAU)


@pytest.mark.parametrize("option", ["", "--trainer.limit_train_batches=3", "--trainer.accumulate_grad_batches=2"])
@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION])
def test_resume_with_more_steps_equals_one_long_training(tmp_path: Path, corpus: Path, text: str, option: str) -> None:
    """The logged metrics, epochs and steps are equal too."""

    def logged(name: str) -> list[dict[str, float]]:
        timing_keys = {"seconds", "tokens_per_second"}
        return [{key: row[key] for key in row.keys() - timing_keys} for row in metrics(tmp_path / name / "1")]

    config = text.replace("CORPUS", str(corpus)).replace("STOP", EARLY_STOPPING) + PLATEAU
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    options = ["--trainer.val_check_interval=1", "--trainer.log_every_n_steps=1", *filter(None, [option])]
    assert fit(tmp_path, "whole", *options, "--trainer.max_steps=12") == 0
    resumed: list[str] = []
    for steps in (1, 3, 5, 9, 12):  # within epochs and at their ends
        assert fit(tmp_path, "longer", *options, *resumed, f"--trainer.max_steps={steps}") == 0
        resumed = ["--resume"]
    assert same_training(tmp_path / "whole" / "1", tmp_path / "longer" / "1")
    assert logged("longer") == logged("whole")


def test_resume_reads_the_training_state_once(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(
        LANGUAGE.replace("CORPUS", str(corpus)).replace("STOP", EARLY_STOPPING), encoding="utf-8"
    )
    assert fit(tmp_path, "longer", "--trainer.max_steps=3") == 0
    loaded: list[str] = []
    load = checkpoint.load

    def record(path: str | os.PathLike[str], mapped: bool = True) -> dict[str, Any]:
        loaded.append(os.fspath(path))
        return load(path, mapped)

    monkeypatch.setattr(checkpoint, "load", record)
    assert fit(tmp_path, "longer", "--resume", "--trainer.max_steps=5") == 0
    assert loaded == [str(tmp_path / "longer" / "1" / "checkpoints" / "last.ckpt")]


def test_resume_with_gradient_accumulation(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_resume(tmp_path, corpus, monkeypatch, TRANSLATION, [3, 8, 15], "--trainer.accumulate_grad_batches", "2")


def test_resume_with_prefetching_workers(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_resume(tmp_path, corpus, monkeypatch, TRANSLATION, [2, 9], "--data.workers", "2")


@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION.replace(TOKENIZER, BOTH_TOKENIZERS)])
def test_resume_in_a_new_interpreter(tmp_path: Path, corpus: Path, text: str) -> None:
    """With different hash seeds; the translator samples subwords of both algorithms."""
    config = text.replace("CORPUS", str(corpus)).replace("STOP", EARLY_STOPPING) + SCHEDULE
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    terminated = 128 + signal.SIGTERM
    for number, (name, stop, expected, options) in enumerate(
        [
            ("whole", 0, 0, []),
            ("stopped", 6, terminated, []),
            ("stopped", 0, 0, ["--resume", "--data.workers", "1"]),
        ]
    ):
        command = ["fit", "--config", tmp_path / "config.yaml", "--runs", tmp_path, "--name", name, *options]
        variables = {"STOP": str(stop), "PYTHONHASHSEED": str(number), "SEQ2SEQ_CACHE": str(tmp_path / name)}
        result = FreshProcess(tmp_path / str(number), SIGNALLED, *command, **variables).wait()
        assert result.status == expected, result.err
    assert_equal_checkpoints(last_checkpoint(tmp_path, "whole"), last_checkpoint(tmp_path, "stopped"))


@pytest.mark.slow
@pytest.mark.parametrize("stop", range(1, 16))
@pytest.mark.parametrize("text", [LANGUAGE, TRANSLATION])
def test_resume_from_every_step(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, text: str, stop: int
) -> None:
    check_resume(tmp_path, corpus, monkeypatch, text, [stop])
    check_resume(tmp_path, corpus, monkeypatch, text, [stop], "--trainer.val_check_interval", "2", schedule=PLATEAU)
