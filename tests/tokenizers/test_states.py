"""A state or a file gives the tokenizer that wrote it, or an error that a user can mend."""

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
from seq2seq.tokenizers.states import VERSION, to_json

JUNK: list[Any] = [
    None, True, 0, -1, 1, 2, 7, 2**31, 2**63, 0.5, math.nan, math.inf, -1e308, "", "a", "\n", "a b", "\ud800", "<unk>",
    "bpe", "unigram", "Words", b"", b"\0" * 40, [], ["a"], ["a", "a"], {}, {"size": 300}, [[[]]], (),
]  # fmt: skip
TEXT = "the cat\nsees  houses ▁é"


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a state; of a list, its ends and a few between."""
    found = [path] if path else []
    if isinstance(value, dict):
        return found + [place for key, part in value.items() for place in places(part, (*path, key))]
    if isinstance(value, list):
        return found + [
            (*path, number) for number in {0, 1, 4, 5, len(value) // 2, len(value) - 1} if 0 <= number < len(value)
        ]
    return found


def bent(state: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A state with something in it changed, missing, added, or in another place."""
    state = deepcopy(state)
    for _ in range(data.draw(st.sampled_from([1, 1, 2]))):
        place = data.draw(st.sampled_from(places(state)))
        holder = state
        for step in place[:-1]:
            holder = holder[step]
        value, last = holder[place[-1]], place[-1]
        kinds = ["junk", "junk", "missing", "more"] + (["bytes"] * 4 if isinstance(value, bytes) else [])
        match data.draw(st.sampled_from(kinds)):
            case "junk":
                holder[last] = deepcopy(data.draw(st.sampled_from(JUNK)))
            case "missing":
                del holder[last]
            case "more" if isinstance(holder, dict):
                holder[data.draw(st.sampled_from(["units", "model", "x", "kind", 1, None]))] = value  # type: ignore[index]
            case "more":
                holder.insert(last, value)
            case "bytes":
                begin = data.draw(st.integers(0, len(value)))
                holder[last] = (
                    value[:begin] + data.draw(st.binary(max_size=4)) + value[begin + data.draw(st.integers(0, 4)) :]
                )
    return state


def assert_lawful(tokenizer: Tokenizer) -> None:
    """Raise unless a tokenizer does what every one does."""
    again = restore(tokenizer.state_dict())
    assert again.fingerprint() == tokenizer.fingerprint()
    try:
        size = tokenizer.vocab_size
    except UserError as error:
        assert "must learn" in str(error)  # noqa: PT017
        return
    ids = tokenizer.encode(TEXT)
    assert all(0 < i < size for i in ids)
    drawn = tokenizer.sample(TEXT, 1)
    assert all(0 < i < size for i in drawn)
    assert tokenizer.decode(drawn) == tokenizer.decode(ids)
    if isinstance(tokenizer, Subwords) and tokenizer.normalization == "identity" and not tokenizer.lowercase:
        assert tokenizer.decode(ids) == TEXT
    tokenizer.decode(range(size))


@given(data=st.data())
@settings(max_examples=1500)
def test_a_changed_state_gives_a_lawful_tokenizer_or_an_error_that_a_user_can_mend(
    tokenizers: dict[str, Tokenizer], data: st.DataObject
) -> None:
    made: list[Tokenizer] = [*tokenizers.values(), Words(), Characters(), Subwords()]
    state = bent(data.draw(st.sampled_from([tokenizer.state_dict() for tokenizer in made])), data)
    try:
        tokenizer = restore(state)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 400  # noqa: PT017
        return
    assert_lawful(tokenizer)


@pytest.mark.parametrize("state", [None, [], "Words", b"", 3])
def test_what_is_no_state_is_an_error(state: Any) -> None:
    with pytest.raises(UserError, match="the state of a tokenizer must be a dict"):
        restore(state)


@pytest.mark.parametrize("version", [None, 0, VERSION + 1, "1", True, 1.0])
def test_a_state_of_another_version_is_refused_by_naming_both(tokenizer: Tokenizer, version: Any) -> None:
    state = {**tokenizer.state_dict(), "version": version}
    for refuse in (restore, type(tokenizer)().load_state_dict):
        with pytest.raises(UserError, match=f"format version {version}|format version '1'") as raised:
            refuse(state)
        assert f"reads only {VERSION}" in str(raised.value)


def test_a_state_of_another_kind_is_refused(tokenizers: dict[str, Tokenizer]) -> None:
    with pytest.raises(UserError, match="the kind of this tokenizer must be Words, not 'Characters'"):
        Words().load_state_dict(tokenizers["characters"].state_dict())


@pytest.mark.parametrize("kind", ["os", ["Words"], None, 7])
def test_a_state_of_no_kind_is_refused(kind: Any) -> None:
    with pytest.raises(UserError, match="the kind of a tokenizer must be one of Bytes, Characters, Subwords, Words"):
        restore({**Words().state_dict(), "kind": kind})


def test_a_state_without_options_is_refused() -> None:
    with pytest.raises(UserError, match="the options of a tokenizer must be a dict, not NoneType"):
        restore({**Words().state_dict(), "options": None})
    with pytest.raises(UserError, match="the state of a tokenizer must have options"):
        restore({"kind": "Bytes", "version": VERSION})


def test_a_state_that_is_refused_changes_nothing(tokenizers: dict[str, Tokenizer]) -> None:
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
def test_units_that_are_none_are_refused(
    tokenizers: dict[str, Tokenizer], name: str, change: Any, message: str
) -> None:
    state = tokenizers[name].state_dict()
    with pytest.raises(UserError, match=message):
        restore({**state, "units": change(state["units"])})


def test_a_corpus_may_hold_the_names_of_special_ids_as_words() -> None:
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
def test_options_that_none_has_are_refused(changed: dict[str, Any], message: str) -> None:
    state = Subwords().state_dict()
    with pytest.raises(UserError, match=message):
        restore({**state, "options": {**state["options"], **changed}})


def test_a_model_of_the_other_algorithm_is_refused(tokenizers: dict[str, Tokenizer]) -> None:
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
def test_a_model_that_another_program_trained_is_refused(options: dict[str, Any], message: str) -> None:
    """Learned with one option that is not ours."""
    from io import BytesIO

    import sentencepiece
    from tokenizer_texts import syllables

    usual = {
        "vocab_size": 340, "hard_vocab_limit": False, "byte_fallback": True, "pad_id": 0, "unk_id": 1, "bos_id": 2,
        "eos_id": 3, "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "add_dummy_prefix": False, "minloglevel": 2,
    }  # fmt: skip
    for given_options in ({}, options):
        model = BytesIO()
        lines = iter([" " + line for line in syllables()])
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, **(usual | given_options))
        state = {**Subwords().state_dict(), "model": model.getvalue()}
        if not given_options:
            assert restore(state).decode(restore(state).encode(TEXT)) == TEXT
            continue
        with pytest.raises(UserError, match=message):
            restore(state)


@pytest.mark.parametrize("model", [b"", b"x", b"\0" * 1000, b"\n\x07\n\x03abc", "text", 7, []])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(UserError, match="the model of subwords"):
        restore({**Subwords().state_dict(), "model": model})


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    contents = [
        "", "x", "[]", "{}", "null", "[" * 50_000, '{"a":' * 50_000, json.dumps({"kind": "Words"}), '{"kind": "Sofa"}',
        "ä",
        '{"base64": 7}', '{"base64": "?"}', '{"base64": "AAAA"}', "9" * 5000, '"\\ud800"',
        to_json({"kind": "Sofa", "version": VERSION, "checksum": fingerprint({"kind": "Sofa", "version": VERSION})}),
    ]  # fmt: skip
    for number, text in enumerate(contents):
        path = tmp_path / f"{number}.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=f"{number}.json is not a file of a tokenizer: ") as raised:
            load(path)
        assert len(str(raised.value)) < 400
    with pytest.raises(UserError, match=r"there is no file .*absent\.json"):
        load(tmp_path / "absent.json")
    with pytest.raises(UserError, match="is a folder where a file is meant"):
        load(tmp_path)


def test_a_file_that_is_too_large_or_has_no_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seq2seq.tokenizers.storage._LARGEST_FILE", 1000)
    (tmp_path / "large.json").write_text(" " * 1001)
    with pytest.raises(UserError, match=r"large.json is not a file of a tokenizer: it has more than 1,000 bytes"):
        load(tmp_path / "large.json")
    os.mkfifo(tmp_path / "pipe")
    for name in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(UserError, match="must be a file that can be read twice, not a pipe or a device"):
            load(name)


def test_a_file_that_was_changed_or_cut_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    save(tokenizer, path)
    content = path.read_bytes()
    assert load(path) == tokenizer
    step = max(1, len(content) // 60)
    for place in range(0, len(content) - 1, step):
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for damaged in (flipped, content[:place]):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=r"t\.json is not a file of a tokenizer: "):
                load(path)
