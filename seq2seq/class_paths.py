"""Import paths of classes: how checkpoints and states name a class, and which ones they may have imported."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from itertools import accumulate
from types import ModuleType
from typing import Any

from seq2seq.errors import UserError

PACKAGE_PREFIX = "seq2seq."


def class_path(kind: type) -> str:
    """Return the name of a class of this package, or the import path of any other."""
    return kind.__name__ if is_builtin(kind) else f"{kind.__module__}.{kind.__qualname__}"


def is_builtin(kind: type) -> bool:
    """Return whether this package defines a class."""
    return kind.__module__.startswith(PACKAGE_PREFIX)


def resolve_trusted_class(path: str, trust: Sequence[str]) -> type:
    """Return the class at an import path; its module is imported only if the user trusts it.

    Args:
        path: Import path that a checkpoint names, such as "my_layers.Mine".
        trust: Modules that may be imported: that of the class, or a package that contains it; comma-separated if it is
            a string.
    """
    kind = resolve_trusted(path, trust)
    if not isinstance(kind, type):
        raise UserError(f"it names {path}, which is not a class")
    return kind


def resolve_trusted(path: str, trust: Sequence[str]) -> Any:
    """Return the object at an import path; its module is imported only if the user trusts it."""
    if not _is_import_path(path):
        raise UserError(f"it names {path[:80]!r}, which is neither a class of seq2seq nor an import path")
    module, names = path.rpartition(".")[0], _trusted_modules(trust)
    if not module:
        raise UserError(f"it names {path[:80]}, which is not a class of seq2seq that can be used here")
    if not any(path.startswith(f"{name}.") for name in names):
        raise UserError(
            f"it names {path[:80]}, which is not a class of seq2seq: to import and run it, trust its module "
            f"with --trust {module[:80]}"
        )
    if any(part.startswith("__") for part in path.split(".")[1:]):  # the first may be __main__
        raise UserError(f"it names {path[:80]}, and no part of an import path may start with two underscores")
    try:
        value = pkgutil.resolve_name(path)
        parents = {name: pkgutil.resolve_name(name) for name in accumulate(module.split("."), "{}.{}".format)}
    except (AttributeError, ImportError) as error:
        raise UserError(f"it names {path}, which cannot be imported: {error}") from error
    for name, parent in parents.items():  # a trusted module may have imported others, such as os
        if isinstance(parent, ModuleType) and parent.__name__ != name:
            raise UserError(
                f"it names {path[:80]}, and {name[:80]} is the module {parent.__name__}: trust and name that"
            )
    _check_origin(path, value, names)
    return value


def _check_origin(path: str, value: Any, trusted: Sequence[str]) -> None:
    """Raise a UserError for a value from elsewhere that a trusted module has imported by name, such as os.system.

    A constant of a built-in type, such as a number, has no origin and is data; a callable without origin is refused.
    """
    origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if origin is None and not callable(value):
        return
    if not f"{origin}.".startswith((PACKAGE_PREFIX, *(f"{name}." for name in trusted))):
        raise UserError(f"it names {path[:80]}, which is of {origin or 'no module'}: trust and name its module")


def import_trusted(trust: Sequence[str]) -> None:
    """Import the modules that the user trusts; comma-separated if it is a string."""
    for name in _trusted_modules(trust):
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(f"the trusted module {name} cannot be imported: {error}") from error


def _trusted_modules(trust: Sequence[str]) -> list[str]:
    names = [name.strip() for name in trust.split(",")] if isinstance(trust, str) else list(trust)
    for name in names:
        if not _is_import_path(name):
            raise UserError(f"trusted modules must be import paths, such as my_layers, and {name!r} was given")
    return names


def _is_import_path(path: str) -> bool:
    return all(part.isidentifier() for part in path.split("."))
