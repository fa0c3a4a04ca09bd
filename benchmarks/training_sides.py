"""One training, by both sides: through the Trainer, and as a bare loop over the same batches."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import corpora, operations
from benchmarks.contest import seconds
from benchmarks.fitting import fit
from benchmarks.setting import synchronise

WARM = 1  # batches before those whose time is taken
CLIP = 1.0  # the norm that `fit` cuts gradients to
PAIRS = 29_000  # as Multi30k has


class Case(NamedTuple):
    """A training: what both sides do."""

    kind: str  # language or translator
    precision: str
    batch_tokens: int = 64 * 64
    feeding: bool = False
    size: int = 512
    vocabulary: int = 8000  # of the translator; the characters of the text are about 100
    batches: int = 6  # whose time is taken
    pairs: int = PAIRS
    device: str = "cpu"

    @property
    def name(self) -> str:
        if self.kind == "language":
            return f"language model of characters, {self.precision}"
        fed = ", input feeding" if self.feeding else ""
        return f"translator, batches of {self.batch_tokens:,} tokens{fed}, {self.precision}"


@cache
def data(case: Case, folder: str) -> Any:
    """The corpus of a case; the same words for every case of a kind."""
    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.tokenizers import Characters, Words

    if case.kind == "language":
        streams = steps = int(case.batch_tokens**0.5)
        return LanguageData(str(corpora.text_file(Path(folder))), Characters(), batch_size=streams, steps=steps)
    path = corpora.pair_files(Path(folder), case.pairs, case.vocabulary)
    return TranslationData(str(path), "de", "en", Words(max_size=case.vocabulary), batch_tokens=case.batch_tokens)


@cache
def model(case: Case, folder: str) -> Any:
    from seq2seq.models import LanguageModel, Translator

    torch.manual_seed(1)
    corpus = data(case, folder)
    if case.kind == "language":
        return LanguageModel(corpus.vocab_size, size=case.size, depth=1, tied=False, dropout=0.0)
    words = corpus.target_vocab_size
    return Translator(words, words, True, size=case.size, dropout=0.0, input_feeding=case.feeding)


def ours(case: Case, folder: str) -> float:
    """Seconds through the Trainer."""
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    from seq2seq.training.nan_guard import NanGuard
    from seq2seq.training.throughput import ThroughputMonitor

    with tempfile.TemporaryDirectory() as logs:
        return fit(
            model(case, folder),
            data(case, folder).train_dataloader(),
            case.batches,
            WARM,
            case.precision,
            case.device,
            gradient_clip_val=CLIP,
            log_every_n_steps=min(20, case.batches),
            logger=[CSVLogger(logs), TensorBoardLogger(logs)],
            callbacks=[NanGuard(), ThroughputMonitor()],
        )


@cache
def batches(case: Case, folder: str) -> list[Any]:
    """What is trained on: the first batches of an epoch, on their device."""
    from pytorch_lightning.utilities import move_data_to_device

    loader = data(case, folder).train_dataloader()
    return [
        move_data_to_device(batch, torch.device(case.device)) for batch in itertools.islice(loader, WARM + case.batches)
    ]


@cache
def bare(case: Case, folder: str) -> Callable[[Any], None]:
    """A step of plain torch."""
    from benchmarks.bare import BareLanguageModel, BareTranslator

    torch.manual_seed(1)
    corpus = data(case, folder)
    network = (
        BareLanguageModel(corpus.vocab_size, case.size)
        if case.kind == "language"
        else BareTranslator(corpus.target_vocab_size, case.size, 2, case.feeding)
    ).to(case.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    mixed = partial(torch.autocast, case.device, torch.bfloat16) if case.precision == "bf16" else contextlib.nullcontext

    def step(batch: Any) -> None:
        with mixed():
            loss = network(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()

    return step


def theirs(case: Case, folder: str) -> float:
    """Seconds of the bare loop, over the same batches."""
    step, every = bare(case, folder), batches(case, folder)
    for batch in every[:WARM]:
        step(batch)
    synchronise(case.device)

    def work() -> None:
        for batch in every[WARM:]:
            step(batch)
        synchronise(case.device)

    return seconds(work)


def work_of(case: Case, folder: str) -> tuple[int, int]:
    """Target tokens of the batches whose time is taken, and the operations of training on them."""
    every, words = batches(case, folder)[WARM:], data(case, folder)
    tokens = sum(batch.tokens for batch in every)
    if case.kind == "language":
        return tokens, operations.TRAINING * operations.language_model(tokens, words.vocab_size, case.size, 1)
    counted = sum(
        operations.translator(
            batch.lengths.tolist(),
            (batch.targets != 0).sum(dim=1).tolist(),
            words.target_vocab_size,
            case.size,
            2,
            case.feeding,
        )
        for batch in every
    )
    return tokens, operations.TRAINING * counted
