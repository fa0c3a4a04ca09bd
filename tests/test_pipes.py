"""Opening a named pipe waits for the other end, with a notice."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq import standard_streams
from seq2seq.data.text import read_lines
from seq2seq.storage import atomic_write, open_output


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(standard_streams, "NOTICE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def other_end(notice: threading.Event, work: Callable[[], object]) -> threading.Thread:
    """Start a thread that opens the other end as soon as the notice is printed."""

    def run() -> None:
        assert notice.wait(60)
        work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], threading.Event]:
    lines: list[str] = []
    event = threading.Event()

    def log(line: str) -> None:
        lines.append(line)
        event.set()

    monkeypatch.setattr(standard_streams, "rank_zero_log", log)
    return lines, event


def test_reader_waits_for_the_first_writer(pipe: Path, notices: tuple[list[str], threading.Event]) -> None:
    lines, event = notices
    thread = other_end(event, lambda: pipe.write_text("one\n汉字\n", encoding="utf-8"))
    assert list(read_lines(pipe)) == ["one", "汉字"]
    thread.join(60)
    assert lines == [f"waiting for a process that writes to {pipe}"]


@pytest.mark.parametrize("how", ["stream", "copy"])
def test_writer_waits_for_the_first_reader(pipe: Path, notices: tuple[list[str], threading.Event], how: str) -> None:
    lines, event = notices
    found: list[str] = []
    thread = other_end(event, lambda: found.append(pipe.read_text(encoding="utf-8")))
    if how == "stream":
        with open_output(pipe) as file:
            file.write("one\n汉字\n")
    else:
        with atomic_write(pipe) as temporary:
            temporary.write_text("one\n汉字\n", encoding="utf-8")
    thread.join(60)
    assert found == ["one\n汉字\n"]
    assert lines == [f"waiting for a process that reads from {pipe}"]


def test_no_notice_without_waiting(pipe: Path, notices: tuple[list[str], threading.Event]) -> None:
    both = os.open(pipe, os.O_RDWR)  # Linux opens both ends at once
    os.write(both, b"text\n")
    descriptor = standard_streams.open_pipe_for_reading(pipe)
    assert os.get_blocking(descriptor)
    assert os.read(descriptor, 10) == b"text\n"
    os.close(standard_streams.open_pipe_for_writing(pipe))
    os.close(descriptor)
    os.close(both)
    assert notices[0] == []
