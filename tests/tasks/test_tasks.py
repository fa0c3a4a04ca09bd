"""Each task names its parts, and what it says is what the parts have."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import ClassVar

import pytest
import pytorch_lightning as pl

from seq2seq.data import LanguageData, TextDataModule, TranslationData
from seq2seq.errors import UserError
from seq2seq.models.network import Network, Vocabulary
from seq2seq.recurrence import LSTM
from seq2seq.tasks.loading import TASKS, check_evaluation_options, known_task
from seq2seq.training import LanguageModel, Preview, TrainingModule, Translator
from seq2seq.training.preflight import check_data

each_task = pytest.mark.parametrize("name", TASKS)


@each_task
def test_parts_that_need_lightning_can_be_imported(name: str) -> None:
    training, data, preview = (
        resolve_name(path)
        for path in (f"seq2seq.training.{name}", known_task(name).data_module, known_task(name).preview or "")
    )
    assert issubclass(training, TrainingModule)
    assert issubclass(training, known_task(name).network)
    assert type(training.task) is type(known_task(name))
    assert issubclass(data, TextDataModule)
    assert issubclass(preview, Preview)
    assert isinstance(preview(), pl.Callback)


@each_task
def test_the_data_module_provides_the_options_of_the_network(name: str) -> None:
    data, network = resolve_name(known_task(name).data_module), known_task(name).network
    assert network.data_options()
    assert all(hasattr(data, option) for option in network.data_options())


def test_networks_name_the_weights_with_one_row_per_token() -> None:
    rows = ("output.linear.weight", "output.linear.bias")
    assert LanguageModel(9, LSTM, 4).token_weights() == {"source": ("embedding.weight", *rows)}
    translator = Translator(7, 9, size=4)
    weights = translator.token_weights()
    assert weights == {"source": ("source_embedding.weight",), "target": ("target_embedding.weight", *rows)}
    state = translator.state_dict()
    assert {len(state[name]) for name in weights["source"]} == {7}
    assert {len(state[name]) for name in weights["target"]} == {9}


class TwoInputs(Network):
    """Reads tokens and their neighbors, both of the source."""

    vocabularies: ClassVar[Mapping[str, Vocabulary]] = {
        "tokens": Vocabulary("source", ("embedding",)),
        "labels": Vocabulary("target"),
        "neighbors": Vocabulary("source", ("first", "second")),
    }


def test_weights_of_two_vocabularies_of_one_side_are_all_named() -> None:
    assert TwoInputs().token_weights() == {
        "source": ("embedding.weight", "first.weight", "second.weight"),
        "target": (),
    }


def test_data_of_another_task_is_refused() -> None:
    check_data(LanguageModel, LanguageData)
    check_data(Translator, TranslationData)
    with pytest.raises(UserError, match="needs the source_vocab_size of its data, and LanguageData has none; its data"):
        check_data(Translator, LanguageData)
    with pytest.raises(
        UserError, match="needs the vocab_size of its data, and TranslationData has none; its data is L"
    ):
        check_data(LanguageModel, TranslationData)


@pytest.mark.parametrize("given", [{"text", "split"}, {"source", "lowercase"}, {"corpus", "split"}, {"unknown"}, set()])
def test_evaluation_options_of_one_task_go_together(given: set[str]) -> None:
    check_evaluation_options(given)


def test_evaluation_options_of_two_tasks_are_refused() -> None:
    with pytest.raises(UserError, match="--window is for a language model, and --lowercase is not"):
        check_evaluation_options({"lowercase", "window"})
