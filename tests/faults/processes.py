"""Commands in processes of their own, within limits: fresh ones, or forks of this one, which has imported torch."""

import io
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .verdict import Outcome

ROOT = Path(__file__).parents[2]
MEMORY = 3 << 30  # bytes of address space beyond what was there before
ANOTHER_USER = 65534  # nobody
# what the packages import at their tops and what every command needs; none of them starts a thread
PRELOADED = (
    "seq2seq.commands.experiment",
    "seq2seq.commands.average",
    "seq2seq.commands.translate",
    "seq2seq.inference.shortlist_learning",
    "sentencepiece",
    "sacrebleu",
    "matplotlib.pyplot",
    "tensorboard.backend.event_processing",
    "torch.utils.tensorboard",
    "rich.progress",
    "xxhash",
)


def preload() -> None:
    """Import what every command needs, so that a fork begins where a fresh process would after seconds."""
    from importlib import import_module

    for name in PRELOADED:
        import_module(name)
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"a process that is forked must have one thread, and this one has {threads}")


def environment(**more: str) -> dict[str, str]:
    """The variables of a command: ours, with this checkout's package, one thread and no variable of a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEQ2SEQ_", "PYTEST_"))}
    kept |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0"}
    return kept | {"SEQ2SEQ_CACHE": os.environ.get("SEQ2SEQ_CACHE", "")} | more


class Running:
    """`seq2seq` in a fresh process with an interpreter of its own, in a session of its own.

    Args:
        folder: Its working folder; what it says is kept beside it, in FOLDER.out and FOLDER.err.
        arguments: The command.
        given: What it reads from standard input.
        through: A command that starts it, as setpriv.
        variables: Variables of its environment.
        stdout: Where its standard output goes instead of a file that is read afterwards.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str | Path],
        given: bytes = b"",
        through: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self.arguments = tuple(map(str, arguments))
        place = Path(tempfile.mkdtemp(prefix="said-", dir=folder.parent))
        self.out, self.err = place / "out", place / "err"
        (place / "in").write_bytes(given)
        with (place / "in").open("rb") as source, self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*through, sys.executable, "-m", "seq2seq", *self.arguments],
                stdin=source,
                stdout=out if stdout is None else stdout,
                stderr=err,
                cwd=folder,
                env=environment(**(variables or {})),
                start_new_session=True,
            )
        self.begin = time.monotonic()

    def said(self) -> str:
        """Everything that it has said so far."""
        return (self.out.read_bytes() + self.err.read_bytes()).decode("utf-8", errors="replace")

    def wait_until(self, condition: Callable[[], bool], seconds: float = 100) -> bool:
        """Wait until something holds; False if the process ended before."""
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                return condition()
            time.sleep(0.001)
        return True

    def send(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def ended(self, seconds: float = 120) -> Outcome:
        """Wait for its end; what has not ended by then is killed."""
        try:
            status: int | None = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            status = None
        _kill_group(self.process.pid)
        self.process.wait()
        return Outcome(
            self.arguments,
            status,
            self.out.read_bytes(),
            self.err.read_text(encoding="utf-8", errors="replace"),
            time.monotonic() - self.begin,
            0,
        )


def fresh(folder: Path, *arguments: str | Path, given: bytes = b"", seconds: float = 120, **variables: str) -> Outcome:
    """Run `seq2seq` in a fresh process."""
    return Running(folder, arguments, given, variables=variables).ended(seconds)


def forked(
    folder: Path,
    *arguments: str | Path,
    given: bytes | Path = b"",
    stdout: Path | None = None,
    seconds: float = 60,
    memory: int = MEMORY,
    user: int | None = None,
    before: Callable[[], object] | None = None,
    canaries: Sequence[str] | None = None,
    **variables: str,
) -> Outcome:
    """Run `seq2seq` in a fork of this process, within limits of time and memory.

    Args:
        folder: Its working folder.
        arguments: The command.
        given: What it reads from standard input, or the file that it is.
        stdout: Where its standard output goes instead of into the outcome.
        seconds: How long it may run before it is killed.
        memory: Bytes of address space that it may take beyond what this process has.
        user: The number of the user and the group that it becomes.
        before: What is called in it first.
        canaries: Modules that must not be imported; nothing may then be started or written outside of `folder` either.
        variables: Variables of its environment.
    """
    with tempfile.TemporaryDirectory(prefix="said-", ignore_cleanup_errors=True) as place:
        os.chmod(place, 0o777)  # it is the folder for temporary files, also of another user
        source = Path(place) / "in"
        if isinstance(given, Path):
            source = given
        else:
            source.write_bytes(given)
        out, err, foreign = (Path(place) / name for name in ("out", "err", "foreign"))
        # opened before the fork becomes another user; a FIFO is opened in it, since that may wait for ever
        files = [os.open(stdout or out, os.O_WRONLY | os.O_CREAT), os.open(err, os.O_WRONLY | os.O_CREAT)]
        watch = os.open(foreign, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stdout.flush()
        sys.stderr.flush()
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            status = 70
            try:
                os.setpgid(0, 0)
                _replace_streams(source, *files)
                os.chdir(folder)
                chosen = environment(**{"TMPDIR": place, **variables})
                os.environ.clear()
                os.environ.update(chosen)
                tempfile.tempdir = None
                _limit(memory)
                if before is not None:
                    before()
                if user is not None and os.getuid() == 0:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                if canaries is not None:
                    _watch(watch, (folder, place, chosen["SEQ2SEQ_CACHE"] or folder), canaries)
                status = _main(list(map(str, arguments)))
            except BaseException:  # of the harness itself; the fork must end here, whatever happens
                traceback.print_exc()
            finally:
                os._exit(status)
        for file in (*files, watch):
            os.close(file)
        status, peak = _wait(child, begin + seconds)
        taken = time.monotonic() - begin
        return Outcome(
            tuple(map(str, arguments)),
            status,
            b"" if stdout is not None else out.read_bytes(),
            err.read_text(encoding="utf-8", errors="replace"),
            taken,
            peak,
            tuple(dict.fromkeys(foreign.read_text(encoding="utf-8", errors="replace").splitlines()))[:5],
        )


def _main(arguments: list[str]) -> int:
    """Do what `python -m seq2seq` does, to the flush at the end, and return the status."""
    sys.argv = ["seq2seq", *arguments]
    try:
        runpy.run_module("seq2seq", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except Exception:
        print("Exception ignored while the standard output was flushed", file=sys.stderr)
        traceback.print_exc()
        status = 120
    sys.stderr.flush()
    return status & 0xFF


def _replace_streams(source: Path, out: int, err: int) -> None:
    os.dup2(err, 2)
    os.dup2(out, 1)
    os.dup2(os.open(source, os.O_RDONLY), 0)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace", line_buffering=True
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watch(file: int, folders: Sequence[str | Path], canaries: Sequence[str]) -> None:
    """Write down from now on what the process imports, starts or writes that it must not."""
    ours = (*map(os.path.realpath, folders), "/dev/", "/proc/")
    tops = frozenset(canaries)
    started = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "pty.spawn", "socket.connect", "webbrowser.")
    busy = False

    def hook(event: str, given: tuple[object, ...]) -> None:
        nonlocal busy
        if busy:
            return
        busy = True
        try:
            found = ""
            if event == "import" and isinstance(given[0], str) and given[0].partition(".")[0] in tops:
                found = f"it imported {given[0]}"
            elif event.startswith(started):
                found = f"it started something: {event} {str(given)[:200]}"
            elif event == "open" and isinstance(given[0], str | bytes) and isinstance(given[2], int):
                path = os.path.realpath(os.fsdecode(given[0]))
                if given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not path.startswith(ours):
                    found = f"it wrote {path}"
            if found:
                os.write(file, found.replace("\n", " ").encode("utf-8", "replace") + b"\n")
        finally:
            busy = False

    sys.addaudithook(hook)


def _wait(child: int, end: float) -> tuple[int | None, int]:
    """Wait for a child until a time, then kill it; its status, None if it was killed, and its bytes at most."""
    pause = 0.002
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            _kill_group(child)  # workers that it left behind
            return os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024
        if time.monotonic() > end:
            _kill_group(child)
            used = os.wait4(child, 0)[2]
            return None, used.ru_maxrss * 1024
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
