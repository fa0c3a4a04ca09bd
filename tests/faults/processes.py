"""Run commands in separate processes: new interpreters, or forks of this process, which has imported torch."""

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
MEMORY = 3 << 30  # additional bytes of address space for a fork
ANOTHER_USER = 65534  # nobody
# modules that the commands import; none of them starts a thread
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
    """Import what the commands need, so that a fork starts without seconds of imports."""
    from importlib import import_module

    for name in PRELOADED:
        import_module(name)
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"a process that forks must have one thread, and this one has {threads}")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command: this checkout, one thread, and no variables of the tests."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SEQ2SEQ_", "PYTEST_"))}
    variables |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0"}
    return variables | {"SEQ2SEQ_CACHE": os.environ.get("SEQ2SEQ_CACHE", "")} | more


class Running:
    """`seq2seq` in a new interpreter and a new session.

    Args:
        folder: Its working folder; its output goes to files next to it.
        arguments: The command.
        stdin: Its standard input.
        launcher: A command that starts it, such as setpriv.
        env: Additional environment variables.
        stdout: File descriptor for its standard output, instead of a file that is read afterwards.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str | Path],
        stdin: bytes = b"",
        launcher: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self.arguments = tuple(map(str, arguments))
        streams = Path(tempfile.mkdtemp(prefix="streams-", dir=folder.parent))
        self.out, self.err = streams / "out", streams / "err"
        (streams / "in").write_bytes(stdin)
        with (streams / "in").open("rb") as source, self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*launcher, sys.executable, "-m", "seq2seq", *self.arguments],
                stdin=source,
                stdout=out if stdout is None else stdout,
                stderr=err,
                cwd=folder,
                env=environment(**(env or {})),
                start_new_session=True,
            )
        self.start_time = time.monotonic()

    def output(self) -> str:
        """Return its standard output and standard error so far."""
        return (self.out.read_bytes() + self.err.read_bytes()).decode("utf-8", errors="replace")

    def wait_until(self, condition: Callable[[], bool], seconds: float = 100) -> bool:
        """Wait until a condition holds; return False if the process ends or time runs out before."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                return condition()
            time.sleep(0.001)
        return True

    def send(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float = 120) -> Outcome:
        """Wait for the process to end, and kill it when time runs out."""
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
            time.monotonic() - self.start_time,
            0,
        )


def run_fresh(
    folder: Path, *arguments: str | Path, stdin: bytes = b"", seconds: float = 120, **variables: str
) -> Outcome:
    """Run `seq2seq` in a new interpreter."""
    return Running(folder, arguments, stdin, env=variables).wait(seconds)


def run_forked(
    folder: Path,
    *arguments: str | Path,
    stdin: bytes | Path = b"",
    stdout: Path | None = None,
    seconds: float = 60,
    memory: int = MEMORY,
    user: int | None = None,
    setup: Callable[[], object] | None = None,
    canaries: Sequence[str] | None = None,
    **variables: str,
) -> Outcome:
    """Run `seq2seq` in a fork of this process, within limits of time and memory.

    Args:
        folder: Its working folder.
        arguments: The command.
        stdin: Its standard input: the bytes or a file.
        stdout: File for its standard output, which is then missing in the outcome.
        seconds: Time limit, after which it is killed.
        memory: Limit of its address space in bytes, in addition to that of this process.
        user: User and group id to run as.
        setup: Function to call first in the fork.
        canaries: Modules that must not be imported; if given, it also must not start processes or write outside
            of `folder`.
        variables: Additional environment variables.
    """
    with tempfile.TemporaryDirectory(prefix="streams-", ignore_cleanup_errors=True) as streams:
        os.chmod(streams, 0o777)  # it is also the folder for temporary files, possibly of another user
        source = Path(streams) / "in"
        if isinstance(stdin, Path):
            source = stdin
        else:
            source.write_bytes(stdin)
        out, err, violations = (Path(streams) / name for name in ("out", "err", "violations"))
        # opened before the fork changes its user; standard input is opened in the fork, since a FIFO may block forever
        files = [os.open(stdout or out, os.O_WRONLY | os.O_CREAT), os.open(err, os.O_WRONLY | os.O_CREAT)]
        audit_log = os.open(violations, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stdout.flush()
        sys.stderr.flush()
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            status = 70
            try:
                os.setpgid(0, 0)
                _replace_streams(source, *files)
                os.chdir(folder)
                variables = environment(**{"TMPDIR": streams, **variables})
                os.environ.clear()
                os.environ.update(variables)
                tempfile.tempdir = None
                _limit(memory)
                if setup is not None:
                    setup()
                if user is not None and os.getuid() == 0:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                if canaries is not None:
                    _audit(audit_log, (folder, streams, variables["SEQ2SEQ_CACHE"] or folder), canaries)
                status = _main(list(map(str, arguments)))
            except BaseException:  # an error of the harness itself; the fork must end here in any case
                traceback.print_exc()
            finally:
                os._exit(status)
        for file in (*files, audit_log):
            os.close(file)
        status, peak = _wait(child, start + seconds)
        elapsed = time.monotonic() - start
        return Outcome(
            tuple(map(str, arguments)),
            status,
            b"" if stdout is not None else out.read_bytes(),
            err.read_text(encoding="utf-8", errors="replace"),
            elapsed,
            peak,
            tuple(dict.fromkeys(violations.read_text(encoding="utf-8", errors="replace").splitlines()))[:5],
        )


def _main(arguments: list[str]) -> int:
    """Run `python -m seq2seq`, including the flush at exit, and return the exit status."""
    sys.argv = ["seq2seq", *arguments]
    try:
        runpy.run_module("seq2seq", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
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
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _audit(file: int, folders: Sequence[str | Path], canaries: Sequence[str]) -> None:
    """From now on, log every forbidden import, process start and write of this process to a file descriptor."""
    allowed = (*map(os.path.realpath, folders), "/dev/", "/proc/")
    forbidden = frozenset(canaries)
    spawns = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "pty.spawn", "socket.connect", "webbrowser.")
    busy = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal busy
        if busy:
            return
        busy = True
        try:
            violation = ""
            if event == "import" and isinstance(arguments[0], str) and arguments[0].partition(".")[0] in forbidden:
                violation = f"it imported {arguments[0]}"
            elif event.startswith(spawns):
                violation = f"it started something: {event} {str(arguments)[:200]}"
            elif event == "open" and isinstance(arguments[0], str | bytes) and isinstance(arguments[2], int):
                path = os.path.realpath(os.fsdecode(arguments[0]))
                if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not path.startswith(allowed):
                    violation = f"it wrote {path}"
            if violation:
                os.write(file, violation.replace("\n", " ").encode("utf-8", "replace") + b"\n")
        finally:
            busy = False

    sys.addaudithook(hook)


def _wait(child: int, deadline: float) -> tuple[int | None, int]:
    """Wait for a child and kill it at the deadline; return its status, None if it was killed, and its peak memory."""
    pause = 0.002
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            _kill_group(child)  # remaining workers
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
        if time.monotonic() > deadline:
            _kill_group(child)
            usage = os.wait4(child, 0)[2]
            return None, usage.ru_maxrss * 1024
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
