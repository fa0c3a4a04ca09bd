"""Networks with int8 or bfloat16 weights, for inference only."""

from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "bf16", "int8"]  # in which a trained model can compute
