"""What happens around a training: schedules and callbacks."""

from seq2seq.training.checkpoints import Continuation, WholeCheckpoints
from seq2seq.training.compiling import Compile
from seq2seq.training.finite import FiniteLoss
from seq2seq.training.progress import ProgressLine
from seq2seq.training.samples import Bleu, TextSample, TranslationSample
from seq2seq.training.schedules import WarmupCosine, WarmupInverseSquareRoot, WarmupLinear
from seq2seq.training.seeds import Seeds
from seq2seq.training.speed import Speed

__all__ = [
    "Bleu",
    "Compile",
    "Continuation",
    "FiniteLoss",
    "ProgressLine",
    "Seeds",
    "Speed",
    "TextSample",
    "TranslationSample",
    "WarmupCosine",
    "WarmupInverseSquareRoot",
    "WarmupLinear",
    "WholeCheckpoints",
]
