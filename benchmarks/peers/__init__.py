"""Compare with OpenNMT-py and JoeyNMT on one core: training, translation, and time to a good model from raw text."""
