"""The usual block of each layer, put into a configuration, and the description of a configured block."""

import copy
import pkgutil
from typing import Any

from seq2seq.comparison.entries import Entry, Option, layer_arguments, layer_options, model_options, options_of
from seq2seq.recurrence.registry import SIZE_ARGUMENTS

# several narrow layers need less dropout than one wide layer
RESIDUAL_BLOCK = {"depth": 3, "norm": True, "residual": True, "feed_forward": 2.0, "embedding_size": None}
RESIDUAL_BLOCK |= {"dropout": 0.1, "lr": 0.006}

# the recommended options of each layer and of the model, and the learning rate; other options stay as configured
RECIPES: dict[str, dict[str, Any]] = {
    "RNN": {"lr": 0.003},
    "MinGRU": RESIDUAL_BLOCK,
    "MinLSTM": RESIDUAL_BLOCK,
    "RGLRU": RESIDUAL_BLOCK,
    "Mamba": {**RESIDUAL_BLOCK, "feed_forward": 0.0},  # its expansion already is a feed-forward
    "RWKV": RESIDUAL_BLOCK,
    "Retention": RESIDUAL_BLOCK,
    "SLSTM": {**RESIDUAL_BLOCK, "depth": 2},
    "MLSTM": RESIDUAL_BLOCK,
    "CausalAttention": {**RESIDUAL_BLOCK, "depth": 4, "lr": 0.003, "window": 128},
}

# of models with `neutral_gate_biases`: biases that favor a long memory cost a translator most of its score
NEUTRAL_GATE_BIASES: dict[str, Any] = {"forget_bias": 0.0, "keep_bias": 0.0, "write_bias": 0.0}

# parts that a layer has regardless of its options, for the description of its block
BUILT_IN_PARTS: dict[str, tuple[str, ...]] = {
    "MLSTM": ("output gate",),
    "Mamba": ("output gate",),
    "RGLRU": ("output gate",),
    "RWKV": ("token shift", "output gate"),
    "Retention": ("output gate",),
}

# options that are described at another place, and those that all rows share unless an entry sets them
PLACED_OPTIONS = {"size", "depth", "embedding_size", "dropout"}
SHARED_OPTIONS = {"word_dropout", "tied", "attention", "label_smoothing"}
# where they differ from the name of the option
DISPLAY_NAMES = {"feed_forward": "feed-forward", "width": "convolution", "state_size": "state"}


def apply_entry(config: dict[str, Any], entry: Entry, model: type, same_block: bool) -> dict[str, Any]:
    """Return a copy of the configuration with the entry's layers and options.

    The entry's options take precedence over the recipe of its last layer, and the recipe over the configuration. A
    layer of the same class as in the configuration keeps its configured options. Every other layer of a model with
    `neutral_gate_biases` gets gate biases of 0. With `same_block`, only the entry's options change.
    """
    new_config = copy.deepcopy(config)
    options = new_config["model"]["init_args"]
    recipes = {} if same_block else RECIPES
    neutral = not same_block and getattr(model, "neutral_gate_biases", False) and "memory_span" not in entry.options
    layer_keys: set[str] = set()
    for role, name in entry.layers.items():
        accepted = layer_arguments(name)
        path, kept = configured_layer(options[role])
        same_class = path == layer_path(name)
        preset = (NEUTRAL_GATE_BIASES if neutral and not same_class else {}) | recipes.get(name, {}) | entry.options
        chosen = {key: value for key, value in preset.items() if key in accepted}
        options[role] = {"class_path": layer_path(name), "init_args": (kept if same_class else {}) | chosen}
        layer_keys |= accepted.keys()
    known = model_options(model)
    for key, value in (recipes.get([*entry.layers.values()][-1], {}) | entry.options).items():
        if key == "lr":
            new_config["optimizer"]["init_args"]["lr"] = value
        elif key in known and key not in layer_keys:  # a layer's option shadows the model's of the same name
            known[key].set(options, value)
    return new_config


def layer_path(name: str) -> str:
    """Return the import path of a layer."""
    return name if "." in name else f"seq2seq.recurrence.{name}"


def configured_layer(layer: Any) -> tuple[str, dict[str, Any]]:
    """Return the import path and the options of a configured layer, which is a class path alone or with options."""
    if isinstance(layer, dict):
        return layer_path(layer["class_path"]), dict(layer.get("init_args") or {})
    return layer_path(str(layer)), {}


def describe_block(config: dict[str, Any], entry: Entry, model: type, base_config: dict[str, Any]) -> str:
    """Describe a block: `CausalAttention, 4 x 288, window 256, norm, residual, feed-forward 2`.

    If the model has several layers, each is described: `encoder LSTM; decoder GRU, keep bias 0; 2 x 256, norm`. Dropout
    and learning rate are included where they differ from the base configuration.
    """
    known, configured = model_options(model), config["model"]["init_args"]
    values = {key: option.get(configured) for key, option in known.items()}
    base = {key: option.get(base_config["model"]["init_args"]) for key, option in known.items()}
    dimensions = " x ".join(str(values[key]) for key in ("depth", "size") if key in values)
    shown = [key for key in known if key not in PLACED_OPTIONS and (key not in SHARED_OPTIONS or key in entry.options)]
    parts = [part for key in shown if (part := describe_option(key, known[key], values[key]))]
    if (width := values.get("embedding_size")) not in (None, values.get("size")):
        parts.append(f"embedding {width}")
    if (dropout := values.get("dropout")) != base.get("dropout"):
        parts.append(f"dropout {dropout}")
    if (lr := config["optimizer"]["init_args"].get("lr")) != base_config["optimizer"]["init_args"].get("lr"):
        parts.append(f"rate {lr}")
    layers = {role: describe_layer(configured[role]) for role in layer_options(model)}
    if len(layers) == 1:
        ((name, *layer_parts),) = layers.values()
        return ", ".join(filter(None, [name, dimensions, *layer_parts, *parts]))
    described = [f"{role} {', '.join(layer)}" for role, layer in layers.items()]
    return "; ".join(filter(None, [*described, ", ".join(filter(None, [dimensions, *parts]))]))


def describe_layer(layer: Any) -> list[str]:
    """Return the class name of a configured layer, followed by its parts."""
    path, options = configured_layer(layer)
    name = path.rpartition(".")[2]
    arguments = options_of(pkgutil.resolve_name(path), SIZE_ARGUMENTS)
    shown = [key for key in arguments if key in options or key not in PLACED_OPTIONS | SHARED_OPTIONS]
    parts = [describe_option(key, arguments[key], arguments[key].get(options)) for key in shown]
    return [name, *filter(None, parts), *BUILT_IN_PARTS.get(name, ())]


def describe_option(name: str, option: Option, value: Any) -> str:
    """Describe an option that is a count, a switch that is on, or anything else that differs from the default."""
    display_name = DISPLAY_NAMES.get(name, name.replace("_", " "))
    if isinstance(value, bool):
        return display_name if value else f"no {display_name}" if option.default is True else ""
    if not isinstance(value, int | float | str) or (value == option.default and not isinstance(option.default, int)):
        return ""
    return f"{display_name} {value:.3g}" if isinstance(value, float) else f"{display_name} {value}"
