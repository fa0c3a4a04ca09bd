"""A network whose matrix products are rounded, to be smaller and faster than the one that was trained."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.models.network import Network
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.precision import Precision
from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional
from seq2seq.recurrence.int8 import Int8GRU, Int8LSTM
from seq2seq.recurrence.rounded import BFloat16Layer, RoundedGRU, RoundedLSTM, RoundedRNN, Rounding
from seq2seq.rounding import BFloat16Linear, Int8Embedding, Int8Linear

FEW = 1024  # words, of which a table of what they say stays small

ROUNDINGS: dict[str, Rounding] = {"bf16": BFloat16Linear, "int8": Int8Linear}


def lower(network: Network, precision: Precision) -> None:
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
    heard = first_heard(network)
    parts = dict(network.named_modules(remove_duplicate=False))
    made: dict[int, nn.Module | None] = {}  # a shared embedding is rounded once, and stays shared
    for path, part in parts.items():
        if id(part) not in made:
            made[id(part)] = rounded(part, parts.get(path.rpartition(".")[0]), precision)
        if (new := made[id(part)]) is not None:
            network.set_submodule(path, new)
    if heard is not None:
        network.set_submodule("embedding", nn.Embedding.from_pretrained(heard))
        first = network.get_submodule("stack.layers.0")
        (first.plain if isinstance(first, Int8LSTM | Int8GRU) else first).outer = nn.Identity()


def first_heard(network: Network) -> Float[Tensor, "vocab gates"] | None:
    """What each word says to the gates of a language model's first layer, worked out once where words are few."""
    if not isinstance(network, RecurrentLanguageModel) or network.vocab_size > FEW:
        return None
    first, before = network.stack.layers[0], network.stack.around[0].before
    if not isinstance(first, LSTM | GRU | RNN) or not isinstance(before, nn.Identity):
        return None
    outer, _, bias, _ = first.kernel.all_weights[0]
    return F.linear(network.embedding.weight, outer, bias).detach()


def rounded(part: nn.Module, whole: nn.Module | None, precision: Precision) -> nn.Module | None:
    """What takes the place of a part of a whole; nothing if it stays."""
    match part:
        case LSTM() | GRU() | RNN() if precision == "bf16" and isinstance(whole, Bidirectional):
            return BFloat16Layer(part)
        case nn.Linear():
            return ROUNDINGS[precision](part)
        case nn.Embedding() if precision == "int8":
            return Int8Embedding(part)
        case LSTM():
            return Int8LSTM(part) if precision == "int8" else RoundedLSTM(part, BFloat16Linear)
        case GRU():
            return Int8GRU(part) if precision == "int8" else RoundedGRU(part, BFloat16Linear)
        case RNN():
            return RoundedRNN(part, ROUNDINGS[precision])
    return None
