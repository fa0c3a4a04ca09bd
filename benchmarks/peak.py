"""Measure the peak rate of matrix products on this machine."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from benchmarks.interleaved import elapsed_seconds
from benchmarks.setting import synchronize


class Product(NamedTuple):
    """A matrix product of [rows, inner] and [inner, columns]."""

    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        return 2 * self.rows * self.inner * self.columns


# a cube, LSTM gates of all steps of a batch and of one step, and an output projection over subwords
PRODUCTS = (Product(2048, 2048, 2048), Product(4096, 512, 2048), Product(64, 512, 2048), Product(1024, 512, 8000))
QUICK_PRODUCTS = (Product(64, 64, 64),)
MIN_OPERATIONS = 2_000_000_000  # timed together, since a single small product is too short to measure


def peak_rate(precision: str, device: str, products: Sequence[Product] = PRODUCTS) -> float:
    """Return the floating-point operations per second of the fastest product."""
    return max(measure_product(product, precision, device) for product in products)


def measure_product(product: Product, precision: str, device: str) -> float:
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left = torch.ones(product.rows, product.inner, dtype=dtype, device=device)
    weight = torch.ones(product.columns, product.inner, dtype=dtype, device=device)
    repetitions = max(1, MIN_OPERATIONS // product.operations) if product not in QUICK_PRODUCTS else 1

    def multiply() -> None:
        for _ in range(repetitions):
            torch.nn.functional.linear(left, weight)
        synchronize(device)

    multiply()
    return repetitions * product.operations / elapsed_seconds(multiply)
