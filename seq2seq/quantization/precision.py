"""The precisions in which a trained model can compute."""

from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "bf16", "int8"]
