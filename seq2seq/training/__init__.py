"""Lightning modules, callbacks, checkpoints and learning-rate schedules for training."""

from seq2seq.training.checkpoints import AtomicCheckpointIO, ResumeCheckpoint
from seq2seq.training.compile import Compile
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.nan_guard import NanGuard
from seq2seq.training.previews import Preview, TextPreview, TranslationPreview
from seq2seq.training.progress import ProgressLine
from seq2seq.training.schedules import WarmupCosine, WarmupInverseSquareRoot, WarmupLinear
from seq2seq.training.step_seeding import StepSeeding
from seq2seq.training.throughput import ThroughputMonitor
from seq2seq.training.training_module import TrainingModule
from seq2seq.training.translator import Translator
from seq2seq.training.validation_metrics import TranslationMetrics

__all__ = [
    "AtomicCheckpointIO",
    "Compile",
    "LanguageModel",
    "NanGuard",
    "Preview",
    "ProgressLine",
    "ResumeCheckpoint",
    "StepSeeding",
    "TextPreview",
    "ThroughputMonitor",
    "TrainingModule",
    "TranslationMetrics",
    "TranslationPreview",
    "Translator",
    "WarmupCosine",
    "WarmupInverseSquareRoot",
    "WarmupLinear",
]
