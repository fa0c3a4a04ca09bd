"""Training with two processes computes the same updates as with one, and both stop and resume together."""

import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from experiments import (
    LANGUAGE,
    TRANSLATION,
    FreshProcess,
    checkpoint,
    metrics,
    same_training,
    seq2seq,
    write_config,
)

from seq2seq.data import TranslationData
from seq2seq.inference import TranslationPipeline
from seq2seq.tokenizers import Characters

# plain SGD, since Adam amplifies rounding errors of tiny gradients
SGD = "optimizer: {class_path: SGD, init_args: {lr: 0.5}}"
# each process tokenizes all targets of a batch, and must sample the same subwords as the other one
SAMPLED = (
    "tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.9}}, target_tokenizer: "
    "{class_path: Subwords, init_args: {size: 290, algorithm: bpe, sampling: 0.3}}"
)
# deterministic, partly correct translations
PATCH = """
from seq2seq.inference import TranslationPipeline, TranslationResult
TranslationPipeline.translate = lambda self, lines, search=None, **options: (
    [TranslationResult(line[::-1] + " six" * (len(line) % 2), -1.0, -1.0, len(line) % 3 == 0)] for line in lines
)
"""
# each process runs all commands; some commands fail in the second process only
SCRIPT = """
import os, signal, sys, torch
from seq2seq.__main__ import main
from seq2seq.training.language_model import LanguageModel
from seq2seq.training import ThroughputMonitor
second = os.environ["RANK"] == "1"
start, step = ThroughputMonitor.on_train_batch_start, LanguageModel.training_step

def stop(self, trainer, module, batch, index):
    start(self, trainer, module, batch, index)
    if second and trainer.global_step == 2:
        os.kill(os.getpid(), signal.SIGTERM)

def fail(self, batch):
    return step(self, batch) * (torch.nan if second and self.trainer.global_step == 3 else 1)

for fault, command in COMMANDS:
    ThroughputMonitor.on_train_batch_start = stop if fault == "signal" else start
    LanguageModel.training_step = fail if fault == "nan" else step
    try:
        status = main(command)
    except SystemExit as error:
        status = error.code
    print("STATUS", status, flush=True)
"""


class Pair(NamedTuple):
    folder: Path
    statuses: tuple[list[int], list[int]]  # of each command, in the first process and in the second
    out: tuple[str, str]
    err: tuple[str, str]


def options(name: str, folder: Path) -> list[str]:
    return ["fit", "--config", f"{folder}/{name}.yaml", "--runs", str(folder)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Pair:
    """Six trainings in two processes with different hash seeds, with the environment variables of torchrun."""
    folder = tmp_path_factory.mktemp("pair")
    write_config(folder, TRANSLATION.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", SGD), corpus, "t")
    language = LANGUAGE.replace("batch_size: 4", "batch_size: 3")
    write_config(folder, language.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", SGD), corpus, "w")
    sampled = TRANSLATION.replace("tokenizer: Characters", SAMPLED)
    write_config(folder, sampled.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", SGD), corpus, "s")
    two = ["--trainer.devices", "2"]
    commands = [
        ("", [*options("t", folder), *two]),
        ("", [*options("w", folder), *two]),
        ("signal", [*options("w", folder), *two, "--name", "stopped"]),
        ("", [*options("w", folder), *two, "--name", "stopped", "--resume"]),
        ("nan", [*options("w", folder), *two, "--name", "nan", "--keep.every_n_steps", "1"]),
        ("", [*options("s", folder), *two]),
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in "01":
        environment = {
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2",
            "GROUP_RANK": "0",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "TORCHELASTIC_RUN_ID": "test",
            "PYTHONHASHSEED": rank,
        }
        code = f"{PATCH}\nCOMMANDS = {commands!r}\n{SCRIPT}"
        processes.append(FreshProcess(folder / f"rank{rank}", code, **environment))
    first, second = (process.wait() for process in processes)
    statuses = [[int(status) for status in re.findall(r"STATUS (\d+)", result.out)] for result in (first, second)]
    return Pair(folder, (statuses[0], statuses[1]), (first.out, second.out), (first.err, second.err))


@pytest.fixture(scope="module")
def single_process(pair: Pair) -> Path:
    """The first, second and last of these trainings in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            TranslationPipeline, "translate", TranslationPipeline.translate
        )  # so that it is restored afterwards
        exec(PATCH, {})
        for name in ("t", "w", "s"):
            result = seq2seq(*options(name, pair.folder), "--name", f"{name}-alone")
            assert result.status == 0, result.err
    return pair.folder


def test_exit_status_of_both_processes(pair: Pair) -> None:
    assert pair.statuses[0] == [0, 0, 128 + signal.SIGTERM, 0, 1, 0], pair.err
    assert pair.statuses[1] == [0, 0, 0, 0, 0, 0], pair.err  # only rank 0 reports a failure
    for name in ("t", "w", "stopped", "nan", "s"):
        assert [path.name for path in (pair.folder / name).iterdir() if path.name.isdecimal()] == ["1"]


def test_corpus_has_batches_with_fewer_sentences_than_processes(corpus: Path) -> None:
    data = TranslationData(str(corpus), "a", "b", Characters(), batch_tokens=60)
    sizes = [len(rows) for rows in data.train_dataloader().plan_epoch(0)]
    assert 1 in sizes
    assert any(size > 1 and size % 2 for size in sizes)


@pytest.mark.parametrize("name", ["t", "w", "s"])
def test_two_processes_compute_the_update_of_one(pair: Pair, single_process: Path, name: str) -> None:
    one, two = (checkpoint(pair.folder / run / "1")["state_dict"] for run in (f"{name}-alone", name))
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=1e-5, atol=1e-6, msg=key)
    losses = [row["val_loss"] for row in metrics(pair.folder / name / "1") if "val_loss" in row]
    assert losses[-1] < losses[0] - 0.01  # the updates are large enough for differences to show


@pytest.mark.parametrize("name", ["t", "w"])
def test_validation_metrics_are_the_same_with_one_and_two_processes(
    pair: Pair, single_process: Path, name: str
) -> None:
    one, two = (
        [(row["val_loss"], row.get("val_bleu")) for row in metrics(pair.folder / run / "1") if "val_loss" in row]
        for run in (f"{name}-alone", name)
    )
    assert len(one) == 3
    for a, b in zip(one, two, strict=True):
        assert a[0] == pytest.approx(b[0], rel=1e-5)
        assert a[1] == b[1]
        assert name == "w" or (a[1] is not None and 0 < a[1] < 100)


def test_translations_at_the_length_limit_are_counted_over_all_processes(pair: Pair, corpus: Path) -> None:
    lines = (corpus / "val.a").read_text(encoding="utf-8").splitlines()
    limited = sum(len(line) % 3 == 0 for line in lines)
    assert 0 < limited < len(lines)
    messages = pair.err[0].count(f"cut short by the limit of their length: {limited} of {len(lines)};")
    assert messages == 6  # three validations of each of the two translators
    assert "cut short" not in pair.err[1]


def test_signal_to_one_process_stops_both_and_resume_is_bitwise_equal(pair: Pair) -> None:
    assert "stopped after step 3; --resume continues" in pair.out[0]
    assert "stopped after" not in pair.out[1]
    assert same_training(pair.folder / "w" / "1", pair.folder / "stopped" / "1")


def test_checkpoint_has_the_carried_state_of_every_process(pair: Pair, single_process: Path) -> None:
    states = checkpoint(pair.folder / "w" / "1")["carried_state"]
    (full_state,) = checkpoint(pair.folder / "w-alone" / "1")["carried_state"]
    assert [len(state) for state in states] == [len(full_state)] * 2
    for first, second, full in zip(*states, full_state, strict=True):
        assert [len(first), len(second), len(full)] == [2, 1, 3]
        torch.testing.assert_close(torch.stack([first[0], second[0], first[1]]), full, rtol=1e-4, atol=1e-6)


def test_nan_loss_in_one_process_stops_both(pair: Pair) -> None:
    assert "not a finite number at step 4, so training stopped; the last good checkpoint is" in pair.err[0]
    assert "not a finite number" not in pair.err[1]
    assert checkpoint(pair.folder / "nan" / "1")["global_step"] == 3


def test_resume_of_carried_state_needs_the_same_number_of_processes(pair: Pair, single_process: Path) -> None:
    result = seq2seq(*options("w", pair.folder), "--resume", "--trainer.max_steps", "9")
    assert result.status == 1
    assert "the carried state of the streams was saved by 2 processes and cannot be restored by 1" in result.err
    assert checkpoint(pair.folder / "w" / "1")["global_step"] == 6


def test_translator_resumes_with_any_number_of_processes(pair: Pair) -> None:
    shutil.copytree(pair.folder / "t", pair.folder / "more")
    assert seq2seq(*options("t", pair.folder), "--name", "more", "--resume", "--trainer.max_steps", "7").status == 0
    last = checkpoint(pair.folder / "more" / "1")
    assert last["global_step"] == 7
    assert math.isfinite(float(last["state_dict"]["output.linear.bias"].sum()))


@pytest.mark.slow
def test_ctrl_c_stops_processes_started_by_the_command(tmp_path: Path, corpus: Path) -> None:
    write_config(tmp_path, LANGUAGE, corpus, "long")
    more = ["--trainer.devices", "2", "--trainer.max_steps", "1000000"]
    with (tmp_path / "out").open("w+", encoding="utf-8") as out, (tmp_path / "err").open("w+", encoding="utf-8") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "seq2seq", *options("long", tmp_path), *more],
            stdout=out,
            stderr=err,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while "\nstep 4 of" not in (tmp_path / "out").read_text(encoding="utf-8"):
            assert process.poll() is None, (tmp_path / "err").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(timeout=60)
    errors = (tmp_path / "err").read_text(encoding="utf-8")
    assert status == 130, errors
    assert "Traceback" not in errors
    assert (tmp_path / "out").read_text(encoding="utf-8").count("stopped after step") == 1
    assert errors.count("stopping after this step") == 1
    assert len(checkpoint(tmp_path / "long" / "1")["carried_state"]) == 2
    assert [path.name for path in (tmp_path / "long").iterdir()] == ["1"]
