"""The ids that mean no text, the same in every vocabulary."""

PAD = 0  # fills rows to one length, and is asked of no model
UNK = 1  # a piece of text that the vocabulary does not have
BOS = 2  # stands before the first token
EOS = 3  # stands behind the last one
NUM_SPECIAL = 4  # how many there are
NO_TOKEN = -1  # no token: fills up rows of ids where even padding means something
