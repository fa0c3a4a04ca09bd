"""Tokenizers: characters, bytes, words and subwords."""

from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.bytes import Bytes
from seq2seq.tokenizers.characters import Characters
from seq2seq.tokenizers.frequent_units import FrequentUnits
from seq2seq.tokenizers.states import fingerprint
from seq2seq.tokenizers.storage import load, restore, save
from seq2seq.tokenizers.subwords import Subwords
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer
from seq2seq.tokenizers.words import Words

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPECIAL_TOKENS",
    "UNK",
    "Bytes",
    "Characters",
    "FrequentUnits",
    "Subwords",
    "Tokenizer",
    "Words",
    "fingerprint",
    "load",
    "restore",
    "save",
]
