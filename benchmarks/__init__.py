"""Benchmarks of speed and memory: ratios of interleaved runs, never absolute times."""
