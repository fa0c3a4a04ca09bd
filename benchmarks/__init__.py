"""What speed is measured with: ratios of interleaved runs, never absolute times."""
