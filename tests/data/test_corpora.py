"""Tests of reading corpora: exact text from every format, and a cache that follows the content."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow.parquet import write_table

from seq2seq.data import hub
from seq2seq.data.cache import cached_dataset
from seq2seq.data.corpora import content_hash, has_split, load_pairs, load_texts
from seq2seq.errors import UserError
from seq2seq.storage import cache_folder, cached_file

# text that table readers often interpret, and that must be read literally
DIFFICULT_TEXTS = [
    'say "hi"',
    '"',
    "NA",
    "null",
    "None",
    "",
    "nan",
    "1e5",
    "true",
    "a\rb",
    "x\u2028y",
    "\ufeff",
    " ",
    "\\t",
    "#",
    "ä😀",
]
PAIRS = [(text, f"<{text}>") for text in DIFFICULT_TEXTS]


def write_parallel(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    for column, texts in zip(("de", "en"), zip(*pairs, strict=True), strict=True):
        (folder / f"{split}.{column}").write_bytes("".join(f"{text}\n" for text in texts).encode())


def write_tab_separated(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    lines = ["en\tid\tde", *(f"{english}\t7\t{german}" for german, english in pairs)]
    (folder / f"{split}.tsv").write_bytes("\n".join(lines).encode())


def write_json_lines(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    rows = [{"en": english, "de": german, "id": 7} for german, english in pairs]
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    (folder / f"{split}.jsonl").write_bytes("\n".join(lines).encode())


def write_nested_json_lines(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    rows = [{"translation": {"en": english, "de": german}} for german, english in pairs]
    (folder / f"{split}.json").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_parquet(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    german, english = map(list, zip(*pairs, strict=True))
    write_table(pyarrow.table({"en": english, "de": german}), folder / f"{split}.parquet", row_group_size=3)


def write_nested_parquet(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    rows = [{"de": german, "en": english} for german, english in pairs]
    write_table(pyarrow.table({"id": [7] * len(rows), "translation": rows}), folder / f"{split}.parquet")


def write_shards(folder: Path, split: str, pairs: list[tuple[str, str]]) -> None:
    for number, pair in enumerate(pairs):
        write_json_lines(folder, f"{split}-{number}-of-{len(pairs)}", [pair])


WRITERS = [
    write_parallel,
    write_tab_separated,
    write_json_lines,
    write_nested_json_lines,
    write_parquet,
    write_nested_parquet,
    write_shards,
]


def read_pairs(source: Path | str, split: str = "train", **options: Any) -> list[tuple[str, str]]:
    dataset = load_pairs(str(source), "de", "en", split, **options)
    assert dataset.column_names == ["source", "target"]
    return list(zip(dataset["source"], dataset["target"], strict=True))


def read_text(source: Path | str, split: str = "train", **options: Any) -> str:
    dataset = load_texts(str(source), split, **options)
    assert dataset.column_names == ["text"]
    return "".join(dataset["text"])


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_is_read_exactly(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path, "train", PAIRS)
    assert read_pairs(tmp_path) == PAIRS
    swapped = load_pairs(str(tmp_path), "en", "de")
    assert list(zip(swapped["target"], swapped["source"], strict=True)) == PAIRS


@pytest.mark.parametrize("write", WRITERS[1:])
def test_rows_of_a_table_are_documents_of_a_language_model(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path, "train", [*PAIRS, ("ended", "ended")])
    assert load_texts(str(tmp_path), column="de")["text"][:] == [f"{text}\n" for text in [*DIFFICULT_TEXTS, "ended"]]


def test_document_that_ends_in_a_newline_gets_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one\\ntwo\\n"}\n\n{"text": "three"}\n')
    assert load_texts(str(tmp_path / "a.jsonl"))["text"][:] == ["one\ntwo\n", "three\n"]


def test_line_ends_are_stripped_from_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"de": "eins\\n", "en": "one\\r\\n"}\n')
    assert read_pairs(tmp_path / "a.jsonl") == [("eins", "one")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_file_is_read_exactly(tmp_path: Path, end: str) -> None:
    text = end.join([*DIFFICULT_TEXTS, "long " * 40_000, "", "last"])
    (tmp_path / "train.txt").write_bytes(text.encode())
    assert read_text(tmp_path) == text
    assert max(map(len, load_texts(str(tmp_path))["text"])) <= 65536


@pytest.mark.parametrize("name", ["validation", "val", "valid", "dev"])
def test_validation_split_has_four_names(tmp_path: Path, name: str) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    assert not has_split(str(tmp_path), "validation", ["de", "en"])
    write_parallel(tmp_path, name, PAIRS[:2])
    assert has_split(str(tmp_path), "validation", ["de", "en"])
    assert read_pairs(tmp_path, "validation") == PAIRS[:2]


def test_other_splits_have_one_name(tmp_path: Path) -> None:
    write_json_lines(tmp_path, "test-unseen", PAIRS)
    assert read_pairs(tmp_path, "test-unseen") == PAIRS
    assert not has_split(str(tmp_path), "test", ["de", "en"])


def test_shards_are_sorted_by_number(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        (tmp_path / f"train.{number}.txt").write_text(f"{number}")
    assert read_text(tmp_path) == "2\n9\n10"


def test_subset_is_a_subfolder(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    write_parallel(tmp_path / "news", "train", PAIRS)
    assert read_pairs(tmp_path, subset="news") == PAIRS
    assert has_split(str(tmp_path), "train", ["de", "en"], "news")
    with pytest.raises(ValueError, match="subset 'old'"):
        read_pairs(tmp_path, subset="old")


@pytest.mark.parametrize("name", ["pairs.tsv", "*.tsv"])
def test_file_and_glob_have_no_subset(tmp_path: Path, name: str) -> None:
    write_tab_separated(tmp_path, "pairs", PAIRS)
    source = str(tmp_path / name)
    for read in (
        lambda: load_pairs(source, "de", "en", subset="news"),
        lambda: load_texts(source, column="de", subset="news"),
        lambda: has_split(source, "train", ["de", "en"], "news"),
    ):
        assert get_error(read).endswith(f"on the Hugging Face Hub: {source} has no subset 'news'")


@pytest.mark.parametrize(("split", "subset"), [("../train", None), ("a/train", None), ("", None), ("train", "../x")])
def test_split_and_subset_must_be_inside_the_folder(tmp_path: Path, split: str, subset: str | None) -> None:
    for folder in (tmp_path, tmp_path / "x", tmp_path / "x" / "a"):
        folder.mkdir(exist_ok=True)
        (folder / "train.txt").write_text("text\n")
    with pytest.raises(UserError, match="must be the name of a file or folder inside"):
        load_texts(str(tmp_path / "x"), split, subset)


def test_column_cannot_be_a_path(tmp_path: Path) -> None:
    (tmp_path / "train.de").mkdir()
    (tmp_path / "x").write_text("text\n")
    with pytest.raises(UserError, match="has no split 'train'"):
        load_pairs(str(tmp_path), "de/../x", "de/../x")


def test_folder_without_splits_is_its_text_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("b/c/2.py", "b/c/10.py", "a.txt", ".hidden", ".git/config"):
        (tmp_path / name).write_text(name)
    (tmp_path / "picture.png").write_bytes(b"PNG\0\xff")
    (tmp_path / "utf-16.txt").write_text("left out", encoding="utf-16")
    for _ in range(2):
        assert read_text(tmp_path) == "a.txt\nb/c/2.py\nb/c/10.py"
    assert capsys.readouterr().err.count(f"{tmp_path}: 2 files left out, which hold no plain text") == 1
    assert not has_split(str(tmp_path), "validation", ["text"])
    (tmp_path / "val.de").write_text("seen once, never trained on")
    with pytest.raises(ValueError, match="no split 'train'"):
        read_text(tmp_path)


def test_corpus_program_must_run_first(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("print()")
    with pytest.raises(ValueError, match="run python "):
        read_text(tmp_path)
    (tmp_path / "train.txt").write_text("written")
    assert read_text(tmp_path) == "written"


def test_file_and_glob_have_a_training_split_only(tmp_path: Path) -> None:
    for name in ("a.txt", "b.py"):
        (tmp_path / name).write_text(f"{name}\n")
    for source, text in (("a.txt", "a.txt\n"), ("b.py", "b.py\n"), ("*", "a.txt\nb.py\n"), ("**/*.py", "b.py\n")):
        assert read_text(tmp_path / source) == text
        assert has_split(str(tmp_path / source), "train", ["text"])
        assert not has_split(str(tmp_path / source), "validation", ["text"])
        with pytest.raises(ValueError, match="has only the split 'train', not 'validation'"):
            read_text(tmp_path / source, "validation")


def test_columns_without_header_are_named_by_position(tmp_path: Path) -> None:
    path = tmp_path / "deu.txt"
    path.write_text("Go.\tGeh.\tCC-BY\nHi.\tHallo!\tCC-BY\n")
    dataset = load_pairs(str(path), "1", "0")
    assert dataset[:] == {"source": ["Geh.", "Hallo!"], "target": ["Go.", "Hi."]}
    with pytest.raises(ValueError, match=r"line 1 of .* does not name the columns de, en.*by their position"):
        read_pairs(path)
    with pytest.raises(ValueError, match="position 3 must be below 3"):
        load_pairs(str(path), "0", "3")


def get_error(read: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        read()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.tsv", "de\ten\na\tb\na\tb\tc\n", "train.tsv, line 3 must have 1 tabs as line 1 has, not 2"),
        ("train.tsv", "de\ten\na\tb\n\n", "train.tsv, line 3 must have 1 tabs as line 1 has, not 0"),
        ("train.jsonl", '{"de": "a", "fr": "b"}\n', "train.jsonl, line 1 has no column 'en'; it has de, fr"),
        ("train.jsonl", '\n{"de": "a", "en": null}\n', "line 2 must have a string in column 'en', not null"),
        ("train.jsonl", '{"de": "a", "en": 7}\n', "line 1 must have a string in column 'en', not a number"),
        ("train.jsonl", '{"de": "a", "en": "\\ud800"}\n', "line 1 has half a character"),
        ("train.jsonl", '["a", "b"]\n', "line 1 must be a JSON object, not a list"),
        ("train.jsonl", '{"de": "a",\n"en": "b"}\n', "line 1 must be a JSON object, but it is not JSON"),
        ("train.parquet", "text", "train.parquet is not a Parquet file"),
        ("train.tsv", "de\ten\n", "the split 'train' of "),
    ],
)
def test_malformed_table_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    assert message in get_error(lambda: read_pairs(tmp_path))


def test_error_on_unequal_parallel_files_has_their_lengths(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text("a\nb\nc")
    (tmp_path / "train.en").write_text("a\nb\n")
    message = get_error(lambda: read_pairs(tmp_path))
    assert "train.de has 3 and" in message
    assert message.endswith("train.en has 2")


def test_error_on_invalid_utf8_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text("a\nb\n")
    (tmp_path / "train.en").write_bytes(b"a\n\xe9\n")
    assert "train.en, line 2" in get_error(lambda: read_pairs(tmp_path))
    assert "train.en, line 2" in get_error(lambda: read_text(tmp_path / "train.en"))


def test_error_on_missing_column_lists_columns(tmp_path: Path) -> None:
    write_parquet(tmp_path, "train", PAIRS)
    message = get_error(lambda: load_pairs(str(tmp_path), "de", "fr"))
    assert message.endswith("train.parquet has no column 'fr'; it has en, de")


def test_errors_name_missing_files(tmp_path: Path) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    message = get_error(lambda: read_pairs(tmp_path, "validation"))
    assert "no split 'validation' or val or valid or dev: it would be validation.de and validation.en, or" in message
    (tmp_path / "train.en").unlink()
    assert "train.de must have train.en beside it" in get_error(lambda: read_pairs(tmp_path))
    (tmp_path / "train.en").mkdir()
    assert "train.en is a folder, not a file" in get_error(lambda: read_pairs(tmp_path))
    assert "pairs must be in a file ending in" in get_error(lambda: read_pairs(tmp_path / "train.de"))
    assert "no file matches" in get_error(lambda: read_text(tmp_path / "*.tsv"))
    assert "no file or folder" in get_error(lambda: read_text(tmp_path / "absent"))
    assert "no file or folder" in get_error(lambda: has_split("./absent", "test", ["text"]))


def test_empty_source_is_not_the_working_folder() -> None:
    assert "must be named" in get_error(lambda: load_texts(""))


def test_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a pipe" in get_error(lambda: read_text(tmp_path / "pipe"))


def test_empty_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbf")
    assert "is empty" in get_error(lambda: read_text(tmp_path))


def test_changed_content_with_the_old_time_stamp_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("old")
    stamp = path.stat()
    before = load_texts(str(path))
    path.write_text("new")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = load_texts(str(path))
    assert (before["text"][:], after["text"][:]) == (["old"], ["new"])
    assert before._fingerprint != after._fingerprint


def test_equal_content_is_read_from_the_cache(tmp_path: Path) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    first = load_pairs(str(tmp_path), "de", "en")
    (tmp_path / "moved").mkdir()
    for name in ("train.de", "train.en"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    again = load_pairs(str(tmp_path / "moved"), "de", "en")
    assert again._fingerprint == first._fingerprint
    assert again.cache_files == first.cache_files
    assert Path(again.cache_files[0]["filename"]).is_relative_to(cache_folder())


def test_concurrent_readers_read_once() -> None:
    passes = []

    def rows() -> Iterator[tuple[str]]:
        passes.append(1)
        yield from (("text",) for _ in range(10_000))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: len(cached_dataset(rows(), ["text"], "together")), range(4)))
    assert (found, passes) == ([10_000] * 4, [1])


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_damaged_cache_file_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))

    def junk(path: Path) -> None:
        path.write_bytes(content)

    corpora, rows = tmp_path / "cache" / "corpora", [("one",), ("two",)]
    cached_dataset(rows, ["text"], "key")
    whole = (corpora / "key.arrow").read_bytes()
    cached_file("corpora/other.arrow", junk)  # with its checksum
    for ending in ("arrow", "arrow.sum"):
        (corpora / f"other.{ending}").replace(corpora / f"key.{ending}")
    assert cached_dataset(rows, ["text"], "key")["text"][:] == ["one", "two"]
    assert (corpora / "key.arrow").read_bytes() == whole


def test_failed_read_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train.txt").write_bytes(b"fine\n" * 100_000 + b"\xff")
    for _ in range(2):
        with pytest.raises(ValueError, match="line 100001"):
            read_text(tmp_path / "train.txt")
    assert not list((tmp_path / "cache").rglob("*.arrow*"))


def test_cache_key_depends_on_reader_and_columns(tmp_path: Path) -> None:
    line = '{"de": "a", "en": "b"}\n'
    for ending in ("jsonl", "txt"):
        (tmp_path / f"x.{ending}").write_text(line)
    assert read_text(tmp_path / "x.txt") == line
    assert read_text(tmp_path / "x.jsonl", column="de") == "a\n"
    assert read_text(tmp_path / "x.jsonl", column="en") == "b\n"
    assert read_pairs(tmp_path / "x.jsonl") == [("a", "b")]


def test_content_hash_depends_on_contents_and_salt(tmp_path: Path) -> None:
    for name, content in {"a": "12", "b": "3", "c": "1", "d": "23", "e": "12"}.items():
        (tmp_path / name).write_text(content)
    a, b, c, d, e = (tmp_path / name for name in "abcde")
    assert content_hash(a, b) == content_hash(e, b)
    others = {content_hash(a, b), content_hash(b, a), content_hash(c, d), content_hash(a), content_hash(a, b, salt=1)}
    assert len(others) == 5


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the data set `owner/name` of the Hub be this local folder."""
    monkeypatch.setattr(hub, "_is_reachable", lambda name: True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    load_split, find_split_name = hub.load_split, hub._find_split_name
    monkeypatch.setattr(hub, "load_split", lambda name, *rest: load_split(str(tmp_path / name), *rest))
    monkeypatch.setattr(hub, "_find_split_name", lambda name, *rest: find_split_name(str(tmp_path / name), *rest))
    return folder


@pytest.mark.parametrize("write", [write_parquet, write_nested_parquet, write_json_lines])
def test_data_set_of_the_hub_is_read_exactly(
    local_hub: Path, write: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    write(local_hub, "train", PAIRS)
    write(local_hub, "validation", PAIRS[:3])
    assert read_pairs("owner/name") == PAIRS
    assert read_pairs("owner/name", "validation") == PAIRS[:3]
    assert has_split("owner/name", "validation", ["de", "en"])
    assert not has_split("owner/name", "test", ["de", "en"])
    assert "has no split 'test'" in get_error(lambda: read_pairs("owner/name", "test"))
    assert "has no column 'fr'" in get_error(lambda: load_pairs("owner/name", "fr", "en"))
    assert "could not provide it" in get_error(lambda: read_pairs("owner/name", subset="absent"))
    assert capfd.readouterr() == ("", "")


def test_error_without_connection_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_is_reachable", lambda name: False)
    for read in (lambda: read_text("owner/absent"), lambda: has_split("owner/absent", "test", ["text"])):
        message = get_error(read)
        assert message.startswith("there is no file or folder owner/absent, and the Hugging Face Hub could not")


def test_path_is_not_looked_up_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_is_reachable", lambda name: pytest.fail("requested from the Hub"))
    for name in ("/absent", "./absent", "~/absent", "a/b/c", "absent.txt", "absent folder"):
        with pytest.raises(ValueError, match="no file or folder"):
            read_text(name)


def test_reading_lines_needs_neither_torch_nor_datasets() -> None:
    code = "import sys, seq2seq.data.corpora; print(sorted({'torch', 'datasets', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = """
import sys
from seq2seq.data.corpora import load_pairs, load_texts
from seq2seq.memory import process_memory
load_texts(sys.argv[1]); load_pairs(sys.argv[1], "0", "1")
before = process_memory("VmHWM")
load_texts(sys.argv[2]); load_pairs(sys.argv[2], "0", "1")
print(process_memory("VmHWM") - before)
"""
    line = b"a sentence of some words that goes on and on\tein Satz aus W\xc3\xb6rtern, der immer weitergeht\n"
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_bytes(line * (2_000_000 // len(line)))
    large.write_bytes(line * (60_000_000 // len(line)))
    completed = subprocess.run([sys.executable, "-c", code, small, large], capture_output=True, text=True, check=True)
    assert int(completed.stdout) < 20_000_000  # a third of the file
