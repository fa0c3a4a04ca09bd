"""C++ kernels for CPUs, each with a reference implementation in torch."""
