"""A tokenizer's state from a file is believed only as far as it can be one."""

from typing import Any

import pytest

from seq2seq import tokenizers
from seq2seq.errors import UserError
from seq2seq.tokenizers import SPECIALS, Bytes, Characters, Subwords, Tokenizer, Words


@pytest.mark.parametrize("kind", [Bytes, Characters, Words, Subwords])
def test_a_state_comes_back_learned_or_not(kind: type[Tokenizer]) -> None:
    assert tokenizers.restore(kind().state_dict()) == kind()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "os"}, "the kind of a tokenizer must be one of Bytes, Characters, Subwords, Words, not 'os'"),
        ({"kind": ["Words"]}, "the kind of a tokenizer must be one of"),
        ({"units": "text"}, "must be a list of strings"),
        ({"units": [*SPECIALS, 1]}, "must be a list of strings"),
        ({"units": ["a", "b"]}, "must be the special ones and others, each once"),
        ({"units": [*SPECIALS, "a", "a"]}, "must be the special ones and others, each once"),
        ({"options": None}, "the state of a tokenizer of characters is damaged: TypeError"),
        ({"units": [*SPECIALS, "ab"]}, "the state of a tokenizer of characters is damaged: TypeError"),
    ],
)
def test_a_damaged_state_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    characters = Characters()
    characters.learn(["text"])
    with pytest.raises(UserError, match=sentence):
        tokenizers.restore(characters.state_dict() | change)


@pytest.mark.parametrize("model", [b"", b"text", "text", 3, b"\n\x07\n\x03abc"])
def test_a_damaged_model_of_subwords_is_one_sentence(model: Any) -> None:
    with pytest.raises(UserError, match="the state of a tokenizer of subwords is damaged"):
        tokenizers.restore(Subwords().state_dict() | {"model": model})
