"""Laws of the one door, `seq2seq <command>`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import Runs, shell

import seq2seq
from seq2seq import __main__ as door
from seq2seq.__main__ import COMMANDS, EXPERIMENTS, main
from seq2seq.errors import UserError

HEAVY = ("torch", "pytorch_lightning", "numpy", "jsonargparse", "datasets")


def imported(program: str) -> set[str]:
    """The modules that a program of Python has imported when it ends."""
    code = f"import sys\n{program}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_package_imports_nothing_heavy() -> None:
    assert not imported("import seq2seq; seq2seq.__version__").intersection(HEAVY)


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    begin = os.times().children_user
    modules = imported("from seq2seq.__main__ import main; main(['--help'])")
    assert not modules.intersection(HEAVY)
    assert os.times().children_user - begin < 1.0


@pytest.mark.parametrize("command", ["translate", "sample", "score", "evaluate"])
def test_using_a_model_needs_nothing_that_trains_or_draws(command: str, runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two\n", encoding="utf-8")
    text = str(tmp_path / "text.txt")
    arguments = {
        "translate": [runs.translator, "--input", text],
        "sample": [runs.language, "--length", 2],
        "score": [runs.translator, "--source", text, "--target", text],
        "evaluate": [runs.language, "--text", text],
    }[command]
    given = [command, *map(str, arguments)]
    modules = imported(f"from seq2seq.__main__ import main; assert main({given!r}) == 0")
    unneeded = {"pytorch_lightning", "lightning_fabric", "torchmetrics", "tensorboard", "datasets", "pyarrow"}
    assert not modules & (unneeded | {"matplotlib", "sacrebleu", "rich", "torch._dynamo"})
    assert "torch" in modules


@pytest.mark.parametrize(("command", "frozen"), [("translate", True), ("fit", False)])
def test_what_was_imported_is_not_searched_for_garbage_at_the_end(command: str, frozen: bool) -> None:
    code = f"""
import atexit, gc, sys
from seq2seq.__main__ import main
atexit.register(lambda: print(gc.get_freeze_count() > 0, file=sys.stderr))
sys.argv = ["seq2seq", "{command}", "--help"]
main()
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert said.splitlines()[-1] == str(frozen)


def test_help_of_a_command_imports_no_torch() -> None:
    program = """
from seq2seq.__main__ import main
for command in ("sample", "translate", "evaluate", "score", "average", "tokenize", "compare", "inspect"):
    try:
        main([command, "--help"])
    except SystemExit:
        pass
"""
    assert not imported(program).intersection(("torch", "pytorch_lightning"))


@pytest.mark.parametrize("name", seq2seq.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(seq2seq, name).__name__ == name


def test_public_names_are_those_that_are_loaded_when_used() -> None:
    assert seq2seq.__all__ == sorted(seq2seq._ROOMS, key=lambda name: (name[0].islower(), name))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        seq2seq.nothing  # noqa: B018


def test_help_names_every_command_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {command} " in said for command in COMMANDS)
    examples = [line.split()[1] for line in said.splitlines() if line.startswith("  seq2seq ")]
    assert examples
    assert set(examples) <= set(COMMANDS)
    assert main([]) == 2
    assert capsys.readouterr().out == said


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seq2seq {seq2seq.__version__}\n"


@pytest.mark.parametrize("command", ["sample", "translate", "evaluate", "score", "average"])
def test_help_of_a_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert f"\n  seq2seq {command} " in said
    for example in (line for line in said.splitlines() if line.startswith("  seq2seq ")):
        for option in (word for word in example.split() if word.startswith("--")):
            assert f"\n  {option}" in said, f"{option} of the example is no option"
    assert "--device" in said or command == "average"
    assert "_k" not in said.replace("save_top_k", "")  # options are written with dashes


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said on the one line of standard error."""
    capsys.readouterr()
    assert main(list(arguments)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("seq2seq: ")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("seq2seq: ").removesuffix("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tarnslate", "there is no command tarnslate; did you mean translate?"),
        ("xyzzy", "there is no command xyzzy"),
        ("--hlep", "there is no command --hlep; did you mean --help?"),
        ("sample", "the following arguments are required: checkpoint"),
        ("sample c --temprature 1", "unknown option temprature; did you mean temperature?"),
        ("sample c --top-q 1", "unknown option top_q; did you mean top_"),
        ("sample c more", "there is no place for the argument more"),
        ("sample c --length x", "length must be of type int, and x was given"),
        ("sample c --length 1.5", "length must be of type int, and 1.5 was given"),
        ("translate c --n-best", "expected"),
        ("evaluate c --window x", "window must be of type int, and x was given"),
        ("average c --of bst --output x", "of must be one of 'best', 'last', and bst was given"),
        ("average c", "the following arguments are required: output"),
        ("score nowhere.ckpt", "there is no checkpoint at nowhere.ckpt"),
        ("translate nowhere.ckpt", "there is no checkpoint at nowhere.ckpt"),
    ],
)
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    assert message in refused(capsys, *arguments.split())


def test_a_checkpoint_of_the_other_kind_is_one_line(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert "best.ckpt is a translator" in refused(capsys, "sample", str(runs.translator))
    assert "best.ckpt is a language model" in refused(capsys, "translate", str(runs.language))
    missing = refused(capsys, "translate", str(runs.translator), "--input", "nowhere.txt")
    assert missing == "there is no file nowhere.txt"
    for device in ("toaster", "meta", "hpu", "cpu:x"):
        said = refused(capsys, "sample", str(runs.language), "--device", device)
        assert said.startswith(f"the device {device} cannot be used here: ")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("one\n two"), "one two"),
        (UserError(), "UserError"),
        (MemoryError(), "there is not enough memory: a smaller model, shorter lines or smaller batches need less"),
    ],
)
def test_what_a_user_can_mend_is_said_on_one_line(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise error

    monkeypatch.setattr("seq2seq.commands.parser.call", fail)
    assert refused(capsys, "sample") == message
    monkeypatch.setenv("SEQ2SEQ_TRACEBACK", "1")
    with pytest.raises(UserError):
        main(["sample"])


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not enough values to unpack"),
        KeyError("missing"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        OSError(9, "Bad file descriptor"),
        FileNotFoundError(2, "No such file or directory", "a.txt"),
        RecursionError("maximum recursion depth exceeded"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_of_ours_shows_where_it_came_from(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(given: list[str]) -> int:
        raise error

    monkeypatch.setattr(door, "obey", fail)
    with pytest.raises(type(error)):
        main(["sample"])


def test_a_bug_in_a_process_of_its_own_prints_a_traceback() -> None:
    code = """
import sys
from seq2seq.commands import sample
def broken(*arguments, **options):
    raise ValueError("a bug")
sample.text_lines = broken
from seq2seq.__main__ import main
sys.exit(main(["sample", "c", "--prompts", "-"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback ")
    assert done.stderr.endswith("ValueError: a bug\n")


def test_an_interrupt_has_its_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(given: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(door, "obey", interrupt)
    assert main(["sample"]) == 130
    assert capsys.readouterr() == ("", "")


def left_early(*arguments: object) -> tuple[int, bytes]:
    """The status and the standard error of a command whose reader takes one line and leaves."""
    command = [sys.executable, "-m", "seq2seq", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        return process.wait(timeout=100), process.stderr.read()


def test_a_reader_who_leaves_is_no_mistake_of_theirs(runs: Runs) -> None:
    assert left_early("sample", runs.language, "--length", 10**6) == (141, b"")


def test_a_reader_who_does_not_read_help_is_none_either() -> None:
    read, write = os.pipe()
    os.close(read)
    for arguments in (["--help"], ["score", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "seq2seq", *arguments], stdout=write, stderr=subprocess.PIPE, check=False
        )
        assert done.stderr == b""
    os.close(write)


def test_a_mistake_has_a_status_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["translate"], ["nonsense"], ["evaluate", "--translations", "nowhere", "--reference", "nowhere"]):
        said = shell(*arguments)
        assert said.returncode == 1
        assert said.stdout == b""
        assert said.stderr.startswith(b"seq2seq: ")
        assert said.stderr.count(b"\n") == 1


def test_every_command_is_a_room_or_an_experiment() -> None:
    rooms = Path(door.__file__).parent / "commands"
    assert all((rooms / f"{command}.py").exists() for command in COMMANDS if command not in EXPERIMENTS)
