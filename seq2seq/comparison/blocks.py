"""A configuration with another layer in it, and how its block is named."""

import copy
import inspect
from typing import Any

import pytorch_lightning as pl
from torch import nn

from seq2seq.comparison.entries import Entry, arguments, classes
from seq2seq.comparison.recipes import GATES, PARTS, RECIPES
from seq2seq.models import Translator

# what a row need not name: what all have in common, and what stands at the front of it
UNNAMED = {"size", "depth", "encoder", "decoder", "layer", "embedding_size", "dropout", "word_dropout", "tied"}
UNNAMED |= {"attention", "label_smoothing"}
SAID = {"feed_forward": "feed-forward", "width": "convolution", "state_size": "state"}  # in other words than its name


def varied(config: dict[str, Any], entry: Entry, model: type[pl.LightningModule], same_block: bool) -> dict[str, Any]:
    """The configuration with the entry's layers; what the entry says outweighs the recipe, and this the configuration.

    A layer of the configuration's own class keeps what the configuration says of it. The gates of any other layer of a
    translator start half open.
    """
    new = copy.deepcopy(config)
    init = new["model"]["init_args"]
    recipe = {} if same_block else recipe_of(entry)
    said = {**recipe, **entry.options}
    for role, name in entry.layers.items():
        known = arguments(classes(role == "encoder")[name])
        kept = own_options(init.get(role)) if class_of(init.get(role)) == name else None
        own = {} if same_block else RECIPES.get(name, {})
        if kept is None and not same_block and issubclass(model, Translator) and "memory_span" not in entry.options:
            own = {**GATES, **own}
        given = {key: value for key, value in {**own, **entry.options}.items() if key in known}
        init[role] = {"class_path": f"seq2seq.recurrence.{name}", "init_args": {**(kept or {}), **given}}
    taken = {key for role, name in entry.layers.items() for key in arguments(classes(role == "encoder")[name])}
    for key, value in said.items():
        if key == "lr":
            new["optimizer"]["init_args"]["lr"] = value
        elif key not in taken:  # a layer's own argument goes before the model's of the same name
            init[key] = value
    return new


def recipe_of(entry: Entry) -> dict[str, Any]:
    """What an entry's recipe says of the model and its rate: that of its layer, or of the decoder if it has two."""
    return RECIPES.get(list(entry.layers.values())[-1], {})


def class_of(layer: Any) -> str:
    """The name of a class in a configuration, which writes it alone or with its options."""
    path = layer.get("class_path") if isinstance(layer, dict) else layer
    return str(path).rsplit(".", 1)[-1]


def own_options(layer: Any) -> dict[str, Any]:
    """What a configuration says of a layer."""
    return dict(layer.get("init_args") or {}) if isinstance(layer, dict) else {}


def block(config: dict[str, Any], entry: Entry, model: type[pl.LightningModule], usual: dict[str, Any]) -> str:
    """All that a layer's block is made of: `CausalAttention, 4 x 288, window 256, norm, residual, feed-forward 2`.

    Of a translator both layers are named: `encoder LSTM; decoder GRU, keep bias 0; 2 x 256, norm`. A dropout and a
    learning rate other than in the usual configuration are named too.
    """
    init = config["model"]["init_args"]
    words = [f"{option(model, init, 'depth')} x {init['size']}"]
    rest = {key: value for key, value in init.items() if key not in UNNAMED or key in entry.options}
    rest = {key: value for key, value in rest.items() if key not in ("size", "depth", "embedding_size", "dropout")}
    words += structure(model, rest)
    if (width := init.get("embedding_size")) not in (None, init["size"]):
        words.append(f"embedding {width}")
    if (dropout := option(model, init, "dropout")) != option(model, usual["model"]["init_args"], "dropout"):
        words.append(f"dropout {dropout}")
    if (rate := rate_of(config)) != rate_of(usual):
        words.append(f"rate {rate}")
    if issubclass(model, Translator):
        layers = [f"{role} {', '.join(layer_words(role, init[role]))}" for role in ("encoder", "decoder")]
        return "; ".join([*layers, ", ".join(words)])
    name, *own = layer_words("layer", init["layer"])
    return ", ".join([name, words[0], *own, *words[1:]])


def layer_words(role: str, layer: Any) -> list[str]:
    """The name of a layer in a configuration, and what it is made of."""
    name = class_of(layer)
    kind = classes(role == "encoder").get(name)
    return [name, *(structure(kind, own_options(layer)) if kind else ()), *PARTS.get(name, ())]


def rate_of(config: dict[str, Any]) -> Any:
    """The optimiser's learning rate."""
    return config["optimizer"]["init_args"].get("lr")


def structure(kind: type[nn.Module], options: dict[str, Any]) -> list[str]:
    """The parts of a class: whatever is a count or switched on, and all else that is not the default."""
    words = []
    for name in arguments(kind):
        default = inspect.signature(kind).parameters[name].default
        value = options.get(name, default)
        if name in UNNAMED and name not in options:
            continue
        said = SAID.get(name, name.replace("_", " "))
        if isinstance(value, bool):
            if value or default is True:
                words.append(said if value else f"no {said}")
        elif isinstance(value, int | float | str) and (value != default or isinstance(default, int)):
            words.append(f"{said} {value:.3g}" if isinstance(value, float) else f"{said} {value}")
    return words


def option(kind: type, options: dict[str, Any], name: str) -> Any:
    """What is said of a class, or its default."""
    return options[name] if name in options else inspect.signature(kind).parameters[name].default
