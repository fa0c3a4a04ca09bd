"""All commands and Python programs of the README run, on small corpora and with a few steps of training."""

import contextlib
import io
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq import runs
from seq2seq.__main__ import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TINY = "--trainer.max_steps 3 --trainer.val_check_interval 1 --model.size 16 --trainer.limit_val_batches 2"
# these run the whole test suite, or take minutes: only a dry run is tested
DRY_RUN_ONLY = {
    *("make test", "make check", "make test-slow", "make test-references"),
    *("make bench", "make bench-peers", "make gradients"),
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def shorten(command: str) -> str:
    """Return a command with options for a short training."""
    if re.search(r"\bseq2seq fit\b", command):
        backend = " --trainer.callbacks.backend eager" if "Compile" in command else ""  # inductor takes minutes
        return f"{command} {TINY}{backend}"
    if command.startswith("seq2seq compare "):
        layers = re.sub(r"(--layers( [A-Z]\S+){1,2})[^-]*", r"\1 ", command)  # of many, the first two
        corpus = "my-pairs" if "multi30k" in command else "my-text.txt"
        short = re.sub(r"--(seeds|minutes|parameters) \S+", "", layers).replace("parameters", "tokens")
        name = len(layers) + len(command)  # no comparison resumes another
        return f"{short} --data.corpus {corpus} --model.size 16 --steps 2 --output comparison-{name}"
    if command.startswith("python -m benchmarks."):
        return f"{command} --help"
    if re.match(r"make train\b", command):
        outside = re.search(r"CONFIG=\S*/(multi30k|shakespeare)", command)
        if outside and "--data.corpus" not in command:  # corpora of the Hub, which tests do not download
            corpus = "my-pairs" if outside.group(1) == "multi30k" else "my-text.txt"
            command = f'{command} ARGS="--data.corpus {corpus}"'
        for option in re.findall(r"--\S+", TINY):  # an option must not be given twice
            command = re.sub(rf' ?{re.escape(option)}[ =][^ "]+', "", command)
        return command[:-1] + f' {TINY}"' if command.endswith('"') else f'{command} ARGS="{TINY}"'
    return command


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with small corpora."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "configs", "seq2seq", "pyproject.toml", "constraints.txt", "benchmarks", "tests"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("phrasebook", "library"):
        (folder / "data" / name).mkdir(parents=True)
        for source in (ROOT / "data" / name).glob("*.py"):
            shutil.copy2(source, folder / "data" / name)
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "ready":
            (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv" / "ready").touch()
    run(folder, f"{sys.executable} data/phrasebook --pairs 600")
    run(folder, f"{sys.executable} data/library")
    for path in (folder / "data").glob("*/*.*"):
        if path.suffix in (".txt", ".en", ".de"):
            text = path.read_text(encoding="utf-8")
            path.write_text(
                "".join(text.splitlines(keepends=True)[: 300 if "train" in path.name else 20]), encoding="utf-8"
            )
    rng = random.Random(1)
    (folder / "my-pairs").mkdir()
    for split, size in (("train", 60), ("val", 8), ("test", 8)):
        lines = ["".join(rng.choices("abcdefgh ", k=12)) for _ in range(size)]
        (folder / "my-pairs" / f"{split}.de").write_text("\n".join(lines), encoding="utf-8")
        (folder / "my-pairs" / f"{split}.en").write_text("\n".join(line[::-1] for line in lines), encoding="utf-8")
    (folder / "my-text.txt").write_text("to be or not to be\n" * 300, encoding="utf-8")
    return folder


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS"):  # of the make that runs the tests
        environment.pop(inherited, None)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def run_here(folder: Path, command: str) -> None:
    """Run a `seq2seq` command in this process, since importing torch takes seconds."""
    os.environ.pop("SEQ2SEQ_RUN", None)  # names the run of a process
    with contextlib.chdir(folder):
        try:
            status = main(shlex.split(command)[1:])
        except SystemExit as ended:  # for example, if the same run has already finished
            status = int(ended.code or 0)
    os.environ.pop("SEQ2SEQ_RUN", None)
    assert status == 0, command


def make_here(folder: Path, command: str) -> None:
    """Run the recipe of a `make` command in this process, with $(...) replaced by the newest run."""

    def newest(match: re.Match[str]) -> str:
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as output:
            runs.main(shlex.split(match.group(1)))
        return output.getvalue().strip()

    recipe = run(folder, command.replace("make", "make --dry-run", 1)).stdout.replace("\\\n", " ")
    for line in recipe.splitlines():
        assert line.startswith(".venv/bin/seq2seq "), line
        run_here(folder, re.sub(r"\$\(\S+ -m seq2seq.runs ([^)]*)\)", newest, line))


def test_readme_has_commands() -> None:
    assert len(commands()) > 20


def test_readme_commands_and_python_run(workspace: Path) -> None:
    """In the order of the README, since later commands use runs of earlier ones.

    Compiled trainings run in a separate process, since torch.compile cannot compile the shape checks of the tests.
    """
    for command in commands():
        if command.partition(" ARGS=")[0] in DRY_RUN_ONLY:
            run(workspace, f"make --dry-run {shlex.split(command)[1]}")
        elif command.startswith("seq2seq ") and "<" not in command and "Compile" not in command:
            run_here(workspace, shorten(command))
        elif command.startswith("make ") and command != "make train" and "DEVICES" not in command:
            make_here(workspace, shorten(command))
        else:
            run(workspace, shorten(command))
    for program in blocks("python"):
        run(workspace, f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "data" / "README.md", *(ROOT / "docs").glob("*.md")], ids=str
)
def test_links_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("target", "given", "options"),
    [
        ("train", "--trainer.devices 1 --runs=there --trainer.num-nodes 2", ("devices", "runs", "num", "accelerator")),
        ("train RESUME=1 AGAIN=1", "--resume --again --name x", ("resume", "again", "name", "runs")),
        ("sample PROMPT=a CHECKPOINT=c", "--prompt b", ("prompt",)),
        ("tokenize", "--tokenizer.size=700 --out x.json --held_out y --show z", ("tokenizer", "out", "held", "show")),
    ],
)
def test_args_override_the_defaults_of_make(workspace: Path, target: str, given: str, options: tuple[str, ...]) -> None:
    recipe = run(workspace, f"make --dry-run {target} ARGS={shlex.quote(given)}").stdout.replace("\\\n", " ")
    (line,) = (line for line in recipe.splitlines() if re.search(rf"seq2seq (fit|{target.split()[0]})\b", line))
    for option in options:
        assert len(re.findall(rf"--(trainer\.)?{option}\b|--{option}_", line)) == 1, (option, line)
    if "--runs" in given:
        assert re.search(r"seq2seq\.training\.runs 'runs' .* --runs=there\b", recipe)


@pytest.mark.parametrize("name", ["my run", "it's", 'say "hi"'])
def test_make_leaves_quoting_to_the_shell(workspace: Path, name: str) -> None:
    """The name of a run in ARGS, and a prompt."""
    given = f"--name {shlex.quote(name)} --trainer.max_steps 3"
    done = run(workspace, f"make --dry-run train ARGS={shlex.quote(given)}")
    assert done.stderr == ""
    fit, evaluate = done.stdout.replace("\\\n", " ").splitlines()[-2:]
    assert shlex.split(fit)[-4:] == ["--name", name, "--trainer.max_steps", "3"]
    (chosen,) = re.findall(r'"\$\(\S+ -m seq2seq.runs (.*)\)"', evaluate)
    assert shlex.split(chosen)[-4:] == ["--name", name, "--trainer.max_steps", "3"]
    done = run(workspace, f"make --dry-run sample PROMPT={shlex.quote(name)}")
    assert shlex.split(done.stdout.replace("\\\n", " "))[-2:] == ["--prompt", name]


def test_make_help_lists_every_target(workspace: Path) -> None:
    output = run(workspace, "make help").stdout
    for target in ["setup", "tokenize", "train", "sample", "translate", "evaluate", "test", "check", "bench", "clean"]:
        assert re.search(rf"make {target}\b", output), target


def test_readme_mentions_every_configuration() -> None:
    for path in (ROOT / "configs").glob("*/*.yaml"):
        assert str(path.relative_to(ROOT)) in README
