"""Recurrent layers, from the Elman RNN to xLSTM, Mamba and attention, with one interface."""

from seq2seq.recurrence.bidirectional import Bidirectional, EncoderLayer, EncoderLayerFactory
from seq2seq.recurrence.cell import Cell
from seq2seq.recurrence.layer_norm import LayerNormGRU, LayerNormLSTM
from seq2seq.recurrence.mamba import Mamba
from seq2seq.recurrence.min_rnn import MinGRU, MinLSTM
from seq2seq.recurrence.mlstm import MLSTM
from seq2seq.recurrence.mogrifier import MogrifierLSTM
from seq2seq.recurrence.recurrence import LayerFactory, Recurrence
from seq2seq.recurrence.residual_block import BlockConfig
from seq2seq.recurrence.retention import Retention
from seq2seq.recurrence.rglru import RGLRU
from seq2seq.recurrence.rnn import GRU, LSTM, RNN, LSTMState
from seq2seq.recurrence.rwkv import RWKV
from seq2seq.recurrence.self_attention import CausalAttention, SelfAttention
from seq2seq.recurrence.slstm import SLSTM
from seq2seq.recurrence.stack import Stack

__all__ = [
    "GRU",
    "LSTM",
    "MLSTM",
    "RGLRU",
    "RNN",
    "RWKV",
    "SLSTM",
    "Bidirectional",
    "BlockConfig",
    "CausalAttention",
    "Cell",
    "EncoderLayer",
    "EncoderLayerFactory",
    "LSTMState",
    "LayerFactory",
    "LayerNormGRU",
    "LayerNormLSTM",
    "Mamba",
    "MinGRU",
    "MinLSTM",
    "MogrifierLSTM",
    "Recurrence",
    "Retention",
    "SelfAttention",
    "Stack",
]
