"""The usual block of each layer, put into a configuration, and the description of a configured block."""

import copy
from typing import Any

from seq2seq.comparison.entries import Entry, default_options, find_option, flatten, layer_options

# several narrow layers need less dropout than one wide layer
RESIDUAL_BLOCK = {"depth": 3, "norm": True, "residual": True, "feed_forward": 2.0, "embedding_size": None}
RESIDUAL_BLOCK |= {"dropout": 0.1, "lr": 0.006}

# the recommended options of each layer and of the model, and the learning rate; other options stay as configured
RECIPES: dict[str, dict[str, Any]] = {
    "RNN": {"lr": 0.003},
    **dict.fromkeys(("MinGRU", "MinLSTM", "RGLRU", "RWKV", "Retention", "MLSTM"), RESIDUAL_BLOCK),
    "Mamba": {**RESIDUAL_BLOCK, "feed_forward": 0.0},  # its expansion already is a feed-forward
    "SLSTM": {**RESIDUAL_BLOCK, "depth": 2},
    "CausalAttention": {**RESIDUAL_BLOCK, "depth": 4, "lr": 0.003, "window": 128},
}

# of models with `neutral_gate_biases`: biases that favor a long memory cost a translator most of its score
NEUTRAL_GATE_BIASES: dict[str, Any] = {"forget_bias": 0.0, "keep_bias": 0.0, "write_bias": 0.0}

# options that are described at another place, and those that all rows share unless an entry sets them
PLACED_OPTIONS = ("depth", "size")
LAST_OPTIONS = ("embedding_size", "dropout", "lr")
SHARED_OPTIONS = {"dropout", "word_dropout", "tied", "attention", "output", "label_smoothing", "lr"}
DISPLAY_NAMES = {"feed_forward": "feed-forward", "width": "convolution", "embedding_size": "embedding", "lr": "rate"}


def apply_entry(config: dict[str, Any], entry: Entry, model: type, same_block: bool) -> dict[str, Any]:
    """Return a copy of the configuration with the entry's layers and options.

    The entry's options override the recipe of its last layer, and those the configuration. A layer of the same class as
    in the configuration keeps its options; others get gate biases of 0, if the model has `neutral_gate_biases`. With
    `same_block`, only the entry's options change.
    """
    new_config = copy.deepcopy(config)
    options, known = new_config["model"]["init_args"], default_options(model, entry.layers)
    preset: dict[str, Any] = {}
    for role, layer in entry.layers.items():
        configured = options[role] if isinstance(options[role], dict) else {"class_path": options[role]}
        is_kept = configured["class_path"] == layer
        options[role] = {"class_path": layer, "init_args": (is_kept and configured.get("init_args")) or {}}
        is_neutral = f"{role}.init_args.memory_span" not in entry.options and not is_kept
        recipe = RECIPES.get(layer.removeprefix("seq2seq.recurrence."), {})
        own = (NEUTRAL_GATE_BIASES if is_neutral and getattr(model, "neutral_gate_biases", False) else {}) | recipe
        preset |= {f"{role}.init_args.{key}": value for key, value in own.items()}
    preset |= {path: value for key, value in recipe.items() for path in find_option(key, entry.layers, known)}
    preset = {path: value for path, value in preset.items() if path in known and not same_block}
    for path, value in (preset | entry.options).items():
        *groups, name = path.split(".")
        group = new_config["optimizer"]["init_args"] if path == "lr" else options
        for part in groups:
            group = group.setdefault(part, {})
        group[name] = value
    return new_config


def describe_block(config: dict[str, Any], entry: Entry, model: type, base_config: dict[str, Any]) -> str:
    """Describe a block: `MLSTM, 3 x 120, heads 4, norm, residual` or `encoder LSTM; decoder GRU, keep bias 0; 2 x 256`.

    Dropout, learning rate and the like are included where they differ from the base configuration.
    """
    values, base = (
        flatten(c["model"]["init_args"] | {"lr": c["optimizer"]["init_args"].get("lr")}) for c in (config, base_config)
    )
    roles = layer_options(model)
    defaults = default_options(model, {role: values[role] for role in roles})
    parts: dict[str, list[str]] = {role: [values[role].rpartition(".")[2]] for role in roles}
    parts[""] = [" x ".join(str(values[path]) for path in PLACED_OPTIONS if path in values)]
    for path in sorted(defaults, key=LAST_OPTIONS.__contains__):
        group, _, key = path.rpartition(".init_args.")
        default = None if path in SHARED_OPTIONS else defaults[path]
        value = values.get(path, defaults[path])
        is_shared = path in SHARED_OPTIONS and path not in entry.options and value == base.get(path)
        if group in parts and path not in PLACED_OPTIONS and not is_shared:
            parts[group].append(describe_option(key.rpartition(".")[2], default, value))
    if len(roles) == 1:
        (name, *layer_parts), (dimensions, *model_parts) = parts.values()
        parts = {"": [name, dimensions, *layer_parts, *model_parts]}
    return "; ".join(f"{role} {', '.join(filter(None, group))}".strip() for role, group in parts.items())


def describe_option(name: str, default: Any, value: Any) -> str:
    """Describe an option that is a count, a switch that is on, or anything else that differs from the default."""
    name = DISPLAY_NAMES.get(name, name.replace("_", " "))
    if isinstance(value, bool):
        return name if value else "" if default is False else f"no {name}"
    if not isinstance(value, int | float | str) or (value == default and not isinstance(default, int)):
        return ""
    return f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
