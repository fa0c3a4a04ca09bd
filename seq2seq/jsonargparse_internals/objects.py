"""Objects that jsonargparse builds from class_path and init_args, as in configurations."""

import warnings
from argparse import ArgumentError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.messages import constructor_errors, describe_error


def constructor_arguments(cls: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class from its options, with objects and factories in place of class_path.

    Args:
        cls: The class.
        options: Its options as in the init_args of a configuration; those that are missing get their defaults.

    Raises:
        UserError: for options that the class does not take.
    """
    from jsonargparse import ArgumentParser  # loading a model does without it

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls)
    try:
        parsed = parser.parse_object(dict(options))
    except (ArgumentError, KeyError, TypeError, ValueError) as error:
        raise UserError(describe_error(error)) from error
    with _instantiation():
        return dict(vars(parser.instantiate_classes(parsed)))


def build_object(base: type, description: Mapping[str, Any]) -> Any:
    """Return the object that class_path and init_args describe.

    Args:
        base: The class of the object or one of its base classes.
        description: The class_path and the init_args.
    """
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(base, "object")
    parsed = parser.parse_object({"object": description})
    with _instantiation():
        return parser.instantiate_classes(parsed).object


def plain_factory(factory: Any) -> Any:
    """Return a factory that jsonargparse made as a partial of its class; return any other factory unchanged."""
    if isinstance(factory, partial) and str(factory.func.__module__).startswith("jsonargparse."):
        return partial(factory.args[-1], **factory.keywords)  # the function of jsonargparse takes the class
    return factory


@contextmanager
def _instantiation() -> Iterator[None]:
    with warnings.catch_warnings(), constructor_errors():
        warnings.simplefilter("ignore", DeprecationWarning)  # of instantiate_classes, which LightningCLI needs, too
        yield
