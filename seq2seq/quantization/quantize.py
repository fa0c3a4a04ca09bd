"""A network whose matrix products are rounded, to be smaller and faster than the one that was trained."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import BFloat16Linear, Int8Embedding, Int8Linear
from seq2seq.quantization.precision import Precision
from seq2seq.quantization.recurrence import BFloat16Layer, QuantizedGRU, QuantizedLSTM, QuantizedRNN, QuantizeLinear
from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional, Stack

FEW = 1024  # words, of which a table of what they say stays small

QUANTIZED_LINEAR: dict[str, QuantizeLinear] = {"bf16": BFloat16Linear, "int8": Int8Linear}


def quantize(network: nn.Module, precision: Precision) -> None:
    """Round a network's weights in place; it can be used afterwards, and no longer trained.

    States, norms, softmax and sums stay in float32, but in bf16 not those of a layer that reads a whole source at once.
    Weights that are no linear layer's or fused layer's, as the gates of RG-LRU, stay as they are, and a small
    vocabulary's words are put into one table with what the first layer makes of them.

    Args:
        network: What is rounded.
        precision: bf16 rounds to 8 significant bits, int8 to whole numbers of 8 bits with a scale for each row;
            float32 rounds nothing.
    """
    if precision == "float32":
        return
    heard = folded_embedding(network)
    parts = dict(network.named_modules(remove_duplicate=False))
    made: dict[int, nn.Module | None] = {}  # a shared embedding is rounded once, and stays shared
    for path, part in parts.items():
        if id(part) not in made:
            made[id(part)] = quantized(part, parts.get(path.rpartition(".")[0]), precision)
        if (new := made[id(part)]) is not None:
            network.set_submodule(path, new)
    if heard is not None:
        network.set_submodule("embedding", nn.Embedding.from_pretrained(heard))
        first = network.get_submodule("stack.layers.0")
        (first.plain if isinstance(first, Int8LSTM | Int8GRU) else first).outer = nn.Identity()


def folded_embedding(network: nn.Module) -> Float[Tensor, "vocab gates"] | None:
    """What each word says to the gates of a language model's first layer, worked out once where words are few."""
    embedding, stack = (getattr(network, name, None) for name in ("embedding", "stack"))
    if not (isinstance(embedding, nn.Embedding) and isinstance(stack, Stack)) or embedding.num_embeddings > FEW:
        return None
    first, before = stack.layers[0], stack.around[0].before
    if not isinstance(first, LSTM | GRU | RNN) or not isinstance(before, nn.Identity):
        return None
    outer, _, bias, _ = first.kernel.all_weights[0]
    return F.linear(embedding.weight, outer, bias).detach()


def quantized(part: nn.Module, whole: nn.Module | None, precision: Precision) -> nn.Module | None:
    """What takes the place of a part of a whole; nothing if it stays."""
    match part:
        case LSTM() | GRU() | RNN() if precision == "bf16" and isinstance(whole, Bidirectional):
            return BFloat16Layer(part)
        case nn.Linear():
            return QUANTIZED_LINEAR[precision](part)
        case nn.Embedding() if precision == "int8":
            return Int8Embedding(part)
        case LSTM():
            return Int8LSTM(part) if precision == "int8" else QuantizedLSTM(part, BFloat16Linear)
        case GRU():
            return Int8GRU(part) if precision == "int8" else QuantizedGRU(part, BFloat16Linear)
        case RNN():
            return QuantizedRNN(part, QUANTIZED_LINEAR[precision])
    return None
