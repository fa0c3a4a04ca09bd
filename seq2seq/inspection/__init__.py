"""Inspection of trained and untrained models: gradient norms through time."""

from seq2seq.inspection.curve import Curve, NormSummary, compare_curves, describe_curve, summarize_norms
from seq2seq.inspection.gradients import gradient_norms

__all__ = ["Curve", "NormSummary", "compare_curves", "describe_curve", "gradient_norms", "summarize_norms"]
