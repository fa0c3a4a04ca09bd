"""Put other layers into a configuration, and describe the resulting block."""

import copy
import inspect
from typing import Any

import pytorch_lightning as pl
from torch import nn

from seq2seq.comparison.entries import Entry, configurable_arguments, layer_classes
from seq2seq.comparison.recipes import BUILT_IN_PARTS, NEUTRAL_GATE_BIASES, RECIPES
from seq2seq.training.translator import Translator

# options that a description omits: those that all rows share, and those at its front
OMITTED_OPTIONS = {"size", "depth", "encoder", "decoder", "layer", "embedding_size", "dropout", "word_dropout", "tied"}
OMITTED_OPTIONS |= {"attention", "label_smoothing"}
# where they differ from the name of the option
DISPLAY_NAMES = {"feed_forward": "feed-forward", "width": "convolution", "state_size": "state"}


def apply_entry(
    config: dict[str, Any], entry: Entry, model: type[pl.LightningModule], same_block: bool
) -> dict[str, Any]:
    """Return a copy of the configuration with the entry's layers and options.

    The entry's options take precedence over the recipe, and the recipe over the configuration. A layer of the same
    class as in the configuration keeps its configured options. Every other layer of a translator gets gate biases of 0.
    """
    new_config = copy.deepcopy(config)
    options = new_config["model"]["init_args"]
    recipe = {} if same_block else find_recipe(entry)
    overrides = {**recipe, **entry.options}
    for role, name in entry.layers.items():
        accepted = configurable_arguments(layer_classes(role == "encoder")[name])
        configured = layer_options(options.get(role)) if class_name(options.get(role)) == name else None
        preset = {} if same_block else RECIPES.get(name, {})
        if (
            configured is None
            and not same_block
            and issubclass(model, Translator)
            and "memory_span" not in entry.options
        ):
            preset = {**NEUTRAL_GATE_BIASES, **preset}
        chosen = {key: value for key, value in {**preset, **entry.options}.items() if key in accepted}
        options[role] = {
            "class_path": f"seq2seq.recurrence.{name}",
            "init_args": {**(configured or {}), **chosen},
        }
    layer_arguments = {
        key
        for role, name in entry.layers.items()
        for key in configurable_arguments(layer_classes(role == "encoder")[name])
    }
    for key, value in overrides.items():
        if key == "lr":
            new_config["optimizer"]["init_args"]["lr"] = value
        elif key not in layer_arguments:  # a layer's argument shadows the model's option of the same name
            options[key] = value
    return new_config


def find_recipe(entry: Entry) -> dict[str, Any]:
    """Return the recipe of the entry's layer, or of its decoder if it has two layers."""
    return RECIPES.get(list(entry.layers.values())[-1], {})


def class_name(layer: Any) -> str:
    """Return the class name of a configured layer, which is a class path alone or with options."""
    path = layer.get("class_path") if isinstance(layer, dict) else layer
    return str(path).rsplit(".", 1)[-1]


def layer_options(layer: Any) -> dict[str, Any]:
    """Return the options of a configured layer."""
    return dict(layer.get("init_args") or {}) if isinstance(layer, dict) else {}


def describe_block(
    config: dict[str, Any], entry: Entry, model: type[pl.LightningModule], base_config: dict[str, Any]
) -> str:
    """Describe a block: `CausalAttention, 4 x 288, window 256, norm, residual, feed-forward 2`.

    For a translator both layers are described: `encoder LSTM; decoder GRU, keep bias 0; 2 x 256, norm`. Dropout and
    learning rate are included where they differ from the base configuration.
    """
    options = config["model"]["init_args"]
    parts = [f"{option_value(model, options, 'depth')} x {options['size']}"]
    shown_options = {key: value for key, value in options.items() if key not in OMITTED_OPTIONS or key in entry.options}
    shown_options = {
        key: value for key, value in shown_options.items() if key not in ("size", "depth", "embedding_size", "dropout")
    }
    parts += describe_options(model, shown_options)
    if (width := options.get("embedding_size")) not in (None, options["size"]):
        parts.append(f"embedding {width}")
    if (dropout := option_value(model, options, "dropout")) != option_value(
        model, base_config["model"]["init_args"], "dropout"
    ):
        parts.append(f"dropout {dropout}")
    if (lr := learning_rate(config)) != learning_rate(base_config):
        parts.append(f"rate {lr}")
    if issubclass(model, Translator):
        layers = [f"{role} {', '.join(describe_layer(role, options[role]))}" for role in ("encoder", "decoder")]
        return "; ".join([*layers, ", ".join(parts)])
    name, *layer_parts = describe_layer("layer", options["layer"])
    return ", ".join([name, parts[0], *layer_parts, *parts[1:]])


def describe_layer(role: str, layer: Any) -> list[str]:
    """Return the class name of a configured layer, followed by its parts."""
    name = class_name(layer)
    layer_class = layer_classes(role == "encoder").get(name)
    return [
        name,
        *(describe_options(layer_class, layer_options(layer)) if layer_class else ()),
        *BUILT_IN_PARTS.get(name, ()),
    ]


def learning_rate(config: dict[str, Any]) -> Any:
    """Return the learning rate of the optimizer."""
    return config["optimizer"]["init_args"].get("lr")


def describe_options(layer_class: type[nn.Module], options: dict[str, Any]) -> list[str]:
    """Describe a class by its options: counts, switches that are on, and all else that differs from the default."""
    parts = []
    for name in configurable_arguments(layer_class):
        default = inspect.signature(layer_class).parameters[name].default
        value = options.get(name, default)
        if name in OMITTED_OPTIONS and name not in options:
            continue
        display_name = DISPLAY_NAMES.get(name, name.replace("_", " "))
        if isinstance(value, bool):
            if value or default is True:
                parts.append(display_name if value else f"no {display_name}")
        elif isinstance(value, int | float | str) and (value != default or isinstance(default, int)):
            parts.append(f"{display_name} {value:.3g}" if isinstance(value, float) else f"{display_name} {value}")
    return parts


def option_value(layer_class: type, options: dict[str, Any], name: str) -> Any:
    """Return the value of an option, or its default."""
    return options[name] if name in options else inspect.signature(layer_class).parameters[name].default
