"""How fast this machine multiplies matrices: the limit of everything else."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from benchmarks.contest import seconds
from benchmarks.setting import synchronise


class Product(NamedTuple):
    """[rows, inner] times [inner, columns]."""

    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        return 2 * self.rows * self.inner * self.columns


# a cube, the gates of all steps and of one step of a batch of text, and an output layer of subwords
PRODUCTS = (Product(2048, 2048, 2048), Product(4096, 512, 2048), Product(64, 512, 2048), Product(1024, 512, 8000))
QUICK = (Product(64, 64, 64),)
AT_LEAST = 2_000_000_000  # operations that are timed together, so that a small product is not lost in the clock


def rate(precision: str, device: str, products: Sequence[Product] = PRODUCTS) -> float:
    """Floating-point operations a second, of the product that is fastest."""
    return max(measured(product, precision, device) for product in products)


def measured(product: Product, precision: str, device: str) -> float:
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left = torch.ones(product.rows, product.inner, dtype=kind, device=device)
    weight = torch.ones(product.columns, product.inner, dtype=kind, device=device)
    times = max(1, AT_LEAST // product.operations) if product not in QUICK else 1

    def work() -> None:
        for _ in range(times):
            torch.nn.functional.linear(left, weight)
        synchronise(device)

    work()
    return times * product.operations / seconds(work)
