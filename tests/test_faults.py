"""The fault-injection harness detects each kind of problem."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults import processes, scheduler, states
from tests.faults.case import Case, NotTriedError, select_share
from tests.faults.table import markdown, row
from tests.faults.verdict import Outcome, find_problems


def make_outcome(status: int | None = 0, err: str = "", out: bytes = b"", memory: int = 0) -> Outcome:
    return Outcome(("command",), status, out, err, 1.0, memory)


@pytest.mark.parametrize(
    "outcome",
    [
        make_outcome(0),
        make_outcome(0, "train: 12 pairs\n"),
        make_outcome(1, "seq2seq: there is no file x\n"),
        make_outcome(1, "train: 12 pairs\nseq2seq: the corpus is empty\n"),
        make_outcome(2),
        make_outcome(130),
    ],
)
def test_normal_outcomes_have_no_problems(outcome: Outcome) -> None:
    assert find_problems(outcome) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (make_outcome(None), "did not end"),
        (make_outcome(-signal.SIGSEGV), "SIGSEGV"),
        (make_outcome(120), "status 120"),
        (make_outcome(1), "without an error message"),
        (make_outcome(1, "something\n"), "without an error message"),
        (make_outcome(1, "seq2seq: a\nb\n"), "without an error message"),
        (make_outcome(1, "seq2seq: \n"), "without an error message"),
        (make_outcome(1, "Traceback (most recent call last):\n  File x\nKeyError: 1\n"), "KeyError: 1"),
        (make_outcome(0, "Traceback (most recent call last):\n  File x\nKeyError: 1\n"), "KeyError: 1"),
        (make_outcome(0, out=b"Traceback (most recent call last):\n"), "standard output"),
        (make_outcome(0, "Exception ignored in: <stdout>\n"), "Exception ignored"),
        (make_outcome(0, "terminate called after throwing\n"), "terminate called"),
        (make_outcome(0, "UserWarning: something\n"), "UserWarning"),
        (make_outcome(1, "usage: x\nseq2seq: there is no file x\n"), "usage"),
        (make_outcome(1, "seq2seq: there is no file x\n" * 6), "6 lines"),
        (make_outcome(0, "a notice\n" * 40), "40 lines"),
        (make_outcome(0, memory=10**10), "GB"),
        (make_outcome(0)._replace(violations=("it imported evil",)), "evil"),
    ],
)
def test_problems_of_an_outcome_are_found(outcome: Outcome, expected: str) -> None:
    assert any(expected in problem for problem in find_problems(outcome)), find_problems(outcome)


def test_unexpected_status_is_a_problem() -> None:
    assert find_problems(make_outcome(0), statuses={1}) != []


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python file that is run in a fork instead of the command."""
    path = tmp_path / "code.py"

    def main(arguments: list[str]) -> int:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {})
        sys.stdout.flush()
        return 0

    monkeypatch.setattr(processes, "_main", main)
    return path


def test_hanging_fork_is_killed_with_its_children(tmp_path: Path, command: Path) -> None:
    command.write_text("import os, time\nif os.fork(): time.sleep(60)\nopen('child', 'w').write(str(os.getpid()))\n")
    command.write_text(command.read_text() + "time.sleep(60)\n")
    outcome = processes.run_forked(tmp_path, seconds=1)
    assert outcome.status is None
    deadline = time.monotonic() + 20
    while Path(f"/proc/{(tmp_path / 'child').read_text()}/stat").exists():
        state = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_fork_has_its_own_standard_streams(tmp_path: Path, command: Path) -> None:
    command.write_text("import sys\nprint(sys.stdin.read().upper())\nprint('notice', file=sys.stderr)\n")
    outcome = processes.run_forked(tmp_path, stdin=b"text")
    assert (outcome.status, outcome.out, outcome.err) == (0, b"TEXT\n", "notice\n")


def test_memory_of_a_fork_is_limited(tmp_path: Path, command: Path) -> None:
    command.write_text("try:\n  bytes(10**10)\nexcept MemoryError: print('refused')\nelse: print('given')\n")
    assert processes.run_forked(tmp_path, memory=1 << 30).out == b"refused\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import evil", "imported evil"),
        ("import subprocess; subprocess.run(['true'])", "started something"),
        ("import os; os.system('true')", "started something"),
        (f"open({str(Path(__file__).parent / 'faults' / '__init__.py')!r}, 'a').close()", "it wrote"),
    ],
)
def test_forbidden_actions_of_a_fork_are_found(tmp_path: Path, command: Path, code: str, expected: str) -> None:
    (tmp_path / "evil.py").touch()
    command.write_text(f"import sys; sys.path.insert(0, '.')\n{code}\n")
    assert any(expected in problem for problem in find_problems(processes.run_forked(tmp_path, canaries=["evil"])))
    assert find_problems(processes.run_forked(tmp_path)) == []  # only when canaries are given


def test_writing_in_the_working_folder_is_allowed(tmp_path: Path, command: Path) -> None:
    command.write_text("open('here', 'w').close()\nimport json\n")
    assert find_problems(processes.run_forked(tmp_path, canaries=["evil"])) == []


def test_bug_in_a_command_is_a_traceback(tmp_path: Path) -> None:
    def break_command() -> None:
        from seq2seq.commands import parser

        def bug(*_: object) -> None:
            raise RuntimeError("a bug")

        parser.call = bug

    outcome = processes.run_forked(tmp_path, "translate", "x", setup=break_command)
    assert any("traceback" in problem for problem in find_problems(outcome))
    assert find_problems(processes.run_forked(tmp_path, "--version"), statuses={0}) == []


def test_new_process_has_the_same_checks_as_a_fork(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    outcome = processes.run_fresh(folder, "tranlsate")
    assert outcome.status == 1
    assert find_problems(outcome) == []
    assert find_problems(processes.Running(folder, ["--version"], launcher=["false"]).wait()) != []


def verdict(tmp_path: Path, check: object, seconds: float = 60) -> scheduler.Verdict:
    return scheduler.run([Case("case", check, count=3, seconds=seconds)], tmp_path, 1)[0]  # type: ignore[arg-type]


def test_case_passes_only_without_problems(tmp_path: Path) -> None:
    def raises(folder: Path) -> list[str]:
        raise KeyError("of the case itself")

    def hangs(folder: Path) -> list[str]:
        time.sleep(60)
        return []

    def dies(folder: Path) -> list[str]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    assert verdict(tmp_path, lambda folder: []).passed
    assert verdict(tmp_path, lambda folder: ["wrong"]).problems == ["wrong"]
    assert "of the case itself" in verdict(tmp_path, raises).problems[0]
    assert "did not end" in verdict(tmp_path, hangs, seconds=0.2).problems[0]
    assert verdict(tmp_path, dies).problems


def test_skipped_case_never_counts_as_passed(tmp_path: Path) -> None:
    def skipped(folder: Path) -> list[str]:
        raise NotTriedError("not permitted")

    result = row("kind", [verdict(tmp_path, skipped), verdict(tmp_path, lambda folder: [])])
    assert (result.tried, result.passed, result.skipped) == (3, 3, 3)
    assert "not tried here: not permitted" in markdown([result], {"kind": 1})
    result = row("kind", [verdict(tmp_path, skipped)])
    assert (result.passed, result.share) == (0, "not tried here")


def test_row_names_the_failed_case(tmp_path: Path) -> None:
    table = markdown([row("kind", [verdict(tmp_path, lambda folder: ["wrong"])])], {"kind": 1})
    assert "| kind | 3 | 0 |" in table
    assert "not held: case" in table


def test_share_of_cases_is_deterministic() -> None:
    cases = [Case(str(number), lambda folder: []) for number in range(50)]
    assert select_share(cases, 0.1, 1) == select_share(cases, 0.1, 1)
    assert len(select_share(cases, 0.1, 1)) == 5
    assert select_share(cases, 0.1, 1) != select_share(cases, 0.1, 2)
    assert len(select_share(cases, 1e-9, 1)) == 1
    assert select_share(cases, 1, 1) == cases


def test_any_bitwise_difference_between_states_is_found() -> None:
    import torch

    same = {"a": [1, {"b": torch.tensor([0.0, float("nan")])}], "c": float("nan")}
    again = {"a": [1, {"b": torch.tensor([0.0, float("nan")])}], "c": float("nan")}
    assert list(states.find_unequal(same, again)) == []
    for other in (
        {**again, "a": [1, {"b": torch.tensor([-0.0, float("nan")])}]},
        {**again, "a": [1, {"b": torch.tensor([0.0, float("nan")], dtype=torch.float64)}]},
        {**again, "a": [1.0, again["a"][1]]},  # type: ignore[index]
        {**again, "a": [1]},
        {**again, "d": None},
        {"c": again["c"], "a": again["a"]},
    ):
        assert list(states.find_unequal(same, other)) != []


def test_every_kind_of_fault_has_a_module() -> None:
    from importlib import import_module

    from tests.faults.__main__ import KINDS

    for kind in KINDS:
        module = import_module(f"tests.faults.kinds.{kind}")
        assert callable(module.cases), kind
    assert set(KINDS) == {
        path.stem for path in (Path(__file__).parent / "faults" / "kinds").glob("*.py") if path.stem != "__init__"
    }
    assert sys.modules["tests.faults.kinds.kills"].TRAININGS * sys.modules["tests.faults.kinds.kills"].KILLS == 40
