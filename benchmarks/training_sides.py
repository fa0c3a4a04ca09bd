"""Time a training through the Trainer, and as a bare loop over the same batches."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import corpora, operations
from benchmarks.fitting import fit
from benchmarks.interleaved import elapsed_seconds
from benchmarks.setting import synchronize

WARM_UP_BATCHES = 1  # untimed batches at the start
MAX_GRAD_NORM = 1.0  # that of `fit`
PAIR_COUNT = 29_000  # as in Multi30k


class Case(NamedTuple):
    """A training that both sides run."""

    kind: str  # language or translator
    precision: str
    batch_tokens: int = 64 * 64
    input_feeding: bool = False
    size: int = 512
    vocabulary: int = 8000  # of the translator; the characters of the text are about 100
    batches: int = 6  # timed batches
    pairs: int = PAIR_COUNT
    device: str = "cpu"

    @property
    def name(self) -> str:
        if self.kind == "language":
            return f"language model of characters, {self.precision}"
        suffix = ", input feeding" if self.input_feeding else ""
        return f"translator, batches of {self.batch_tokens:,} tokens{suffix}, {self.precision}"


@cache
def make_data(case: Case, folder: str) -> Any:
    """Return the data module of a case; all cases of a kind share the corpus."""
    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.tokenizers import Characters, Words

    if case.kind == "language":
        batch_size = steps = int(case.batch_tokens**0.5)
        return LanguageData(str(corpora.cached_text(Path(folder))), Characters(), batch_size=batch_size, steps=steps)
    path = corpora.cached_pairs(Path(folder), case.pairs, case.vocabulary)
    return TranslationData(str(path), "de", "en", Words(max_size=case.vocabulary), batch_tokens=case.batch_tokens)


@cache
def make_model(case: Case, folder: str) -> Any:
    from seq2seq.training.language_model import LanguageModel
    from seq2seq.training.translator import Translator

    torch.manual_seed(1)
    corpus = make_data(case, folder)
    if case.kind == "language":
        return LanguageModel(corpus.vocab_size, size=case.size, depth=1, tied=False, dropout=0.0)
    vocab_size = corpus.target_vocab_size
    return Translator(vocab_size, vocab_size, True, size=case.size, dropout=0.0, input_feeding=case.input_feeding)


def trainer_seconds(case: Case, folder: str) -> float:
    """Return the seconds of training through the Trainer."""
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    from seq2seq.training.nan_guard import NanGuard
    from seq2seq.training.throughput import ThroughputMonitor

    with tempfile.TemporaryDirectory() as logs:
        return fit(
            make_model(case, folder),
            make_data(case, folder).train_dataloader(),
            case.batches,
            WARM_UP_BATCHES,
            case.precision,
            case.device,
            gradient_clip_val=MAX_GRAD_NORM,
            log_every_n_steps=min(20, case.batches),
            logger=[CSVLogger(logs), TensorBoardLogger(logs)],
            callbacks=[NanGuard(), ThroughputMonitor()],
        )


@cache
def training_batches(case: Case, folder: str) -> list[Any]:
    """Return the first batches of an epoch on the device of the case."""
    from pytorch_lightning.utilities import move_data_to_device

    loader = make_data(case, folder).train_dataloader()
    return [
        move_data_to_device(batch, torch.device(case.device))
        for batch in itertools.islice(loader, WARM_UP_BATCHES + case.batches)
    ]


@cache
def bare_step(case: Case, folder: str) -> Callable[[Any], None]:
    """Return the training step of the bare loop."""
    from benchmarks.baselines import BaselineLanguageModel, BaselineTranslator

    torch.manual_seed(1)
    corpus = make_data(case, folder)
    network = (
        BaselineLanguageModel(corpus.vocab_size, case.size)
        if case.kind == "language"
        else BaselineTranslator(corpus.target_vocab_size, case.size, 2, case.input_feeding)
    ).to(case.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    autocast = (
        partial(torch.autocast, case.device, torch.bfloat16) if case.precision == "bf16" else contextlib.nullcontext
    )

    def step(batch: Any) -> None:
        with autocast():
            loss = network(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRAD_NORM)
        optimizer.step()

    return step


def bare_loop_seconds(case: Case, folder: str) -> float:
    """Return the seconds of the bare loop over the same batches."""
    step, all_batches = bare_step(case, folder), training_batches(case, folder)
    for batch in all_batches[:WARM_UP_BATCHES]:
        step(batch)
    synchronize(case.device)

    def train() -> None:
        for batch in all_batches[WARM_UP_BATCHES:]:
            step(batch)
        synchronize(case.device)

    return elapsed_seconds(train)


def count_work(case: Case, folder: str) -> tuple[int, int]:
    """Count the target tokens of the timed batches, and the operations of training on them."""
    timed_batches, corpus = training_batches(case, folder)[WARM_UP_BATCHES:], make_data(case, folder)
    tokens = sum(batch.tokens for batch in timed_batches)
    if case.kind == "language":
        return tokens, operations.TRAINING * operations.language_model(tokens, corpus.vocab_size, case.size, 1)
    operation_count = sum(
        operations.translator(
            batch.lengths.tolist(),
            (batch.targets != 0).sum(dim=1).tolist(),
            corpus.target_vocab_size,
            case.size,
            2,
            case.input_feeding,
        )
        for batch in timed_batches
    )
    return tokens, operations.TRAINING * operation_count
