"""Tests of the benchmark against peers: logs, configurations, trainings to a goal and the report."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from benchmarks.peers import child, decoding, models, quality, report, training
from benchmarks.peers.__main__ import argument_parser
from benchmarks.peers.child import Command
from benchmarks.peers.corpus import Corpus, all_pieces, lines, opennmt_vocabulary, tokenize_corpus, tokenize_line
from benchmarks.peers.environment import Environment
from benchmarks.peers.joeynmt import JoeyNMT
from benchmarks.peers.measured import Round, run_interleaved
from benchmarks.peers.opennmt import OpenNMT
from benchmarks.peers.ours import FEEDING_BATCHES, FEEDING_OPTIONS, Ours
from seq2seq.tokenizers import Subwords, save

TEXT = {"de": ["Ein Hund  läuft.", "Zwei Hunde laufen schnell."], "en": ["A dog is running.", "Two dogs run fast."]}
OPENNMT = """
[2026-01-02 03:04:05,678 INFO] Step  5/   50; acc: 8.9; ppl: 1812.1; xent: 7.5; lr: 0.00100; sents:     640; \
bsz:  924/1008/64; 589/642 tok/s;     16 sec;
[2026-01-02 03:04:17,143 INFO] Step 20/   50; acc: 13.2; ppl: 512.4; xent: 6.2; lr: 0.00100; sents:     640; \
bsz:  896/ 916/64;  51/  67 tok/s;     28 sec;
"""
JOEYNMT = """
2026-01-02 03:04:05,566 - INFO - joeynmt.training - Epoch   1, Step:       10, Batch Loss:     7.402935, \
Batch Acc: 0.035982, Tokens per Sec:      453, Lr: 0.000990
2026-01-02 03:04:25,139 - INFO - joeynmt.prediction - Generation took 7.1646[sec].
2026-01-02 03:04:35,566 - INFO - joeynmt.training - Epoch   1, Step:       20, Batch Loss:     6.402935, \
Batch Acc: 0.045982, Tokens per Sec:     1052, Lr: 0.000990
2026-01-02 03:04:45,139 - INFO - joeynmt.prediction - Generation took 1.8[sec].
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus_files = Corpus(tmp_path / "raw", tmp_path / "pieces")
    corpus_files.folder.mkdir()
    for split in ("train", "val", "test"):
        for side, text in TEXT.items():
            corpus_files.raw(split, side).write_text("\n".join(text) + "\n", encoding="utf-8")
    tokenizer = Subwords(size=300, algorithm="bpe")
    tokenizer.learn(TEXT["de"] + TEXT["en"])
    save(tokenizer, corpus_files.tokenizer)
    return corpus_files


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "peers")


def test_lines_end_at_newlines_only(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\u2028still one\n\ntwo\r\n", encoding="utf-8", newline="")
    assert len(lines(tmp_path / "text")) == 3


def test_joined_pieces_contain_the_whole_text(corpus: Corpus) -> None:
    tokenize_corpus(corpus)
    for side, text in TEXT.items():
        for line, whole in zip(lines(corpus.tokenized("train", side)), text, strict=True):
            assert "".join(line.split(" ")).replace("▁", " ") == " " + whole


def test_peer_vocabularies_have_every_piece_once_without_special_tokens(corpus: Corpus) -> None:
    tokenize_corpus(corpus)
    pieces = lines(corpus.joeynmt)
    assert len(pieces) == len(set(pieces)) == 300 - 4  # each peer adds as many special tokens of its own
    assert [line.split("\t")[0] for line in lines(corpus.opennmt)] == pieces
    used = {piece for side in TEXT for line in lines(corpus.tokenized("train", side)) for piece in line.split(" ")}
    assert used <= set(pieces)


def test_pieces_with_a_space_are_rejected() -> None:
    class Spaces(Subwords):
        def pieces(self, text: str) -> list[str]:
            return ["a b"]

    with pytest.raises(ValueError, match="space"):
        tokenize_line(Spaces(size=300), "a b")


def test_counts_preserve_the_order_of_a_vocabulary() -> None:
    assert opennmt_vocabulary(["x", "a", "m"]) == ["x\t3", "a\t2", "m\t1"]


def test_special_tokens_are_excluded(corpus: Corpus) -> None:
    from seq2seq.tokenizers import load

    assert not {"<pad>", "<unk>", "<s>", "</s>"} & set(all_pieces(load(corpus.tokenizer)))


def test_logged_rates_are_of_target_tokens(environment: Environment, tmp_path: Path) -> None:
    assert OpenNMT(environment).logged_rates(tmp_path, OPENNMT) == [642, 67]
    assert JoeyNMT(environment).logged_rates(tmp_path, JOEYNMT) == [453, 1052]
    assert JoeyNMT(environment).validation_seconds(JOEYNMT) == pytest.approx(7.1646 + 1.8)
    logs = tmp_path / "run" / "2" / "logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "metrics.csv").write_text(
        "step,tokens_per_second,val_loss\n9,4100.5,\n9,,3.1\n19,4200,\n", encoding="utf-8"
    )
    assert Ours().logged_rates(tmp_path, "") == [4100.5, 4200]


def test_checkpoints_are_listed_by_step(environment: Environment, tmp_path: Path) -> None:
    ours = tmp_path / "run" / "1" / "checkpoints"
    ours.mkdir(parents=True)
    (tmp_path / "model").mkdir()
    for path in (
        *(tmp_path / "model_step_100.pt", tmp_path / "model_step_20.pt", tmp_path / "model.pt"),
        *(tmp_path / "model" / "300.ckpt", tmp_path / "model" / "best.ckpt"),
        *(ours / "epoch=0-step=400.ckpt", ours / "last.ckpt"),
    ):
        path.touch()
    assert set(OpenNMT(environment).checkpoints(tmp_path)) == {20, 100}
    assert set(JoeyNMT(environment).checkpoints(tmp_path)) == {300}
    assert set(Ours().checkpoints(tmp_path)) == {400}


@pytest.mark.parametrize("make", [OpenNMT, JoeyNMT])
def test_configurations_have_the_right_files_and_sizes(
    make: Callable[[Environment], OpenNMT | JoeyNMT], environment: Environment, corpus: Corpus, tmp_path: Path
) -> None:
    system = make(environment)
    system.speed_command(corpus, tmp_path / "fast", 32, 50, 10)
    system.training_command(corpus, tmp_path / "whole", 6000, 100)
    fast, whole = (
        yaml.safe_load((tmp_path / name / "train.yaml").read_text(encoding="utf-8")) for name in ("fast", "whole")
    )
    assert str(corpus.pieces) in str(fast)
    assert str(corpus.folder) not in str(fast)
    assert str(corpus.folder) in str(whole)
    assert str(corpus.pieces) not in str(whole)
    assert fast.get("training", fast)["batch_size"] == 32
    assert whole.get("training", whole)["batch_size"] == 64
    model = whole.get("model", whole)
    assert model.get("hidden_size", model.get("decoder_type") or model["decoder"]["hidden_size"]) == 512


def test_tried_batch_size_overrides_options(corpus: Corpus, tmp_path: Path) -> None:
    system = Ours("ours", ["--data.batch_tokens", "7"], training_batches=FEEDING_BATCHES)
    command_line = system.speed_command(corpus, tmp_path, 4000, 50, 10).arguments
    assert [value for option, value in pairwise(command_line) if option == "--data.batch_tokens"][-1] == "4000"
    assert "--data.batch_tokens" not in FEEDING_OPTIONS


def test_training_is_measured_with_the_best_batch_size(
    environment: Environment, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, order = {32: 100.0, 64: 300.0, 128: 200.0}, []

    def measure_speed(system: OpenNMT, batch: int, *_: object) -> Round:
        order.append(batch)
        return Round(400.0 - rates[batch], rates[batch], 1.0)

    monkeypatch.setattr(training, "measure_speed", measure_speed)
    rounds, choices = training.measure([OpenNMT(environment)], corpus, tmp_path, 20, 2, None)
    assert order == [32, 64, 128, 64, 64]
    assert rounds == {"OpenNMT-py": [Round(100.0, 300.0, 1.0)] * 2}
    assert choices == {"OpenNMT-py": training.BatchChoice(64, rates)}
    batches = json.loads(json.dumps({name: choice._asdict() for name, choice in choices.items()}))
    assert "OpenNMT-py takes 64 (32: 100, 64: 300, 128: 200)." in report.table({"training batches": batches})


def test_translation_commands_have_beam_and_batch_size(
    environment: Environment, corpus: Corpus, tmp_path: Path
) -> None:
    source, output = corpus.raw("test", "de"), tmp_path / "out"
    command_line = (
        OpenNMT(environment).translation_command(tmp_path / "model_step_1.pt", source, output, 5, 30).arguments
    )
    assert command_line[command_line.index("-beam_size") + 1] == "5"
    assert command_line[command_line.index("-batch_size") + 1] == "30"
    theirs = JoeyNMT(environment).translation_command(tmp_path / "model" / "1.ckpt", source, output, 5, 64)
    assert (theirs.stdin, theirs.stdout) == (source, output)
    testing = yaml.safe_load(output.with_suffix(".yaml").read_text(encoding="utf-8"))["testing"]
    assert (testing["beam_size"], testing["batch_size"]) == (5, 64)
    ours = (
        Ours(translate_options=["--precision", "bf16"])
        .translation_command(tmp_path / "a.ckpt", source, output, 5, 4000)
        .arguments
    )
    assert ours[-2:] == ["--precision", "bf16"]
    assert ours[ours.index("--beams") + 1] == "5"


def test_commands_are_measured_and_failures_reported(tmp_path: Path) -> None:
    cost = child.run(Command(["sh", "-c", "cat; echo message >&2"], stdout=tmp_path / "out"), tmp_path / "log")
    assert cost.seconds > 0
    assert cost.memory > 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == "message\n"
    with pytest.raises(RuntimeError, match="no such luck"):
        child.run(Command(["sh", "-c", "echo no such luck; exit 3"]), tmp_path / "log")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no processor affinity")
def test_commands_run_on_one_core_and_write_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    core = argument_parser().parse_args(["--corpus", "text"]).core
    code = "import os, sys; print(os.sched_getaffinity(0), sys.dont_write_bytecode)"
    child.run(Command([sys.executable, "-c", code]), tmp_path / "log", core)
    assert (tmp_path / "log").read_text(encoding="utf-8") == f"{{{core}}} False\n"


def test_parent_process_does_not_import_torch() -> None:
    code = "import sys, benchmarks.peers.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_rounds_are_interleaved() -> None:
    order = []

    def make_task(name: str) -> Callable[[], Round]:
        return lambda: order.append(name) or Round(1.0, 1.0, 1.0)

    assert len(run_interleaved({"ours": make_task("ours"), "theirs": make_task("theirs")}, 2, "work")["ours"]) == 2
    assert order == ["ours", "theirs", "ours", "theirs"]


def test_startup_is_subtracted() -> None:
    assert decoding.subtract_startup(Round(11.0, 10.0, 500.0), Round(2.0, 1.0, 400.0)) == Round(9.0, 9.0, 500.0)


def test_unscored_checkpoints_before_the_goal() -> None:
    checkpoints = {
        step: quality.Checkpoint(step, step, bleu) for step, bleu in ((1, None), (2, 20.0), (3, None), (4, 31.0))
    }
    assert quality.unscored_checkpoints(checkpoints, 30.0) == [3]
    assert quality.unscored_checkpoints(checkpoints, 40.0) == []


class FakeSystem(Ours):
    """A system that saves numbered checkpoints, which translate well from number 4 on."""

    def vocabulary_commands(self, corpus: Corpus, folder: Path) -> list[Command]:
        return [Command(["true"])]

    def training_command(self, corpus: Corpus, folder: Path, steps: int, interval: int) -> Command:
        return Command(["sh", "-c", f"for i in $(seq 1 {steps}); do touch {folder}/$i.ckpt; sleep 0.2; done"])

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        return {int(path.stem): path for path in folder.glob("*.ckpt")}

    def translation_command(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        good = int(checkpoint.stem) >= 4
        return Command(["cp", str(source.with_suffix(".en" if good else ".de")), str(output)])


@pytest.fixture
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(quality, "WRITE_SECONDS", 0.0)


@pytest.mark.usefixtures("fast_polling")
def test_training_stops_at_the_first_good_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    goal = quality.TrainingGoal(max_steps=100, checkpoint_interval=1, scoring_interval=3, first_scored=2)
    result = quality.run(FakeSystem(), corpus, tmp_path / "training", goal, None)
    assert result["reached"]
    assert result["checkpoint"].endswith("/4.ckpt")  # 2 and 5 are scored during training, 3 and 4 afterwards
    assert result["seconds"] > 0
    assert len(result["curve"]) < 100
    assert json.loads((tmp_path / "training" / "result.json").read_text(encoding="utf-8")) == result


@pytest.mark.usefixtures("fast_polling")
def test_last_checkpoint_is_scored_if_the_goal_is_not_reached(corpus: Corpus, tmp_path: Path) -> None:
    result = quality.run(
        FakeSystem(),
        corpus,
        tmp_path / "training",
        quality.TrainingGoal(max_steps=2, checkpoint_interval=1, first_scored=9),
        None,
    )
    assert not result["reached"]
    assert result["checkpoint"].endswith("/2.ckpt")
    with pytest.raises(RuntimeError, match="without a checkpoint"):
        quality.run(
            FakeSystem(), corpus, tmp_path / "none", quality.TrainingGoal(max_steps=0, checkpoint_interval=1), None
        )


@pytest.mark.usefixtures("fast_polling")
def test_interrupted_training_restarts_and_finished_training_is_kept(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SHORT_STEPS", 2)
    folder = tmp_path / "short" / "seq2seq"
    folder.mkdir(parents=True)
    (folder / "900.ckpt").touch()
    assert models.quality_result(folder) is None
    model = models.trained_model(FakeSystem(), corpus, tmp_path, None, to_goal=False)
    assert model.checkpoint == folder / "2.ckpt"
    result = models.quality_result(folder)
    assert result is not None
    assert set(result["curve"]) == {"1", "2"}
    model.checkpoint.unlink()
    assert models.trained_model(FakeSystem(), corpus, tmp_path, None, to_goal=False).checkpoint == folder / "1.ckpt"


def test_summary_has_the_first_good_or_the_best_checkpoint(tmp_path: Path) -> None:
    class FixedCheckpoints(Ours):
        def checkpoints(self, folder: Path) -> dict[int, Path]:
            return {step: folder / f"{step}.ckpt" for step in (1, 2, 3)}

    checkpoints = {
        1: quality.Checkpoint(10.0, 9.0, 20.0),
        2: quality.Checkpoint(20.0, 18.0, 30.5),
        3: quality.Checkpoint(30.0, 27.0, 31.0),
    }
    result = quality.summarize(FixedCheckpoints(), tmp_path, 30.0, checkpoints)
    assert (result["reached"], result["seconds"], result["cpu"], result["best"]) == (True, 20.0, 18.0, 30.5)
    result = quality.summarize(FixedCheckpoints(), tmp_path, 40.0, checkpoints)
    assert (result["reached"], result["seconds"], result["best"]) == (False, 30.0, 31.0)
    assert result["checkpoint"].endswith("3.ckpt")


def test_table_has_ratios_spread_and_unreached_goals() -> None:
    ours, theirs = [[4000, 4100, 900], [3000, 4100, 950]], [[1000, 1025, 2000], [1000, 1025, 2100]]
    translation = {"seq2seq": [[10, 9, 500]], "JoeyNMT": [[5, 4.5, 600]]}
    reached = {"reached": True, "seconds": 500.0, "cpu": 480.0, "best": 30.2}
    failed = {"reached": False, "seconds": 4000.0, "cpu": 3900.0, "best": 27.1}
    results = json.loads(
        json.dumps(
            {
                "training": {"seq2seq": ours, "OpenNMT-py": theirs},
                "decoding": translation,
                "quality": {"seq2seq": reached, "JoeyNMT": failed},
            }
        )
    )
    table = report.table(results)
    assert "**3.50** (3.00 to 4.00) | 4.00 (4.00 to 4.00) | 950, 2,100 | 2: met |" in table
    assert "**0.50** (0.50 to 0.50)" in table
    assert "10: missed" in table
    assert "not reached in 4,000 (best 27.1)" in table
    assert "**more than 8.00**" in table


def test_failed_installation_is_reported(environment: Environment) -> None:
    with pytest.raises(RuntimeError, match="could not be installed"):
        environment.run(["sh", "-c", "echo ERROR: no such version >&2; exit 1"])
