"""All commands and Python programs of the README and of other pages run, on small corpora and with a few steps."""

import contextlib
import io
import os
import random
import re
import shlex
import shutil
import site
import subprocess
import sysconfig
import venv
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from seq2seq import runs
from seq2seq.__main__ import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = [ROOT / "docs" / f"{name}.md" for name in ("commands", "training", "evaluation", "layers", "results")]
# later pages use the runs of earlier ones
PAGES = [README, *(page.read_text(encoding="utf-8") for page in (*GUIDES, ROOT / "CONTRIBUTING.md"))]
ACTIVATE = "source .venv/bin/activate"
TINY = "--trainer.max_steps 3 --trainer.val_check_interval 1 --model.size 16 --trainer.limit_val_batches 2"
# these run the whole test suite, or take minutes: only a dry run is tested
DRY_RUN_ONLY = {
    *("make test", "make check", "make test-slow", "make test-references", "make test-faults"),
    *("make bench", "make bench-peers", "make gradients"),
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]


def shorten(command: str) -> str:
    """Return a command with options for a short training, for the model of one, or for a small corpus."""
    if command.startswith("python -c "):
        return re.sub(r"range\((\d+), \d+\)", lambda found: f"range({found[1]}, {int(found[1]) + 300})", command)
    if command.startswith("seq2seq compare "):
        layers = re.sub(r"(--layers( [A-Z]\S+){1,2})[^-]*", r"\1 ", command)  # of many, the first two
        corpus = "my-pairs" if "multi30k" in command else "my-text.txt"
        short = re.sub(r"--(seeds|minutes|parameters|steps) \S+", "", layers).replace("parameters", "tokens")
        name = len(layers) + len(command)  # no comparison resumes another
        return f"{short} --data.corpus {corpus} --model.size 16 --steps 2 --output comparison-{name}"
    if command.startswith("python -m benchmarks."):
        return f"{command} --help"
    if not re.match(r"seq2seq (fit|predict)\b|make train\b", command):
        return command
    for option in re.findall(r"--\S+", TINY):  # an option must not be given twice
        command = re.sub(rf' ?{re.escape(option)}[ =][^ "]+', "", command)
    if command.startswith("seq2seq "):
        backend = " --trainer.callbacks.backend eager" if "Compile" in command else ""  # inductor takes minutes
        return f"{command} {TINY}{backend}"
    outside = re.search(r"CONFIG=\S*/(multi30k|shakespeare)", command)
    if outside and "--data.corpus" not in command:  # corpora of the Hub, which tests do not download
        corpus = "my-pairs" if outside.group(1) == "multi30k" else "my-text.txt"
        command = f'{command} ARGS="--data.corpus {corpus}"'
    return command[:-1] + f' {TINY}"' if command.endswith('"') else f'{command} ARGS="{TINY}"'


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with small corpora."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "configs", "seq2seq", "pyproject.toml", "constraints.txt", "benchmarks", "tests"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("phrasebook", "library"):
        (folder / "data" / name).mkdir(parents=True)
        for source in (*(ROOT / "data" / name).glob("*.py"), *(ROOT / "data" / name).glob("*.tsv")):
            shutil.copy2(source, folder / "data" / name)
    create_environment(folder / ".venv")
    run(folder, ".venv/bin/python data/phrasebook --pairs 600")
    run(folder, ".venv/bin/python data/library")
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


def create_environment(folder: Path) -> None:
    """Create what `make setup` creates, with the packages of this interpreter instead of new copies."""
    venv.create(folder, symlinks=True)
    paths = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    shared = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (Path(paths["purelib"]) / "packages.pth").write_text("\n".join([str(ROOT), *shared]), encoding="utf-8")
    (script,) = entry_points(group="console_scripts", name="seq2seq")
    command = Path(paths["scripts"]) / script.name
    command.write_text(
        f"#!{command.with_name('python')}\nimport sys\nfrom {script.module} import {script.attr}\n"
        f"sys.exit({script.attr}())\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    (folder / "ready").touch()


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new shell, in which no `seq2seq` is installed until an environment is activated."""
    search_path = [part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "seq2seq").exists()]
    environment = os.environ | {"PATH": os.pathsep.join(search_path), "OMP_NUM_THREADS": "1"}
    # of the shell and of the make that run the tests
    for inherited in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS"):
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


def test_pages_have_commands() -> None:
    assert all(len(commands(page)) >= 3 for page in PAGES)
    assert sum(len(commands(page)) for page in PAGES) > 40


def test_environment_is_activated_before_its_commands_are_used(workspace: Path) -> None:
    before, activated = README.split(ACTIVATE, maxsplit=1)
    assert not [command for command in commands(before + "\n```") if not command.startswith("make ")]
    assert activated.count(ACTIVATE) == 0
    for name in ("seq2seq", "python"):
        found = run(workspace, f"{ACTIVATE} && command -v {name}").stdout.strip()
        assert Path(found) == workspace / ".venv" / "bin" / name


def test_commands_and_python_run(workspace: Path) -> None:
    """In the order of the pages, since later commands use runs of earlier ones.

    Compiled trainings run in a separate process, since torch.compile cannot compile the shape checks of the tests.
    """
    setup: list[str] = []  # the commands that change the reader's shell
    separate = {"make setup", "make train"}
    for command in [command for page in PAGES for command in commands(page)]:
        if command == ACTIVATE:
            setup.append(command)
        elif command.partition(" ARGS=")[0] in DRY_RUN_ONLY:
            run(workspace, f"make --dry-run {shlex.split(command)[1]}")
        elif setup and re.match(r"seq2seq [^<|]*$", command) and "Compile" not in command:
            run_here(workspace, shorten(command))
        elif command.startswith("make ") and not (command in separate or "DEVICES" in command):
            make_here(workspace, shorten(command))
        else:
            run(workspace, "\n".join([*setup, shorten(command)]))
    for program in [program for page in PAGES for program in blocks(page, "python")]:
        run(workspace, "\n".join([*setup, f"python -c {shlex.quote(program)}"]))


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), ROOT / "data" / "README.md", *(ROOT / "docs").glob("*.md")], ids=str
)
def test_links_exist(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


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
        assert re.search(r"seq2seq\.runs 'runs' .* --runs=there\b", recipe)


@pytest.mark.parametrize("name", ["my run", "it's", 'say "hi"'])
def test_make_leaves_quoting_to_the_shell(workspace: Path, name: str) -> None:
    """The name of a run in ARGS, and a prompt."""
    given = f"--name {shlex.quote(name)} --trainer.max_steps 3"
    done = run(workspace, f"make --dry-run train ARGS={shlex.quote(given)}")
    assert done.stderr == ""
    fit, *evaluations = done.stdout.replace("\\\n", " ").splitlines()[-3:]
    assert shlex.split(fit)[-4:] == ["--name", name, "--trainer.max_steps", "3"]
    assert len(evaluations) == 2
    for evaluate in evaluations:
        (chosen,) = re.findall(r'"\$\(\S+ -m seq2seq.runs (.*)\)"', evaluate)
        assert shlex.split(chosen)[-4:] == ["--name", name, "--trainer.max_steps", "3"]
    done = run(workspace, f"make --dry-run sample PROMPT={shlex.quote(name)}")
    assert shlex.split(done.stdout.replace("\\\n", " "))[-2:] == ["--prompt", name]


@pytest.mark.parametrize(
    ("options", "splits"),
    [
        ("", ["test-everyday"]),
        ("CONFIG=configs/translation/phrasebook-fixed.yaml", ["test-everyday"]),
        ("CONFIG=configs/translation/multi30k-quick.yaml", []),
        ('ARGS="--data.corpus my-pairs"', []),
    ],
)
def test_make_train_scores_the_everyday_sentences_of_the_phrasebook_only(
    workspace: Path, options: str, splits: list[str]
) -> None:
    recipe = run(workspace, f"make --dry-run train {options}").stdout
    assert re.findall(r"--split (\S+)", recipe) == splits


def test_example_sentences_are_everyday_sentences() -> None:
    """So `make train`, which scores these, checks that each is translated as the README shows."""
    _, *rows = (ROOT / "data" / "phrasebook" / "everyday.tsv").read_text(encoding="utf-8").splitlines()
    pairs = dict(row.split("\t") for row in rows)
    code = "\n".join((*blocks(README, "sh"), *blocks(README, "python")))
    sentences = re.findall(r'"([A-ZÄÖÜ][^"\n]* [^"\n]*[.?!])"', code)
    assert len(sentences) >= 3
    for sentence in sentences:
        assert sentence in pairs or sentence in pairs.values(), sentence
    for english, german in re.findall(r'\("([^"\n]+[.?!])", "([^"\n]+[.?!])"\)', code):
        assert pairs[english] == german


def test_make_help_lists_every_target(workspace: Path) -> None:
    output = run(workspace, "make help").stdout
    for target in ["setup", "tokenize", "train", "sample", "translate", "evaluate", "test", "check", "bench", "clean"]:
        assert re.search(rf"make {target}\b", output), target


def test_every_configuration_is_documented() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for path in (ROOT / "configs").glob("*/*.yaml"):
        assert f"(../{path.relative_to(ROOT)})" in page
