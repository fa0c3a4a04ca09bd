"""The model that every system trains: one size for all, so that only the programs differ."""

SIZE = 512  # features of every layer and of an embedding; encoders read from both ends with half of them each
DEPTH = 2  # layers of the encoder, and of the decoder
VOCABULARY = 8000  # subwords of both languages together, in one embedding that is the output layer too
SENTENCES = 64  # pairs of the peers' batch on the way to quality, as documented
DROPOUT = 0.3
SMOOTHING = 0.1
