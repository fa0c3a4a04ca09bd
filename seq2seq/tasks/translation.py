"""Translation, and any other task from one line of text to another."""

from collections.abc import Sequence
from typing import Any

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import user_errors
from seq2seq.inference.translation_pipeline import TranslationPipeline
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.tasks.task import LoadedModel, Task


class Translation(Task[EncoderDecoder, TranslationPipeline]):
    noun = "a translator"
    commands = frozenset({"translate", "score", "evaluate", "shortlist"})
    makes_ensembles = True

    @property
    def network(self) -> type[EncoderDecoder]:
        return EncoderDecoder

    def pipeline(self, models: Sequence[LoadedModel[EncoderDecoder]]) -> TranslationPipeline:
        first, output_lengths = models[0], []
        for model in models:
            with user_errors(model.path):
                output_lengths.append(OutputLengths.from_state(model.data.get("output_lengths")))
            if model.vocabularies != first.vocabularies:
                raise UserError(f"cannot make an ensemble of {first.path} and {model.path}: their vocabularies differ")
        networks = [model.network for model in models]
        return TranslationPipeline(networks, first.vocabularies, output_lengths, first.corpus)

    def training_pipeline(self, network: EncoderDecoder, data: Any) -> TranslationPipeline:
        return TranslationPipeline([network], data.vocabularies, [data.output_lengths])
