"""Quantization of a trained network's weights to bf16 or int8, which makes it smaller and faster."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.quantization import Precision
from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import BFloat16Linear, Int8Embedding, Int8Linear
from seq2seq.quantization.recurrence import BFloat16Layer, QuantizedGRU, QuantizedLSTM, QuantizedRNN, QuantizeLinear
from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional, Stack

MAX_FOLDED_VOCAB = 1024  # tokens up to which a table of their gates stays small

QUANTIZABLE = {nn.Linear, nn.Embedding, LSTM, GRU, RNN}
QUANTIZED_LINEAR: dict[str, QuantizeLinear] = {"bf16": BFloat16Linear, "int8": Int8Linear}


def quantize(network: nn.Module, precision: Precision) -> None:
    """Quantize a network's weights in place, for inference only: it can no longer be trained.

    States, norms, softmax and sums stay in float32, except that in bf16 an encoder's layers keep their states in bf16.
    Weights outside linear layers, embeddings, LSTM, GRU and RNN, such as the gates of RG-LRU, are not quantized, nor
    are embeddings in bf16. With a small vocabulary, the embedding of a language model and the input projection of its
    first layer are folded into one table.

    Args:
        network: Network to quantize.
        precision: bf16 rounds to 8 significant bits, int8 to integers of 8 bits with a scale for each row; float32
            changes nothing.
    """
    if precision == "float32":
        return
    folded = folded_embedding(network)
    modules = dict(network.named_modules(remove_duplicate=False))
    replacements: dict[int, nn.Module | None] = {}  # a shared embedding is quantized once, and stays shared
    for path, module in modules.items():
        if id(module) not in replacements:
            replacements[id(module)] = quantized_module(module, modules.get(path.rpartition(".")[0]), precision)
        if (replacement := replacements[id(module)]) is not None:
            network.set_submodule(path, replacement)
    if folded is not None:
        network.set_submodule("embedding", nn.Embedding.from_pretrained(folded))
        first = network.get_submodule("stack.layers.0")
        (first.reference if isinstance(first, Int8LSTM | Int8GRU) else first).linear_ih = nn.Identity()


def folded_embedding(network: nn.Module) -> Float[Tensor, "vocab gates"] | None:
    """Return the first layer's input projection of every token of a language model, or None if it cannot be folded."""
    if not getattr(network, "embedding_feeds_stack", False):
        return None
    embedding, stack = network.get_submodule("embedding"), network.get_submodule("stack")
    assert isinstance(embedding, nn.Embedding)
    assert isinstance(stack, Stack)
    first, norm = stack.layers[0], stack.blocks[0].norm
    if not isinstance(first, LSTM | GRU | RNN) or not isinstance(norm, nn.Identity):
        return None
    if embedding.num_embeddings > MAX_FOLDED_VOCAB:
        return None
    weight_ih, _, bias_ih, _ = first.rnn.all_weights[0]
    return F.linear(embedding.weight, weight_ih, bias_ih).detach()


def quantized_module(module: nn.Module, parent: nn.Module | None, precision: Precision) -> nn.Module | None:
    """Return the quantized replacement of a module, or None if it stays as it is, as one of a derived class does."""
    if type(module) not in QUANTIZABLE:
        return None
    match module:
        case LSTM() | GRU() | RNN() if precision == "bf16" and isinstance(parent, Bidirectional):
            return BFloat16Layer(module)
        case nn.Linear():
            return QUANTIZED_LINEAR[precision](module)
        case nn.Embedding() if precision == "int8":
            return Int8Embedding(module)
        case LSTM():
            return Int8LSTM(module) if precision == "int8" else QuantizedLSTM(module, BFloat16Linear)
        case GRU():
            return Int8GRU(module) if precision == "int8" else QuantizedGRU(module, BFloat16Linear)
        case RNN():
            return QuantizedRNN(module, QUANTIZED_LINEAR[precision])
    return None
