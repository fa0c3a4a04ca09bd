"""How exactly a trained model computes."""

from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "bf16", "int8"]
