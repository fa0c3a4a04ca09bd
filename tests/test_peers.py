"""The benchmark against peers reads their logs rightly, writes what they read, and says what was measured."""

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
from benchmarks.peers.__main__ import arguments
from benchmarks.peers.child import Command
from benchmarks.peers.corpus import Corpus, all_pieces, cut, cut_corpus, lines, opennmt_vocabulary
from benchmarks.peers.environment import Environment
from benchmarks.peers.joeynmt import JoeyNMT
from benchmarks.peers.measured import Round, in_turns
from benchmarks.peers.opennmt import OpenNMT
from benchmarks.peers.ours import FEEDING, FEEDING_BATCHES, Ours
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
    made = Corpus(tmp_path / "raw", tmp_path / "pieces")
    made.folder.mkdir()
    for split in ("train", "val", "test"):
        for side, text in TEXT.items():
            made.raw(split, side).write_text("\n".join(text) + "\n", encoding="utf-8")
    tokenizer = Subwords(size=300, algorithm="bpe")
    tokenizer.learn(TEXT["de"] + TEXT["en"])
    save(tokenizer, made.tokenizer)
    return made


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "peers")


def test_a_line_ends_at_a_newline_only(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\u2028still one\n\ntwo\r\n", encoding="utf-8", newline="")
    assert len(lines(tmp_path / "text")) == 3


def test_pieces_joined_by_spaces_hold_the_whole_text(corpus: Corpus) -> None:
    cut_corpus(corpus)
    for side, text in TEXT.items():
        for line, whole in zip(lines(corpus.cut("train", side)), text, strict=True):
            assert "".join(line.split(" ")).replace("▁", " ") == " " + whole


def test_the_peers_vocabularies_hold_every_piece_once_and_nothing_special(corpus: Corpus) -> None:
    cut_corpus(corpus)
    theirs = lines(corpus.joeynmt)
    assert len(theirs) == len(set(theirs)) == 300 - 4  # each of them adds as many special ones of its own
    assert [line.split("\t")[0] for line in lines(corpus.opennmt)] == theirs
    used = {piece for side in TEXT for line in lines(corpus.cut("train", side)) for piece in line.split(" ")}
    assert used <= set(theirs)


def test_a_piece_with_a_space_is_refused() -> None:
    class Spaces(Subwords):
        def pieces(self, text: str) -> list[str]:
            return ["a b"]

    with pytest.raises(ValueError, match="space"):
        cut(Spaces(size=300), "a b")


def test_counts_keep_the_order_of_a_vocabulary() -> None:
    assert opennmt_vocabulary(["x", "a", "m"]) == ["x\t3", "a\t2", "m\t1"]


def test_special_pieces_are_known(corpus: Corpus) -> None:
    from seq2seq.tokenizers import load

    assert not {"<pad>", "<unk>", "<s>", "</s>"} & set(all_pieces(load(corpus.tokenizer)))


def test_speeds_are_those_of_target_tokens(environment: Environment, tmp_path: Path) -> None:
    assert OpenNMT(environment).rates(tmp_path, OPENNMT) == [642, 67]
    assert JoeyNMT(environment).rates(tmp_path, JOEYNMT) == [453, 1052]
    assert JoeyNMT(environment).validating(JOEYNMT) == pytest.approx(7.1646 + 1.8)
    logs = tmp_path / "run" / "2" / "logs" / "version_0"
    logs.mkdir(parents=True)
    (logs / "metrics.csv").write_text(
        "step,tokens_per_second,val_loss\n9,4100.5,\n9,,3.1\n19,4200,\n", encoding="utf-8"
    )
    assert Ours().rates(tmp_path, "") == [4100.5, 4200]


def test_checkpoints_are_found_by_their_steps(environment: Environment, tmp_path: Path) -> None:
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
def test_configurations_name_files_that_stay_and_one_size(
    make: Callable[[Environment], OpenNMT | JoeyNMT], environment: Environment, corpus: Corpus, tmp_path: Path
) -> None:
    system = make(environment)
    system.speed_run(corpus, tmp_path / "fast", 32, 50, 10)
    system.training(corpus, tmp_path / "whole", 6000, 100)
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


def test_our_batch_is_the_one_that_is_tried(corpus: Corpus, tmp_path: Path) -> None:
    given = Ours("ours", ["--data.batch_tokens", "7"], training_batches=FEEDING_BATCHES)
    said = given.speed_run(corpus, tmp_path, 4000, 50, 10).arguments
    assert [after for word, after in pairwise(said) if word == "--data.batch_tokens"][-1] == "4000"
    assert "--data.batch_tokens" not in FEEDING


def test_training_is_measured_with_the_batch_that_makes_most_of_the_processor(
    environment: Environment, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, order = {32: 100.0, 64: 300.0, 128: 200.0}, []

    def speed(system: OpenNMT, batch: int, *_: object) -> Round:
        order.append(batch)
        return Round(400.0 - rates[batch], rates[batch], 1.0)

    monkeypatch.setattr(training, "speed", speed)
    rounds, chosen = training.measure([OpenNMT(environment)], corpus, tmp_path, 20, 2, None)
    assert order == [32, 64, 128, 64, 64]
    assert rounds == {"OpenNMT-py": [Round(100.0, 300.0, 1.0)] * 2}
    assert chosen == {"OpenNMT-py": training.Choice(64, rates)}
    batches = json.loads(json.dumps({name: choice._asdict() for name, choice in chosen.items()}))
    assert "OpenNMT-py takes 64 (32: 100, 64: 300, 128: 200)." in report.table({"training batches": batches})


def test_translation_says_beam_and_batch_to_each_system(
    environment: Environment, corpus: Corpus, tmp_path: Path
) -> None:
    source, output = corpus.raw("test", "de"), tmp_path / "out"
    said = OpenNMT(environment).translation(tmp_path / "model_step_1.pt", source, output, 5, 30).arguments
    assert said[said.index("-beam_size") + 1] == "5"
    assert said[said.index("-batch_size") + 1] == "30"
    theirs = JoeyNMT(environment).translation(tmp_path / "model" / "1.ckpt", source, output, 5, 64)
    assert (theirs.stdin, theirs.stdout) == (source, output)
    testing = yaml.safe_load(output.with_suffix(".yaml").read_text(encoding="utf-8"))["testing"]
    assert (testing["beam_size"], testing["batch_size"]) == (5, 64)
    ours = Ours(translating=["--precision", "bf16"]).translation(tmp_path / "a.ckpt", source, output, 5, 4000).arguments
    assert ours[-2:] == ["--precision", "bf16"]
    assert ours[ours.index("--beams") + 1] == "5"


def test_a_command_is_measured_and_its_failure_is_said(tmp_path: Path) -> None:
    ran = child.run(Command(["sh", "-c", "cat; echo said >&2"], stdout=tmp_path / "out"), tmp_path / "log")
    assert ran.seconds > 0
    assert ran.memory > 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == "said\n"
    with pytest.raises(RuntimeError, match="no such luck"):
        child.run(Command(["sh", "-c", "echo no such luck; exit 3"]), tmp_path / "log")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_everything_runs_on_one_core_unless_told_otherwise_and_keeps_what_it_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    core = arguments().parse_args(["--corpus", "text"]).core
    code = "import os, sys; print(os.sched_getaffinity(0), sys.dont_write_bytecode)"
    child.run(Command([sys.executable, "-c", code]), tmp_path / "log", core)
    assert (tmp_path / "log").read_text(encoding="utf-8") == f"{{{core}}} False\n"


def test_what_starts_the_children_is_smaller_than_any_of_them() -> None:
    code = "import sys, benchmarks.peers.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_rounds_take_turns() -> None:
    order = []

    def work(name: str) -> Callable[[], Round]:
        return lambda: order.append(name) or Round(1.0, 1.0, 1.0)

    assert len(in_turns({"ours": work("ours"), "theirs": work("theirs")}, 2, "work")["ours"]) == 2
    assert order == ["ours", "theirs", "ours", "theirs"]


def test_what_a_program_takes_to_start_is_taken_away() -> None:
    assert decoding.less(Round(11.0, 10.0, 500.0), Round(2.0, 1.0, 400.0)) == Round(9.0, 9.0, 500.0)


def test_checkpoints_before_the_goal_are_looked_at_again() -> None:
    marks = {step: quality.Mark(step, step, found) for step, found in ((1, None), (2, 20.0), (3, None), (4, 31.0))}
    assert quality.passed_over(marks, 30.0) == [3]
    assert quality.passed_over(marks, 40.0) == []


class Writer(Ours):
    """Writes a number every moment, which translates well from 4 on."""

    def vocabulary(self, corpus: Corpus, folder: Path) -> list[Command]:
        return [Command(["true"])]

    def training(self, corpus: Corpus, folder: Path, steps: int, every: int) -> Command:
        return Command(["sh", "-c", f"for i in $(seq 1 {steps}); do touch {folder}/$i.ckpt; sleep 0.2; done"])

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        return {int(path.stem): path for path in folder.glob("*.ckpt")}

    def translation(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        good = int(checkpoint.stem) >= 4
        return Command(["cp", str(source.with_suffix(".en" if good else ".de")), str(output)])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "LOOK", 0.01)
    monkeypatch.setattr(quality, "WRITING", 0.0)


@pytest.mark.usefixtures("quick")
def test_a_race_stops_a_training_at_the_first_good_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    race = quality.Race(steps=100, every=1, scored=3, first=2)
    found = quality.run(Writer(), corpus, tmp_path / "race", race, None)
    assert found["reached"]
    assert found["checkpoint"].endswith("/4.ckpt")  # 2 and 5 were scored as they came, 3 and 4 afterwards
    assert found["seconds"] > 0
    assert len(found["curve"]) < 100
    assert json.loads((tmp_path / "race" / "result.json").read_text(encoding="utf-8")) == found


@pytest.mark.usefixtures("quick")
def test_a_training_that_ends_before_the_goal_is_scored_at_its_end(corpus: Corpus, tmp_path: Path) -> None:
    found = quality.run(Writer(), corpus, tmp_path / "race", quality.Race(steps=2, every=1, first=9), None)
    assert not found["reached"]
    assert found["checkpoint"].endswith("/2.ckpt")
    with pytest.raises(RuntimeError, match="without a checkpoint"):
        quality.run(Writer(), corpus, tmp_path / "none", quality.Race(steps=0, every=1), None)


@pytest.mark.usefixtures("quick")
def test_an_interrupted_race_begins_anew_and_a_finished_one_is_kept(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SHORT", 2)
    folder = tmp_path / "short" / "seq2seq"
    folder.mkdir(parents=True)
    (folder / "900.ckpt").touch()
    assert models.raced(folder) is None
    model = models.trained(Writer(), corpus, tmp_path, None, from_race=False)
    assert model.checkpoint == folder / "2.ckpt"
    found = models.raced(folder)
    assert found is not None
    assert set(found["curve"]) == {"1", "2"}
    model.checkpoint.unlink()
    assert models.trained(Writer(), corpus, tmp_path, None, from_race=False).checkpoint == folder / "1.ckpt"


def test_a_race_ends_at_the_first_good_checkpoint_or_says_how_far_it_came(tmp_path: Path) -> None:
    class Kept(Ours):
        def checkpoints(self, folder: Path) -> dict[int, Path]:
            return {step: folder / f"{step}.ckpt" for step in (1, 2, 3)}

    marks = {1: quality.Mark(10.0, 9.0, 20.0), 2: quality.Mark(20.0, 18.0, 30.5), 3: quality.Mark(30.0, 27.0, 31.0)}
    found = quality.conclude(Kept(), tmp_path, 30.0, marks)
    assert (found["reached"], found["seconds"], found["cpu"], found["best"]) == (True, 20.0, 18.0, 30.5)
    found = quality.conclude(Kept(), tmp_path, 40.0, marks)
    assert (found["reached"], found["seconds"], found["best"]) == (False, 30.0, 31.0)
    assert found["checkpoint"].endswith("3.ckpt")


def test_the_table_says_ratios_with_their_spread_and_what_was_not_reached() -> None:
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
    said = report.table(results)
    assert "**3.50** (3.00 to 4.00) | 4.00 (4.00 to 4.00) | 950, 2,100 | 2: met |" in said
    assert "**0.50** (0.50 to 0.50)" in said
    assert "10: missed" in said
    assert "not reached in 4,000 (best 27.1)" in said
    assert "**more than 8.00**" in said


def test_an_environment_that_cannot_be_made_is_one_sentence(environment: Environment) -> None:
    with pytest.raises(RuntimeError, match="could not be installed"):
        environment.call(["sh", "-c", "echo ERROR: no such version >&2; exit 1"])
