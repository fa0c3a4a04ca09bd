"""Tests of the command line, `seq2seq COMMAND`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import Runs, shell

import seq2seq
from seq2seq import __main__ as command_line
from seq2seq.__main__ import COMMANDS, TRAINER_COMMANDS, main
from seq2seq.errors import UserError

HEAVY = ("torch", "pytorch_lightning", "numpy", "jsonargparse", "datasets")


def imported_modules(program: str) -> set[str]:
    """Return the modules that a Python program has imported at its end."""
    code = f"import sys\n{program}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_package_imports_no_heavy_modules() -> None:
    assert not imported_modules("import seq2seq; seq2seq.__version__").intersection(HEAVY)


def test_help_imports_no_heavy_modules_and_is_fast() -> None:
    begin = os.times().children_user
    modules = imported_modules("from seq2seq.__main__ import main; main(['--help'])")
    assert not modules.intersection(HEAVY)
    assert os.times().children_user - begin < 1.0


@pytest.mark.parametrize("command", ["translate", "sample", "score", "evaluate"])
def test_inference_imports_no_training_or_plotting_modules(command: str, runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two\n", encoding="utf-8")
    text = str(tmp_path / "text.txt")
    arguments = {
        "translate": [runs.translator, "--input", text],
        "sample": [runs.language, "--length", 2],
        "score": [runs.translator, "--source", text, "--target", text],
        "evaluate": [runs.language, "--text", text],
    }[command]
    given = [command, *map(str, arguments)]
    modules = imported_modules(f"from seq2seq.__main__ import main; assert main({given!r}) == 0")
    unneeded = {"pytorch_lightning", "lightning_fabric", "torchmetrics", "tensorboard", "datasets", "pyarrow"}
    assert not modules & (unneeded | {"matplotlib", "sacrebleu", "rich", "torch._dynamo"})
    assert "torch" in modules


@pytest.mark.parametrize(("command", "frozen"), [("translate", True), ("fit", False)])
def test_garbage_collector_is_frozen_at_exit_except_for_training(command: str, frozen: bool) -> None:
    code = f"""
import atexit, gc, sys
from seq2seq.__main__ import main
atexit.register(lambda: print(gc.get_freeze_count() > 0, file=sys.stderr))
sys.argv = ["seq2seq", "{command}", "--help"]
main()
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert output.splitlines()[-1] == str(frozen)


def test_command_help_imports_no_torch() -> None:
    program = """
from seq2seq.__main__ import main
for command in ("sample", "translate", "evaluate", "score", "average", "tokenize", "compare", "inspect"):
    try:
        main([command, "--help"])
    except SystemExit:
        pass
"""
    assert not imported_modules(program).intersection(("torch", "pytorch_lightning"))


@pytest.mark.parametrize("name", seq2seq.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(seq2seq, name).__name__ == name


def test_public_names_are_the_lazily_loaded_ones() -> None:
    assert seq2seq.__all__ == sorted(seq2seq._EXPORTS, key=lambda name: (name[0].islower(), name))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        seq2seq.nothing  # noqa: B018


def test_help_lists_every_command_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    assert all(f"  {command} " in output for command in COMMANDS)
    examples = [line.split()[1] for line in output.splitlines() if line.startswith("  seq2seq ")]
    assert examples
    assert set(examples) <= set(COMMANDS)
    assert main([]) == 2
    assert capsys.readouterr().out == output


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seq2seq {seq2seq.__version__}\n"


@pytest.mark.parametrize("command", ["sample", "translate", "evaluate", "score", "average"])
def test_command_help_shows_examples_with_valid_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert f"\n  seq2seq {command} " in output
    for example in (line for line in output.splitlines() if line.startswith("  seq2seq ")):
        for option in (word for word in example.split() if word.startswith("--")):
            assert f"\n  {option}" in output, f"{option} of the example is no option"
    assert "--device" in output or command == "average"
    assert "_k" not in output.replace("save_top_k", "")  # options are written with dashes


def error_message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail, and return its one-line error message."""
    capsys.readouterr()
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("seq2seq: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("seq2seq: ").removesuffix("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tarnslate", "there is no command tarnslate; did you mean translate?"),
        ("xyzzy", "there is no command xyzzy"),
        ("--hlep", "there is no command --hlep; did you mean --help?"),
        ("sample", "the following arguments are required: checkpoint"),
        ("sample c --temprature 1", "unknown option temprature; did you mean temperature?"),
        ("sample c --top-q 1", "unknown option top_q; did you mean top_"),
        ("sample c more", "unexpected argument more"),
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
def test_user_error_is_one_line(capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    assert message in error_message(capsys, *arguments.split())


def test_checkpoint_of_another_task_and_bad_device_are_one_line_errors(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "best.ckpt is a translator" in error_message(capsys, "sample", str(runs.translator))
    assert "best.ckpt is a language model" in error_message(capsys, "translate", str(runs.language))
    missing = error_message(capsys, "translate", str(runs.translator), "--input", "nowhere.txt")
    assert missing == "there is no file nowhere.txt"
    for device in ("toaster", "meta", "hpu", "cpu:x", "mkldnn", "opengl", "ipu"):
        output = error_message(capsys, "sample", str(runs.language), "--device", device)
        assert output.startswith(f"the device {device} cannot be used here: ")
        assert "ASSERT" not in output
        assert "aten::" not in output


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("one\n two"), "one two"),
        (UserError(), "UserError"),
        (MemoryError(), "there is not enough memory: a smaller model, shorter lines or smaller batches need less"),
    ],
)
def test_user_and_memory_errors_are_one_line(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise error

    monkeypatch.setattr("seq2seq.commands.parser.call", fail)
    assert error_message(capsys, "sample") == message
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
def test_other_exceptions_are_raised(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(given: list[str]) -> int:
        raise error

    monkeypatch.setattr(command_line, "run_command", fail)
    with pytest.raises(type(error)):
        main(["sample"])


def test_bug_in_a_subprocess_prints_a_traceback() -> None:
    code = """
import sys
from seq2seq.commands import sample
def fail(*arguments, **options):
    raise ValueError("a bug")
sample.text_lines = fail
from seq2seq.__main__ import main
sys.exit(main(["sample", "c", "--prompts", "-"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback ")
    assert done.stderr.endswith("ValueError: a bug\n")


def test_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(given: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "run_command", interrupt)
    assert main(["sample"]) == 130
    assert capsys.readouterr() == ("", "")


def run_with_closed_reader(*arguments: object) -> tuple[int, bytes]:
    """Return the status and the standard error of a command whose reader closes the pipe after one line."""
    command = [sys.executable, "-m", "seq2seq", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        return process.wait(timeout=100), process.stderr.read()


def test_closed_output_pipe_exits_with_141(runs: Runs) -> None:
    assert run_with_closed_reader("sample", runs.language, "--length", 10**6) == (141, b"")


def test_help_into_a_closed_pipe_prints_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    for arguments in (["--help"], ["score", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "seq2seq", *arguments], stdout=write, stderr=subprocess.PIPE, check=False
        )
        assert done.stderr == b""
    os.close(write)


def test_user_error_in_a_subprocess_has_status_1_and_no_traceback(tmp_path: Path) -> None:
    for arguments in (["translate"], ["nonsense"], ["evaluate", "--translations", "nowhere", "--reference", "nowhere"]):
        done = shell(*arguments)
        assert done.returncode == 1
        assert done.stdout == b""
        assert done.stderr.startswith(b"seq2seq: ")
        assert done.stderr.count(b"\n") == 1


def test_every_command_has_a_module_or_is_a_trainer_command() -> None:
    folder = Path(command_line.__file__).parent / "commands"
    assert all((folder / f"{command}.py").exists() for command in COMMANDS if command not in TRAINER_COMMANDS)
