"""Tests that a state or file restores its tokenizer, and that invalid ones raise a UserError."""

import json
import math
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.tokenizers import Characters, Subwords, Tokenizer, Words, fingerprint, load, restore, save
from seq2seq.tokenizers.states import FORMAT_VERSION, to_json

JUNK: list[Any] = [
    None, True, 0, -1, 1, 2, 7, 2**31, 2**63, 0.5, math.nan, math.inf, -1e308, "", "a", "\n", "a b", "\ud800", "<unk>",
    "bpe", "unigram", "Words", b"", b"\0" * 40, [], ["a"], ["a", "a"], {}, {"size": 300}, [[[]]], (),
]  # fmt: skip
TEXT = "the cat\nsees  houses ▁é"


def get_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to the values in a state; of a list, its ends and a few between."""
    paths = [path] if path else []
    if isinstance(value, dict):
        return paths + [child for key, part in value.items() for child in get_paths(part, (*path, key))]
    if isinstance(value, list):
        return paths + [
            (*path, index) for index in {0, 1, 4, 5, len(value) // 2, len(value) - 1} if 0 <= index < len(value)
        ]
    return paths


def corrupt(state: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Return a state with values changed, removed, added or moved."""
    state = deepcopy(state)
    for _ in range(data.draw(st.sampled_from([1, 1, 2]))):
        *parents, last = data.draw(st.sampled_from(get_paths(state)))
        container = state
        for key in parents:
            container = container[key]
        value = container[last]
        kinds = ["junk", "junk", "missing", "extra"] + (["bytes"] * 4 if isinstance(value, bytes) else [])
        match data.draw(st.sampled_from(kinds)):
            case "junk":
                container[last] = deepcopy(data.draw(st.sampled_from(JUNK)))
            case "missing":
                del container[last]
            case "extra" if isinstance(container, dict):
                container[data.draw(st.sampled_from(["units", "model", "x", "kind", 1, None]))] = value  # type: ignore[index]
            case "extra":
                container.insert(last, value)
            case "bytes":
                start = data.draw(st.integers(0, len(value)))
                container[last] = (
                    value[:start] + data.draw(st.binary(max_size=4)) + value[start + data.draw(st.integers(0, 4)) :]
                )
    return state


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Assert what holds for every tokenizer."""
    restored = restore(tokenizer.state_dict())
    assert restored.fingerprint() == tokenizer.fingerprint()
    try:
        size = tokenizer.vocab_size
    except UserError as error:
        assert "must learn" in str(error)  # noqa: PT017
        return
    ids = tokenizer.encode(TEXT)
    assert all(0 < i < size for i in ids)
    sampled = tokenizer.sample(TEXT, 1)
    assert all(0 < i < size for i in sampled)
    assert tokenizer.decode(sampled) == tokenizer.decode(ids)
    if isinstance(tokenizer, Subwords) and tokenizer.normalization == "identity" and not tokenizer.lowercase:
        assert tokenizer.decode(ids) == TEXT
    tokenizer.decode(range(size))


@given(data=st.data())
@settings(max_examples=1500)
def test_corrupted_state_restores_a_valid_tokenizer_or_raises(
    tokenizers: dict[str, Tokenizer], data: st.DataObject
) -> None:
    originals: list[Tokenizer] = [*tokenizers.values(), Words(), Characters(), Subwords()]
    state = corrupt(data.draw(st.sampled_from([tokenizer.state_dict() for tokenizer in originals])), data)
    try:
        tokenizer = restore(state)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 400  # noqa: PT017
        return
    check_tokenizer(tokenizer)


@pytest.mark.parametrize("state", [None, [], "Words", b"", 3])
def test_state_must_be_a_dict(state: Any) -> None:
    with pytest.raises(UserError, match="the state of a tokenizer must be a dict"):
        restore(state)


@pytest.mark.parametrize("version", [None, 0, FORMAT_VERSION + 1, "1", True, 1.0])
def test_state_of_another_version_is_refused(tokenizer: Tokenizer, version: Any) -> None:
    state = {**tokenizer.state_dict(), "version": version}
    for load_state in (restore, type(tokenizer)().load_state_dict):
        with pytest.raises(UserError, match=f"format version {version}|format version '1'") as raised:
            load_state(state)
        assert f"reads only {FORMAT_VERSION}" in str(raised.value)


def test_state_of_another_class_is_refused(tokenizers: dict[str, Tokenizer]) -> None:
    with pytest.raises(UserError, match="the kind of this tokenizer must be Words, not 'Characters'"):
        Words().load_state_dict(tokenizers["characters"].state_dict())


@pytest.mark.parametrize("kind", ["os", ["Words"], None, 7])
def test_state_of_an_unknown_class_is_refused(kind: Any) -> None:
    with pytest.raises(UserError, match="the kind of a tokenizer must be one of Bytes, Characters, Subwords, Words"):
        restore({**Words().state_dict(), "kind": kind})


def test_state_without_options_is_refused() -> None:
    with pytest.raises(UserError, match="the options of a tokenizer must be a dict, not NoneType"):
        restore({**Words().state_dict(), "options": None})
    with pytest.raises(UserError, match="the state of a tokenizer must have options"):
        restore({"kind": "Bytes", "version": FORMAT_VERSION})


def test_refused_state_changes_nothing(tokenizers: dict[str, Tokenizer]) -> None:
    for name in ("words", "characters", "unigram"):
        tokenizer, learned = restore(tokenizers[name].state_dict()), ("model" if name == "unigram" else "units")
        with pytest.raises(UserError):
            tokenizer.load_state_dict({**tokenizer.state_dict(), learned: 7})
        assert tokenizer == tokenizers[name]
        assert tokenizer.encode(TEXT) == tokenizers[name].encode(TEXT)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("words", lambda units: [*units, 7], "must be one word, not 7"),
        ("words", lambda units: [*units, "two words"], "must be one word, not 'two words'"),
        ("words", lambda units: [*units, "<unk>"], "must be one word, not '<unk>'"),
        ("words", lambda units: [*units, units[-1]], "is there twice"),
        ("words", lambda units: [*units, "\n"], "is there twice"),
        ("words", lambda units: units[1:], "the first units of a tokenizer must be"),
        ("characters", lambda units: [*units, "ab"], "must be one character, not 'ab'"),
        ("characters", lambda units: [*units, ""], "must be one character, not ''"),
        ("characters", lambda units: [*units, "\ud800"], "must be one character"),
        ("characters", lambda units: dict.fromkeys(units), "must be a list"),
    ],
)
def test_invalid_units_are_refused(tokenizers: dict[str, Tokenizer], name: str, change: Any, message: str) -> None:
    state = tokenizers[name].state_dict()
    with pytest.raises(UserError, match=message):
        restore({**state, "units": change(state["units"])})


def test_words_may_be_named_like_special_tokens() -> None:
    words = Words()
    words.learn(["<s> a </s> <pad>"])
    assert restore(words.state_dict()) == words


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 2**63}, "size must be at least 261"),
        ({"size": 300.0}, "the option size of Subwords cannot be 300.0"),
        ({"size": True}, "the option size of Subwords cannot be True"),
        ({"algorithm": "char"}, "the option algorithm of Subwords cannot be 'char'"),
        ({"sampling": math.nan}, "sampling must be at least 0 and at most 1, and nan was given"),
        ({"lowercase": "yes"}, "the option lowercase of Subwords cannot be 'yes'"),
        ({"coverage": 0.5}, "coverage must be at least 0.98"),
        ({"steps": 1}, "the options of this tokenizer cannot have 'steps'"),
    ],
)
def test_invalid_options_are_refused(changed: dict[str, Any], message: str) -> None:
    state = Subwords().state_dict()
    with pytest.raises(UserError, match=message):
        restore({**state, "options": {**state["options"], **changed}})


def test_model_of_the_other_algorithm_is_refused(tokenizers: dict[str, Tokenizer]) -> None:
    unigram, bpe = tokenizers["unigram"].state_dict(), tokenizers["bpe"].state_dict()
    for options, model, name in ((unigram, bpe, "unigram"), (bpe, unigram, "bpe")):
        with pytest.raises(UserError, match=f"its pieces were not found by {name}"):
            restore({**options, "model": model["model"]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad_id": -1}, "its special ids are elsewhere"),
        ({"unk_id": 0, "pad_id": 1}, "its special ids are elsewhere"),
        ({"byte_fallback": False, "vocab_size": 300}, "its bytes are elsewhere|it has"),
        ({"user_defined_symbols": ["zz"]}, "its bytes are elsewhere"),
        ({"add_dummy_prefix": True}, "it does not keep text as it is"),
        ({"normalization_rule_name": "nmt_nfkc"}, "it does not keep text as it is"),
        ({"remove_extra_whitespaces": True}, "it does not keep text as it is"),
        ({"treat_whitespace_as_suffix": True}, "its pieces hold spaces after other characters"),
    ],
)
def test_model_trained_with_other_options_is_refused(options: dict[str, Any], message: str) -> None:
    """One option differs from those of `learn_model`."""
    from io import BytesIO

    import sentencepiece
    from tokenizer_texts import make_ambiguous_lines

    default_options = {
        "vocab_size": 340, "hard_vocab_limit": False, "byte_fallback": True, "pad_id": 0, "unk_id": 1, "bos_id": 2,
        "eos_id": 3, "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "add_dummy_prefix": False, "minloglevel": 2,
    }  # fmt: skip
    for changes in ({}, options):
        model = BytesIO()
        lines = iter([" " + line for line in make_ambiguous_lines()])
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines, model_writer=model, **(default_options | changes)
        )
        state = {**Subwords().state_dict(), "model": model.getvalue()}
        if not changes:
            assert restore(state).decode(restore(state).encode(TEXT)) == TEXT
            continue
        with pytest.raises(UserError, match=message):
            restore(state)


@pytest.mark.parametrize("model", [b"", b"x", b"\0" * 1000, b"\n\x07\n\x03abc", "text", 7, []])
def test_invalid_model_is_refused(model: Any) -> None:
    with pytest.raises(UserError, match="the model of subwords"):
        restore({**Subwords().state_dict(), "model": model})


def test_error_on_invalid_file_names_it(tmp_path: Path) -> None:
    contents = [
        "", "x", "[]", "{}", "null", "[" * 50_000, '{"a":' * 50_000, json.dumps({"kind": "Words"}), '{"kind": "Sofa"}',
        "ä",
        '{"base64": 7}', '{"base64": "?"}', '{"base64": "AAAA"}', "9" * 5000, '"\\ud800"',
    ]  # fmt: skip
    for number, text in enumerate(contents):
        path = tmp_path / f"{number}.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=f"{number}.json is not a file of a tokenizer: ") as raised:
            load(path)
        assert len(str(raised.value)) < 400
    unknown_class = {"kind": "Sofa", "version": FORMAT_VERSION}
    (tmp_path / "sofa.json").write_text(to_json({**unknown_class, "checksum": fingerprint(unknown_class)}))
    with pytest.raises(UserError, match=r"sofa\.json cannot be used: the kind of a tokenizer must be one of .* 'Sofa'"):
        load(tmp_path / "sofa.json")
    with pytest.raises(UserError, match=r"there is no file .*absent\.json"):
        load(tmp_path / "absent.json")
    with pytest.raises(UserError, match="is a folder, not a file"):
        load(tmp_path)


def test_too_large_file_and_special_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seq2seq.tokenizers.storage._MAX_FILE_BYTES", 1000)
    (tmp_path / "large.json").write_text(" " * 1001)
    with pytest.raises(UserError, match=r"large.json is not a file of a tokenizer: it has more than 1,000 bytes"):
        load(tmp_path / "large.json")
    os.mkfifo(tmp_path / "pipe")
    for name in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(UserError, match="must be a regular file, not a pipe or a device"):
            load(name)


def test_changed_or_truncated_file_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    save(tokenizer, path)
    content = path.read_bytes()
    assert load(path) == tokenizer
    step = max(1, len(content) // 60)
    for index in range(0, len(content) - 1, step):
        flipped = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        for damaged in (flipped, content[:index]):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=r"t\.json is not a file of a tokenizer: "):
                load(path)
