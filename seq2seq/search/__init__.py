"""Searches: from a function that scores the next token to sequences, independent of the model."""

from seq2seq.search.beam import beam_search
from seq2seq.search.ensemble import ensemble
from seq2seq.search.greedy import greedy
from seq2seq.search.problem import DecodingProblem, Hypothesis, Step
from seq2seq.search.sampling import Draw, Sampling, sample

__all__ = ["DecodingProblem", "Draw", "Hypothesis", "Sampling", "Step", "beam_search", "ensemble", "greedy", "sample"]
