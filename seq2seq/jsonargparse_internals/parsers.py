"""The options of jsonargparse's parsers, their help texts, and the functions with which they read YAML."""

import functools
from argparse import Action
from collections.abc import Callable, Iterable
from typing import Any

import jsonargparse
import yaml
from jsonargparse import DefaultHelpFormatter, _loaders_dumpers, _paths

_LOADERS: Any = _loaders_dumpers
_PATH: Any = _paths.Path

load_yaml: Callable[[str], Any] = _LOADERS.yaml_load  # jsonargparse's own, before `set_yaml_reader`
read_path: Callable[[Any], str] = _PATH.read_text


def actions(parser: Any) -> list[Action]:
    """Return the options and the positional arguments of a parser."""
    return list(parser._actions)


def find_action(parser: Any, option: str) -> Action | None:
    """Return the action of an option with its dashes."""
    action: Action | None = parser._option_string_actions.get(option)
    return action


def type_hint(action: Action | None) -> Any:
    """Return the annotation of an option; None for a flag and for a plain argparse type."""
    return getattr(action, "_typehint", None)


@functools.cache
def class_options(cls: type) -> list[str]:
    """Return the options of a class's constructor, also those that it passes on in **kwargs."""
    parser = jsonargparse.ArgumentParser()
    return [option.partition(".")[0] for option in parser.add_class_arguments(cls, fail_untyped=False)]


def optional_parser(cls: type, skip: Iterable[str]) -> jsonargparse.ArgumentParser:
    """Return a parser of the options of a class, none of which is required.

    Args:
        cls: The class.
        skip: Options that the parser must not have.
    """
    parser = jsonargparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_class_arguments(cls, skip={*skip}, fail_untyped=False)
    for action in actions(parser):
        action.required = False
    return parser


class TypeHelpFormatter(DefaultHelpFormatter):
    """A help formatter whose texts of types can be overridden."""

    def type_text(self, action: Action) -> str | None:
        """Return the type of an option as text for its help."""
        text: str | None = super()._get_type_str(action)
        return text

    def _get_type_str(self, action: Action) -> str | None:
        return self.type_text(action)


def yaml_loader() -> Any:
    """Return the class with which jsonargparse loads YAML."""
    return _LOADERS.get_yaml_default_loader()


def set_yaml_reader(
    load_option: Callable[[str], Any], load_scalar: Callable[[str], Any], read_text: Callable[[Any], str]
) -> None:
    """Replace the functions with which jsonargparse reads YAML.

    Args:
        load_option: Loads the value of an option.
        load_scalar: Loads a number or a boolean.
        read_text: Reads a file that contains the value of an option, given jsonargparse's path.
    """
    if _LOADERS.loaders["yaml"] is not load_option:
        jsonargparse.set_loader("yaml", load_option, exceptions=(yaml.YAMLError,))
        _PATH.read_text = read_text
        _LOADERS.yaml_load = load_scalar
