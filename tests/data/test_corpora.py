"""Laws of reading corpora: nothing is altered, every layout says the same, and a cache never lies."""

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

# what readers of tables like to interpret: none of it means anything here
AWKWARD = [
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
PAIRS = [(text, f"<{text}>") for text in AWKWARD]


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


def pairs_of(source: Path | str, split: str = "train", **options: Any) -> list[tuple[str, str]]:
    dataset = load_pairs(str(source), "de", "en", split, **options)
    assert dataset.column_names == ["source", "target"]
    return list(zip(dataset["source"], dataset["target"], strict=True))


def text_of(source: Path | str, split: str = "train", **options: Any) -> str:
    dataset = load_texts(str(source), split, **options)
    assert dataset.column_names == ["text"]
    return "".join(dataset["text"])


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_gives_the_pairs_unaltered(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path, "train", PAIRS)
    assert pairs_of(tmp_path) == PAIRS
    turned = load_pairs(str(tmp_path), "en", "de")
    assert list(zip(turned["target"], turned["source"], strict=True)) == PAIRS


@pytest.mark.parametrize("write", WRITERS[1:])
def test_a_table_is_documents_to_a_language_model(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path, "train", [*PAIRS, ("ended", "ended")])
    assert load_texts(str(tmp_path), column="de")["text"][:] == [f"{text}\n" for text in [*AWKWARD, "ended"]]


def test_a_document_that_ends_in_a_newline_gets_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one\\ntwo\\n"}\n\n{"text": "three"}\n')
    assert load_texts(str(tmp_path / "a.jsonl"))["text"][:] == ["one\ntwo\n", "three\n"]


def test_line_ends_are_stripped_from_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"de": "eins\\n", "en": "one\\r\\n"}\n')
    assert pairs_of(tmp_path / "a.jsonl") == [("eins", "one")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_text_of_a_file_is_exact(tmp_path: Path, end: str) -> None:
    text = end.join([*AWKWARD, "long " * 40_000, "", "last"])
    (tmp_path / "train.txt").write_bytes(text.encode())
    assert text_of(tmp_path) == text
    assert max(map(len, load_texts(str(tmp_path))["text"])) <= 65536


@pytest.mark.parametrize("name", ["validation", "val", "valid", "dev"])
def test_validation_goes_by_four_names(tmp_path: Path, name: str) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    assert not has_split(str(tmp_path), "validation", ["de", "en"])
    write_parallel(tmp_path, name, PAIRS[:2])
    assert has_split(str(tmp_path), "validation", ["de", "en"])
    assert pairs_of(tmp_path, "validation") == PAIRS[:2]


def test_other_splits_go_by_their_own_name(tmp_path: Path) -> None:
    write_json_lines(tmp_path, "test-unseen", PAIRS)
    assert pairs_of(tmp_path, "test-unseen") == PAIRS
    assert not has_split(str(tmp_path), "test", ["de", "en"])


def test_shards_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        (tmp_path / f"train.{number}.txt").write_text(f"{number}")
    assert text_of(tmp_path) == "2\n9\n10"


def test_a_subset_is_a_folder_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    write_parallel(tmp_path / "news", "train", PAIRS)
    assert pairs_of(tmp_path, subset="news") == PAIRS
    assert has_split(str(tmp_path), "train", ["de", "en"], "news")
    with pytest.raises(ValueError, match="subset 'old'"):
        pairs_of(tmp_path, subset="old")


@pytest.mark.parametrize(("split", "subset"), [("../train", None), ("a/train", None), ("", None), ("train", "../x")])
def test_a_split_and_a_subset_are_inside_the_folder(tmp_path: Path, split: str, subset: str | None) -> None:
    for folder in (tmp_path, tmp_path / "x", tmp_path / "x" / "a"):
        folder.mkdir(exist_ok=True)
        (folder / "train.txt").write_text("text\n")
    with pytest.raises(UserError, match="must be the name of something inside"):
        load_texts(str(tmp_path / "x"), split, subset)


def test_a_column_is_no_path_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "train.de").mkdir()
    (tmp_path / "x").write_text("text\n")
    with pytest.raises(UserError, match="has no split 'train'"):
        load_pairs(str(tmp_path), "de/../x", "de/../x")


def test_a_folder_without_splits_is_its_text_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("b/c/2.py", "b/c/10.py", "a.txt", ".hidden", ".git/config"):
        (tmp_path / name).write_text(name)
    (tmp_path / "picture.png").write_bytes(b"PNG\0\xff")
    (tmp_path / "utf-16.txt").write_text("left out", encoding="utf-16")
    for _ in range(2):
        assert text_of(tmp_path) == "a.txt\nb/c/2.py\nb/c/10.py"
    assert capsys.readouterr().err.count(f"{tmp_path}: 2 files left out, which hold no plain text") == 1
    assert not has_split(str(tmp_path), "validation", ["text"])
    (tmp_path / "val.de").write_text("seen once, never trained on")
    with pytest.raises(ValueError, match="no split 'train'"):
        text_of(tmp_path)


def test_a_program_is_no_corpus_before_it_has_run(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("print()")
    with pytest.raises(ValueError, match="run python "):
        text_of(tmp_path)
    (tmp_path / "train.txt").write_text("written")
    assert text_of(tmp_path) == "written"


def test_a_file_and_a_glob_serve_training_only(tmp_path: Path) -> None:
    for name in ("a.txt", "b.py"):
        (tmp_path / name).write_text(f"{name}\n")
    for source, text in (("a.txt", "a.txt\n"), ("b.py", "b.py\n"), ("*", "a.txt\nb.py\n"), ("**/*.py", "b.py\n")):
        assert text_of(tmp_path / source) == text
        assert has_split(str(tmp_path / source), "train", ["text"])
        assert not has_split(str(tmp_path / source), "validation", ["text"])
        with pytest.raises(ValueError, match="serves the split 'train' only, not 'validation'"):
            text_of(tmp_path / source, "validation")


def test_a_headerless_table_goes_by_position_and_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "deu.txt"
    path.write_text("Go.\tGeh.\tCC-BY\nHi.\tHallo!\tCC-BY\n")
    dataset = load_pairs(str(path), "1", "0")
    assert dataset[:] == {"source": ["Geh.", "Hallo!"], "target": ["Go.", "Hi."]}
    with pytest.raises(ValueError, match=r"line 1 of .* does not name the columns de, en.*by their position"):
        pairs_of(path)
    with pytest.raises(ValueError, match="position 3 must be below 3"):
        load_pairs(str(path), "0", "3")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "content", "said"),
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
def test_a_malformed_table_is_refused_in_one_sentence(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    assert said in refusal(lambda: pairs_of(tmp_path))


def test_unequal_files_are_named_with_their_lengths(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text("a\nb\nc")
    (tmp_path / "train.en").write_text("a\nb\n")
    message = refusal(lambda: pairs_of(tmp_path))
    assert "train.de has 3 and" in message
    assert message.endswith("train.en has 2")


def test_invalid_utf8_in_a_corpus_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text("a\nb\n")
    (tmp_path / "train.en").write_bytes(b"a\n\xe9\n")
    assert "train.en, line 2" in refusal(lambda: pairs_of(tmp_path))
    assert "train.en, line 2" in refusal(lambda: text_of(tmp_path / "train.en"))


def test_a_missing_column_names_those_present(tmp_path: Path) -> None:
    write_parquet(tmp_path, "train", PAIRS)
    message = refusal(lambda: load_pairs(str(tmp_path), "de", "fr"))
    assert message.endswith("train.parquet has no column 'fr'; it has en, de")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    missing = refusal(lambda: pairs_of(tmp_path, "validation"))
    assert "no split 'validation' or val or valid or dev: it would be validation.de and validation.en, or" in missing
    (tmp_path / "train.en").unlink()
    assert "train.de must have train.en beside it" in refusal(lambda: pairs_of(tmp_path))
    (tmp_path / "train.en").mkdir()
    assert "train.en is a folder where a file" in refusal(lambda: pairs_of(tmp_path))
    assert "pairs must be in a file ending in" in refusal(lambda: pairs_of(tmp_path / "train.de"))
    assert "no file matches" in refusal(lambda: text_of(tmp_path / "*.tsv"))
    assert "no file or folder" in refusal(lambda: text_of(tmp_path / "absent"))
    assert "no file or folder" in refusal(lambda: has_split("./absent", "test", ["text"]))


def test_no_source_is_not_the_folder_one_is_in() -> None:
    assert "must be named" in refusal(lambda: load_texts(""))


def test_a_pipe_is_refused_since_it_is_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a pipe" in refusal(lambda: text_of(tmp_path / "pipe"))


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbf")
    assert "is empty" in refusal(lambda: text_of(tmp_path))


def test_changed_content_under_an_old_date_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("old")
    stamp = path.stat()
    before = load_texts(str(path))
    path.write_text("new")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = load_texts(str(path))
    assert (before["text"][:], after["text"][:]) == (["old"], ["new"])
    assert before._fingerprint != after._fingerprint


def test_what_was_read_once_is_opened_again(tmp_path: Path) -> None:
    write_parallel(tmp_path, "train", PAIRS)
    first = load_pairs(str(tmp_path), "de", "en")
    (tmp_path / "moved").mkdir()
    for name in ("train.de", "train.en"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    again = load_pairs(str(tmp_path / "moved"), "de", "en")
    assert again._fingerprint == first._fingerprint
    assert again.cache_files == first.cache_files
    assert Path(again.cache_files[0]["filename"]).is_relative_to(cache_folder())


def test_readers_that_start_together_read_once() -> None:
    passes = []

    def rows() -> Iterator[tuple[str]]:
        passes.append(1)
        yield from (("text",) for _ in range(10_000))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: len(cached_dataset(rows(), ["text"], "together")), range(4)))
    assert (found, passes) == ([10_000] * 4, [1])


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_what_is_no_data_set_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
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


def test_a_failed_read_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train.txt").write_bytes(b"fine\n" * 100_000 + b"\xff")
    for _ in range(2):
        with pytest.raises(ValueError, match="line 100001"):
            text_of(tmp_path / "train.txt")
    assert not list((tmp_path / "cache").rglob("*.arrow*"))


def test_the_same_bytes_read_differently_are_kept_apart(tmp_path: Path) -> None:
    line = '{"de": "a", "en": "b"}\n'
    for ending in ("jsonl", "txt"):
        (tmp_path / f"x.{ending}").write_text(line)
    assert text_of(tmp_path / "x.txt") == line
    assert text_of(tmp_path / "x.jsonl", column="de") == "a\n"
    assert text_of(tmp_path / "x.jsonl", column="en") == "b\n"
    assert pairs_of(tmp_path / "x.jsonl") == [("a", "b")]


def test_a_hash_depends_on_content_bounds_and_salt_alone(tmp_path: Path) -> None:
    for name, content in {"a": "12", "b": "3", "c": "1", "d": "23", "e": "12"}.items():
        (tmp_path / name).write_text(content)
    a, b, c, d, e = (tmp_path / name for name in "abcde")
    assert content_hash(a, b) == content_hash(e, b)
    others = {content_hash(a, b), content_hash(b, a), content_hash(c, d), content_hash(a), content_hash(a, b, salt=1)}
    assert len(others) == 5


@pytest.fixture
def stand_in_for_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `datasets` itself loads, under a name that is on the Hub."""
    monkeypatch.setattr(hub, "_answers", lambda name: True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    open_split, name_there = hub.open_split, hub._name_there
    monkeypatch.setattr(hub, "open_split", lambda name, *rest: open_split(str(tmp_path / name), *rest))
    monkeypatch.setattr(hub, "_name_there", lambda name, *rest: name_there(str(tmp_path / name), *rest))
    return folder


@pytest.mark.parametrize("write", [write_parquet, write_nested_parquet, write_json_lines])
def test_a_data_set_of_the_hub_gives_the_pairs_unaltered(
    stand_in_for_the_hub: Path, write: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    write(stand_in_for_the_hub, "train", PAIRS)
    write(stand_in_for_the_hub, "validation", PAIRS[:3])
    assert pairs_of("owner/name") == PAIRS
    assert pairs_of("owner/name", "validation") == PAIRS[:3]
    assert has_split("owner/name", "validation", ["de", "en"])
    assert not has_split("owner/name", "test", ["de", "en"])
    assert "has no split 'test'" in refusal(lambda: pairs_of("owner/name", "test"))
    assert "has no column 'fr'" in refusal(lambda: load_pairs("owner/name", "fr", "en"))
    assert "could not give it" in refusal(lambda: pairs_of("owner/name", subset="absent"))
    assert capfd.readouterr() == ("", "")


def test_without_the_hub_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_answers", lambda name: False)
    for act in (lambda: text_of("owner/absent"), lambda: has_split("owner/absent", "test", ["text"])):
        message = refusal(act)
        assert message.startswith("there is no file or folder owner/absent, and the Hugging Face Hub could not")


def test_a_name_that_only_a_path_can_have_is_not_looked_for_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_answers", lambda name: pytest.fail("asked the Hub"))
    for name in ("/absent", "./absent", "~/absent", "a/b/c", "absent.txt", "absent folder"):
        with pytest.raises(ValueError, match="no file or folder"):
            text_of(name)


def test_reading_lines_needs_neither_torch_nor_datasets() -> None:
    code = "import sys, seq2seq.data.corpora; print(sorted({'torch', 'datasets', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of a process")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = """
import sys
from seq2seq.data.corpora import load_pairs, load_texts
from seq2seq.peak_memory import held
load_texts(sys.argv[1]); load_pairs(sys.argv[1], "0", "1")
before = held("VmHWM")
load_texts(sys.argv[2]); load_pairs(sys.argv[2], "0", "1")
print(held("VmHWM") - before)
"""
    line = b"a sentence of some words that goes on and on\tein Satz aus W\xc3\xb6rtern, der immer weitergeht\n"
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_bytes(line * (2_000_000 // len(line)))
    large.write_bytes(line * (60_000_000 // len(line)))
    ran = subprocess.run([sys.executable, "-c", code, small, large], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 20_000_000  # a third of the file
