"""Ours against OpenNMT-py and JoeyNMT, on one core: training, translating, and from raw text to a good model."""
