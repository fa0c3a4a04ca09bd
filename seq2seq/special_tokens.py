"""Ids of the special tokens, the same in every vocabulary."""

PAD = 0  # padding; ignored as a target
UNK = 1  # text that is not in the vocabulary
BOS = 2  # before the first token
EOS = 3  # after the last token
NUM_SPECIAL = 4  # the number of special tokens
NO_TOKEN = -1  # fills rows of ids where PAD is a valid id
