"""What trained and untrained models do inside: how far back their gradient reaches."""

from seq2seq.inspection.curve import Curve, comparison, sentence
from seq2seq.inspection.fading import Fading, fading
from seq2seq.inspection.gradients import reach

__all__ = ["Curve", "Fading", "comparison", "fading", "reach", "sentence"]
