"""Tests of the parts of error messages."""

import pytest

from seq2seq.errors import UserError, closest_name, prefix_errors


def test_closest_name_ignores_case_and_needs_similarity() -> None:
    known = ["LSTM", "MinGRU", "Mamba"]
    assert closest_name("lstn", known) == "LSTM"
    assert closest_name("mingru", known) == "MinGRU"
    assert closest_name("xyz", known) is None
    assert closest_name("Mba", known, 0.9) is None
    assert closest_name("Mba", known, 0.5) == "Mamba"


def test_prefix_is_put_before_user_errors_only() -> None:
    expected = r"^cannot average a\.ckpt: it has no weights$"
    with pytest.raises(UserError, match=expected), prefix_errors("cannot average a.ckpt"):
        raise UserError("it has no weights")
    with pytest.raises(ValueError, match=r"^other$"), prefix_errors("cannot average a.ckpt"):
        raise ValueError("other")
