"""The harness of the faults sees each of them: a check that cannot fail would show nothing."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults import processes, scheduler, states
from tests.faults.case import Case, NotTriedError, share_of
from tests.faults.table import markdown, row
from tests.faults.verdict import Outcome, complaints


def outcome(status: int | None = 0, err: str = "", out: bytes = b"", memory: int = 0) -> Outcome:
    return Outcome(("command",), status, out, err, 1.0, memory)


@pytest.mark.parametrize(
    "ended",
    [
        outcome(0),
        outcome(0, "train: 12 pairs\n"),
        outcome(1, "seq2seq: there is no file x\n"),
        outcome(1, "train: 12 pairs\nseq2seq: the corpus is empty\n"),
        outcome(2),
        outcome(130),
    ],
)
def test_what_is_in_order_gives_no_complaint(ended: Outcome) -> None:
    assert complaints(ended) == []


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (outcome(None), "did not end"),
        (outcome(-signal.SIGSEGV), "SIGSEGV"),
        (outcome(120), "status 120"),
        (outcome(1), "without a sentence"),
        (outcome(1, "something\n"), "without a sentence"),
        (outcome(1, "seq2seq: a\nb\n"), "without a sentence"),
        (outcome(1, "seq2seq: \n"), "without a sentence"),
        (outcome(1, "Traceback (most recent call last):\n  File x\nKeyError: 1\n"), "KeyError: 1"),
        (outcome(0, "Traceback (most recent call last):\n  File x\nKeyError: 1\n"), "KeyError: 1"),
        (outcome(0, out=b"Traceback (most recent call last):\n"), "standard output"),
        (outcome(0, "Exception ignored in: <stdout>\n"), "Exception ignored"),
        (outcome(0, "terminate called after throwing\n"), "terminate called"),
        (outcome(0, "UserWarning: something\n"), "UserWarning"),
        (outcome(1, "usage: x\nseq2seq: there is no file x\n"), "usage"),
        (outcome(1, "seq2seq: there is no file x\n" * 6), "6 lines"),
        (outcome(0, "a notice\n" * 40), "40 lines"),
        (outcome(0, memory=10**10), "GB"),
        (outcome(0)._replace(foreign=("it imported evil",)), "evil"),
    ],
)
def test_what_is_not_in_order_is_said(ended: Outcome, said: str) -> None:
    assert any(said in wrong for wrong in complaints(ended)), complaints(ended)


def test_a_status_that_is_not_among_those_expected_is_said() -> None:
    assert complaints(outcome(0), statuses={1}) != []


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of Python that stands for the command in a fork."""
    path = tmp_path / "code.py"

    def main(arguments: list[str]) -> int:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {})
        sys.stdout.flush()
        return 0

    monkeypatch.setattr(processes, "_main", main)
    return path


def test_a_fork_that_hangs_is_killed_with_what_it_started(tmp_path: Path, command: Path) -> None:
    command.write_text("import os, time\nif os.fork(): time.sleep(60)\nopen('child', 'w').write(str(os.getpid()))\n")
    command.write_text(command.read_text() + "time.sleep(60)\n")
    ended = processes.forked(tmp_path, seconds=1)
    assert ended.status is None
    deadline = time.monotonic() + 20
    while Path(f"/proc/{(tmp_path / 'child').read_text()}/stat").exists():
        state = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_fork_prints_and_reads_is_its_own(tmp_path: Path, command: Path) -> None:
    command.write_text("import sys\nprint(sys.stdin.read().upper())\nprint('notice', file=sys.stderr)\n")
    ended = processes.forked(tmp_path, given=b"text")
    assert (ended.status, ended.out, ended.err) == (0, b"TEXT\n", "notice\n")


def test_a_fork_cannot_take_more_memory_than_it_may(tmp_path: Path, command: Path) -> None:
    command.write_text("try:\n  bytes(10**10)\nexcept MemoryError: print('refused')\nelse: print('given')\n")
    assert processes.forked(tmp_path, memory=1 << 30).out == b"refused\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import evil", "imported evil"),
        ("import subprocess; subprocess.run(['true'])", "started something"),
        ("import os; os.system('true')", "started something"),
        (f"open({str(Path(__file__).parent / 'faults' / '__init__.py')!r}, 'a').close()", "it wrote"),
    ],
)
def test_what_a_fork_must_not_do_is_seen(tmp_path: Path, command: Path, code: str, said: str) -> None:
    (tmp_path / "evil.py").touch()
    command.write_text(f"import sys; sys.path.insert(0, '.')\n{code}\n")
    assert any(said in wrong for wrong in complaints(processes.forked(tmp_path, canaries=["evil"])))
    assert complaints(processes.forked(tmp_path)) == []  # and only then


def test_a_command_that_writes_in_its_own_folder_is_in_order(tmp_path: Path, command: Path) -> None:
    command.write_text("open('here', 'w').close()\nimport json\n")
    assert complaints(processes.forked(tmp_path, canaries=["evil"])) == []


def test_an_error_within_a_command_is_a_traceback(tmp_path: Path) -> None:
    def broken() -> None:
        from seq2seq.commands import parser

        def bug(*_: object) -> None:
            raise RuntimeError("a bug")

        parser.call = bug

    ended = processes.forked(tmp_path, "translate", "x", before=broken)
    assert any("traceback" in wrong for wrong in complaints(ended))
    assert complaints(processes.forked(tmp_path, "--version"), statuses={0}) == []


def test_a_fresh_process_is_judged_as_a_fork_is(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    ended = processes.fresh(folder, "tranlsate")
    assert ended.status == 1
    assert complaints(ended) == []
    assert complaints(processes.Running(folder, ["--version"], through=["false"]).ended()) != []


def verdict(tmp_path: Path, check: object, seconds: float = 60) -> scheduler.Verdict:
    return scheduler.run([Case("case", check, count=3, seconds=seconds)], tmp_path, 1)[0]  # type: ignore[arg-type]


def test_a_case_holds_only_if_it_ends_without_a_complaint(tmp_path: Path) -> None:
    def raises(folder: Path) -> list[str]:
        raise KeyError("of the case itself")

    def hangs(folder: Path) -> list[str]:
        time.sleep(60)
        return []

    def dies(folder: Path) -> list[str]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    assert verdict(tmp_path, lambda folder: []).held
    assert verdict(tmp_path, lambda folder: ["wrong"]).wrong == ["wrong"]
    assert "of the case itself" in verdict(tmp_path, raises).wrong[0]
    assert "did not end" in verdict(tmp_path, hangs, seconds=0.2).wrong[0]
    assert verdict(tmp_path, dies).wrong


def test_what_could_not_be_tried_is_never_counted_as_held(tmp_path: Path) -> None:
    def untried(folder: Path) -> list[str]:
        raise NotTriedError("not permitted")

    counted = row("kind", [verdict(tmp_path, untried), verdict(tmp_path, lambda folder: [])])
    assert (counted.tried, counted.held, counted.untried) == (3, 3, 3)
    assert "not tried here: not permitted" in markdown([counted], {"kind": 1})
    none = row("kind", [verdict(tmp_path, untried)])
    assert (none.held, none.share) == (0, "not tried here")


def test_a_row_that_does_not_hold_names_the_case(tmp_path: Path) -> None:
    table = markdown([row("kind", [verdict(tmp_path, lambda folder: ["wrong"])])], {"kind": 1})
    assert "| kind | 3 | 0 |" in table
    assert "not held: case" in table


def test_a_share_is_the_same_each_time() -> None:
    cases = [Case(str(number), lambda folder: []) for number in range(50)]
    assert share_of(cases, 0.1, 1) == share_of(cases, 0.1, 1)
    assert len(share_of(cases, 0.1, 1)) == 5
    assert share_of(cases, 0.1, 1) != share_of(cases, 0.1, 2)
    assert len(share_of(cases, 1e-9, 1)) == 1
    assert share_of(cases, 1, 1) == cases


def test_a_bit_of_difference_between_states_is_seen() -> None:
    import torch

    same = {"a": [1, {"b": torch.tensor([0.0, float("nan")])}], "c": float("nan")}
    again = {"a": [1, {"b": torch.tensor([0.0, float("nan")])}], "c": float("nan")}
    assert list(states.unequal(same, again)) == []
    for other in (
        {**again, "a": [1, {"b": torch.tensor([-0.0, float("nan")])}]},
        {**again, "a": [1, {"b": torch.tensor([0.0, float("nan")], dtype=torch.float64)}]},
        {**again, "a": [1.0, again["a"][1]]},  # type: ignore[index]
        {**again, "a": [1]},
        {**again, "d": None},
        {"c": again["c"], "a": again["a"]},
    ):
        assert list(states.unequal(same, other)) != []


def test_every_kind_of_fault_has_cases_with_names_of_their_own() -> None:
    from importlib import import_module

    from tests.faults.__main__ import KINDS

    for kind in KINDS:
        module = import_module(f"tests.faults.kinds.{kind}")
        assert callable(module.cases), kind
    assert set(KINDS) == {
        path.stem for path in (Path(__file__).parent / "faults" / "kinds").glob("*.py") if path.stem != "__init__"
    }
    assert sys.modules["tests.faults.kinds.kills"].TRAININGS * sys.modules["tests.faults.kinds.kills"].KILLS == 40
