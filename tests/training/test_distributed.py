"""Two processes make the update of one, stop together and go on together."""

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
    Fresh,
    checkpoint,
    metrics,
    same_training,
    seq2seq,
    write_config,
)

from seq2seq.data import TranslationData
from seq2seq.inference import TranslationPipeline
from seq2seq.tokenizers import Characters

# plain gradient descent, since Adam blows up the rounding of gradients that are almost nothing
DESCENT = "optimizer: {class_path: SGD, init_args: {lr: 0.5}}"
# every process cuts all targets of a batch, and must cut them as the other does
SAMPLED = (
    "tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.9}}, target_tokenizer: "
    "{class_path: Subwords, init_args: {size: 290, algorithm: bpe, sampling: 0.3}}"
)
# what is translated is known, and is partly right
PATCH = """
from seq2seq.inference import Translated, Translation
Translation.translate = lambda self, lines, how=None: (
    [Translated(line[::-1] + " six" * (len(line) % 2), -1.0, -1.0, len(line) % 3 == 0)] for line in lines
)
"""
# each process runs all commands; some of them have an accident in the second process only
SCRIPT = """
import os, signal, sys, torch
from seq2seq.__main__ import main
from seq2seq.models import LanguageModel
from seq2seq.training import Speed
second = os.environ["RANK"] == "1"
begin, step = Speed.on_train_batch_start, LanguageModel.training_step

def stop(self, trainer, module, batch, index):
    begin(self, trainer, module, batch, index)
    if second and trainer.global_step == 2:
        os.kill(os.getpid(), signal.SIGTERM)

def fail(self, batch):
    return step(self, batch) * (torch.nan if second and self.trainer.global_step == 3 else 1)

for accident, command in COMMANDS:
    Speed.on_train_batch_start = stop if accident == "signal" else begin
    LanguageModel.training_step = fail if accident == "nan" else step
    try:
        status = main(command)
    except SystemExit as stopped:
        status = stopped.code
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
def pair(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Pair:
    """Six trainings in two processes, started as torchrun starts them, whose hash seeds differ."""
    folder = tmp_path_factory.mktemp("pair")
    write_config(
        folder, TRANSLATION.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", DESCENT), texts, "t"
    )
    language = LANGUAGE.replace("batch_size: 4", "batch_size: 3")
    write_config(folder, language.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", DESCENT), texts, "w")
    sampled = TRANSLATION.replace("tokenizer: Characters", SAMPLED)
    write_config(folder, sampled.replace("optimizer: {class_path: AdamW, init_args: {lr: 0.01}}", DESCENT), texts, "s")
    two = ["--trainer.devices", "2"]
    commands = [
        ("", [*options("t", folder), *two]),
        ("", [*options("w", folder), *two]),
        ("signal", [*options("w", folder), *two, "--name", "stopped"]),
        ("", [*options("w", folder), *two, "--name", "stopped", "--resume"]),
        ("nan", [*options("w", folder), *two, "--name", "nan", "--keep.every_n_steps", "1"]),
        ("", [*options("s", folder), *two]),
    ]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
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
        processes.append(Fresh(folder / f"rank{rank}", code, **environment))
    first, second = (process.ended() for process in processes)
    statuses = [[int(status) for status in re.findall(r"STATUS (\d+)", told.out)] for told in (first, second)]
    return Pair(folder, (statuses[0], statuses[1]), (first.out, second.out), (first.err, second.err))


@pytest.fixture(scope="module")
def alone(pair: Pair) -> Path:
    """Three of them in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TranslationPipeline, "translate", TranslationPipeline.translate)  # so that it is put back
        exec(PATCH, {})
        for name in ("t", "w", "s"):
            told = seq2seq(*options(name, pair.folder), "--name", f"{name}-alone")
            assert told.status == 0, told.err
    return pair.folder


def test_both_processes_end_as_one_would(pair: Pair) -> None:
    assert pair.statuses[0] == [0, 0, 128 + signal.SIGTERM, 0, 1, 0], pair.err
    assert pair.statuses[1] == [0, 0, 0, 0, 0, 0], pair.err  # the status of the first is that of all
    for name in ("t", "w", "stopped", "nan", "s"):
        assert [path.name for path in (pair.folder / name).iterdir() if path.name.isdecimal()] == ["1"]


def test_the_corpus_has_batches_that_leave_a_process_without_a_sentence(texts: Path) -> None:
    data = TranslationData(str(texts), "a", "b", Characters(), batch_tokens=60)
    sizes = [len(rows) for rows in data.train_dataloader().plan(0)]
    assert 1 in sizes
    assert any(size > 1 and size % 2 for size in sizes)


@pytest.mark.parametrize("name", ["t", "w", "s"])
def test_two_processes_make_the_update_of_one(pair: Pair, alone: Path, name: str) -> None:
    one, two = (checkpoint(pair.folder / run / "1")["state_dict"] for run in (f"{name}-alone", name))
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=1e-5, atol=1e-6, msg=key)
    losses = [row["val_loss"] for row in metrics(pair.folder / name / "1") if "val_loss" in row]
    assert losses[-1] < losses[0] - 0.01  # the updates were large enough to see a difference


@pytest.mark.parametrize("name", ["t", "w"])
def test_what_is_watched_is_the_same_with_one_and_two_processes(pair: Pair, alone: Path, name: str) -> None:
    one, two = (
        [(row["val_loss"], row.get("val_bleu")) for row in metrics(pair.folder / run / "1") if "val_loss" in row]
        for run in (f"{name}-alone", name)
    )
    assert len(one) == 3
    for a, b in zip(one, two, strict=True):
        assert a[0] == pytest.approx(b[0], rel=1e-5)
        assert a[1] == b[1]
        assert name == "w" or (a[1] is not None and 0 < a[1] < 100)


def test_what_the_limit_cut_short_is_counted_over_all_processes(pair: Pair, texts: Path) -> None:
    lines = (texts / "val.a").read_text(encoding="utf-8").splitlines()
    short = sum(len(line) % 3 == 0 for line in lines)
    assert 0 < short < len(lines)
    said = pair.err[0].count(f"cut short by the limit of their length: {short} of {len(lines)};")
    assert said == 6  # three validations of each of the two translators
    assert "cut short" not in pair.err[1]


def test_a_signal_to_one_process_stops_all_and_resuming_ends_with_the_same_bits(pair: Pair) -> None:
    assert "stopped after step 3; --resume goes on" in pair.out[0]
    assert "stopped after" not in pair.out[1]
    assert same_training(pair.folder / "w" / "1", pair.folder / "stopped" / "1")


def test_a_checkpoint_holds_the_carried_state_of_every_process(pair: Pair, alone: Path) -> None:
    every = checkpoint(pair.folder / "w" / "1")["carried_state"]
    (one,) = checkpoint(pair.folder / "w-alone" / "1")["carried_state"]
    assert [len(part) for part in every] == [len(one)] * 2
    for first, second, whole in zip(*every, one, strict=True):
        assert [len(first), len(second), len(whole)] == [2, 1, 3]
        torch.testing.assert_close(torch.stack([first[0], second[0], first[1]]), whole, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_no_number_in_one_process_stops_all(pair: Pair) -> None:
    assert "not a finite number at step 4, so training stopped; the last good checkpoint is" in pair.err[0]
    assert "not a finite number" not in pair.err[1]
    assert checkpoint(pair.folder / "nan" / "1")["global_step"] == 3


def test_a_carried_state_needs_as_many_processes_as_before(pair: Pair, alone: Path) -> None:
    told = seq2seq(*options("w", pair.folder), "--resume", "--trainer.max_steps", "9")
    assert told.status == 1
    assert "the state of the streams was carried by 2 processes and cannot be by 1" in told.err
    assert checkpoint(pair.folder / "w" / "1")["global_step"] == 6


def test_a_translator_goes_on_with_any_number_of_processes(pair: Pair) -> None:
    shutil.copytree(pair.folder / "t", pair.folder / "more")
    assert seq2seq(*options("t", pair.folder), "--name", "more", "--resume", "--trainer.max_steps", "7").status == 0
    held = checkpoint(pair.folder / "more" / "1")
    assert held["global_step"] == 7
    assert math.isfinite(float(held["state_dict"]["output.bias"].sum()))


@pytest.mark.slow
def test_ctrl_c_reaches_processes_that_the_command_started_itself(tmp_path: Path, texts: Path) -> None:
    write_config(tmp_path, LANGUAGE, texts, "long")
    more = ["--trainer.devices", "2", "--trainer.max_steps", "1000000"]
    with (tmp_path / "out").open("w+", encoding="utf-8") as out, (tmp_path / "err").open("w+", encoding="utf-8") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "seq2seq", *options("long", tmp_path), *more],
            stdout=out,
            stderr=err,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        end = time.monotonic() + 120
        while "\nstep 4 of" not in (tmp_path / "out").read_text(encoding="utf-8"):
            assert process.poll() is None, (tmp_path / "err").read_text(encoding="utf-8")
            assert time.monotonic() < end
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(timeout=60)
    told = (tmp_path / "err").read_text(encoding="utf-8")
    assert status == 130, told
    assert "Traceback" not in told
    assert (tmp_path / "out").read_text(encoding="utf-8").count("stopped after step") == 1
    assert told.count("stopping after this step") == 1
    assert len(checkpoint(tmp_path / "long" / "1")["carried_state"]) == 2
    assert [path.name for path in (tmp_path / "long").iterdir()] == ["1"]
