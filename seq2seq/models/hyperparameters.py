"""A model's options as plain data, so that a checkpoint holds them and loads without running anyone's code."""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import nn

from seq2seq import recurrence
from seq2seq.checkpoint import trusted_class
from seq2seq.errors import UserError
from seq2seq.nn import attention
from seq2seq.nn.attention import Attention
from seq2seq.recurrence import Recurrence, SelfAttention

OUR_MODULES = "seq2seq."
# what a checkpoint may name without its module
OURS: dict[str, type[nn.Module]] = {
    name: kind
    for module in (attention, recurrence)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, nn.Module)
}
# what the class of an option must be; one of a layer's own options may be any of these
ROLES: dict[str, tuple[type[nn.Module], ...]] = {
    "layer": (Recurrence,),
    "encoder": (Recurrence, SelfAttention),
    "decoder": (Recurrence,),
    "attention": (Attention,),
}


def plain(options: Any) -> Any:
    """Return options with every class in them as its name and arguments, the way configurations write it."""
    match options:
        case Mapping():
            named = {str(key): plain(value) for key, value in options.items() if not key.startswith("_")}
            if isinstance(where := named.get("class_path"), str) and where.startswith(OUR_MODULES):
                named["class_path"] = where.rpartition(".")[2]
            return named
        case list() | tuple():
            return [plain(value) for value in options]
        case partial():
            if options.args and not made_by_parser(options):
                raise UserError(
                    f"a functools.partial must name its options, so that a checkpoint can hold them: {options!r}"
                )
            return {"class_path": path(made_by(options)), "init_args": plain(options.keywords)}
        case type():
            return {"class_path": path(options)}
        case None | bool():
            return options
        case int():  # the number itself, without what a subclass adds, numpy's for example
            return int(options)
        case float():
            return float(options)
        case str():
            return str(options)
        case _ if hasattr(options, "class_path"):  # a jsonargparse namespace
            return plain(vars(options))
    raise UserError(
        f"a model's options must be numbers, strings, classes or functools.partial of classes, "
        f"so that a checkpoint can hold them, not {options!r}"
    )


def factories(options: Any, trust: Sequence[str] = (), role: str = "") -> Any:
    """Return the inverse of `plain`: every name and its arguments as the class, or as a partial of it.

    Args:
        options: What `plain` made.
        trust: Modules that may be imported, if classes of theirs are named.
        role: The option that these are the value of.
    """
    match options:
        case {"class_path": str(where), **rest}:
            kind = layer_class(where, trust, role)
            arguments = factories(rest.get("init_args") or {}, trust)
            check_arguments(kind, where, arguments)
            return partial(kind, **arguments) if arguments else kind
        case Mapping():
            return {key: factories(value, trust, key) for key, value in options.items()}
        case list():
            return [factories(value, trust, role) for value in options]
    return options


def layer_class(where: str, trust: Sequence[str], role: str) -> type[nn.Module]:
    """Return the class of ours with this name, or the user's at this import path; it must fit its role."""
    kind = OURS.get(where) or trusted_class(where, trust)
    fitting = ROLES.get(role, (Recurrence, SelfAttention, Attention))
    if not issubclass(kind, fitting):
        names = " or ".join(one.__name__ for one in fitting)
        raise UserError(f"it names {where}, which is no {names}" + (f", as {role} must be" if role else ""))
    return kind


def check_arguments(kind: type[nn.Module], where: str, arguments: Any) -> None:
    """Raise a UserError for arguments that a class does not take, beside its two sizes."""
    if not isinstance(arguments, dict):
        raise UserError(f"the arguments of {where} must have names")
    try:
        inspect.signature(kind).bind(0, 0, **arguments)
    except TypeError as error:
        raise UserError(f"{where} does not take the arguments that are stored for it: {error}") from error


def made_by(factory: Any) -> Any:
    """The class of what a factory makes, or the factory itself if it is a function."""
    if not isinstance(factory, partial):
        return factory
    return factory.args[-1] if made_by_parser(factory) else factory.func


def made_by_parser(factory: partial[Any]) -> bool:
    """jsonargparse calls a function of its own, whose last argument is the class."""
    return bool(factory.args) and str(factory.func.__module__).startswith("jsonargparse.")


def path(kind: Any) -> str:
    """Return the name of a class of ours, or the import path of any other."""
    if not isinstance(kind, type):
        raise UserError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    ours = kind.__module__.startswith(OUR_MODULES)
    return kind.__name__ if ours else f"{kind.__module__}.{kind.__qualname__}"
