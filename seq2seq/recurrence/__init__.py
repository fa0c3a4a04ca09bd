"""Layers that carry memory through time, behind one interface."""

from seq2seq.recurrence.bidirectional import Bidirectional
from seq2seq.recurrence.fused import GRU, LSTM, RNN, LSTMState
from seq2seq.recurrence.interface import LayerFactory, Recurrence
from seq2seq.recurrence.stack import Stack

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "LSTMState", "LayerFactory", "Recurrence", "Stack"]
