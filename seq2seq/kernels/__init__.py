"""Kernels of our own for CPUs, in C++, beside which the same stands in torch."""
