"""The size of the model, which is the same for every system."""

SIZE = 512  # of layers and embeddings; half of it in each direction of the encoder
DEPTH = 2  # layers of the encoder, and of the decoder
VOCABULARY = 8000  # subwords shared by both languages; embeddings and output projection are tied
SENTENCES = 64  # batch size of the peers in the training to a good model, as documented
DROPOUT = 0.3
SMOOTHING = 0.1
