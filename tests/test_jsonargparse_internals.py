"""jsonargparse's private interfaces and messages are as the adapter needs them."""

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser

import seq2seq
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals import parsers
from seq2seq.jsonargparse_internals.messages import UNION_ERROR, WRAPPER_ERRORS, constructor_errors
from seq2seq.jsonargparse_internals.objects import build_object, constructor_arguments, plain_factory
from seq2seq.jsonargparse_internals.parsers import TypeHelpFormatter, actions, find_action, set_yaml_reader, type_hint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of instantiate_classes, as in Lightning


class Layer:
    def __init__(self, size: int = 1) -> None:
        raise ArithmeticValueError(f"size {size}")


class Base:
    """The class of an option."""


class Part(Base):
    def __init__(self, size: int = 1) -> None:
        self.size = size


class Whole:
    def __init__(self, width: int, part: Base | None = None, make: Callable[[int], Base] = Part) -> None:
        self.part = part


class ArithmeticValueError(ValueError):
    """An error of a constructor."""


class UpperCaseFormatter(TypeHelpFormatter):
    def type_text(self, action: Any) -> str | None:
        return (super().type_text(action) or "").upper()


@pytest.fixture
def parser() -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False, formatter_class=UpperCaseFormatter)
    parser.add_argument("--size", type=int | None, default=None, help="The size.")
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("--layer", type=Layer | None, default=None)
    return parser


def test_actions_and_their_types(parser: ArgumentParser) -> None:
    assert {"help", "size", "flag", "layer"} <= {action.dest for action in actions(parser)}
    size = find_action(parser, "--size")
    assert size is not None
    assert size.dest == "size"
    assert type_hint(size) == int | None
    assert find_action(parser, "--other") is None
    assert type_hint(find_action(parser, "--flag")) is None
    assert type_hint(None) is None


def test_types_in_help_texts_are_overridden(parser: ArgumentParser) -> None:
    assert "type: INT | NULL" in parser.format_help().replace("UNION[INT, NULL]", "INT | NULL")


def test_yaml_readers_are_used(parser: ArgumentParser, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    loaders, path = parsers._LOADERS, parsers._PATH
    monkeypatch.setattr(loaders, "loaders", dict(loaders.loaders))
    monkeypatch.setattr(loaders, "loader_exceptions", dict(loaders.loader_exceptions))
    monkeypatch.setattr(loaders, "yaml_load", loaders.yaml_load)
    monkeypatch.setattr(path, "read_text", path.read_text)
    used: list[str] = []

    def load_option(text: str) -> Any:
        used.append("option")
        return yaml.safe_load(text)

    def load_scalar(text: str) -> Any:
        used.append("scalar")
        return yaml.safe_load(text)

    def read_text(path: Any) -> str:
        used.append("path")
        return parsers.read_path(path)

    set_yaml_reader(load_option, load_scalar, read_text)
    parser.add_argument("--sizes", type=dict[str, int], enable_path=True)
    (tmp_path / "sizes.yaml").write_text("a: 3\n", encoding="utf-8")
    parsed = parser.parse_args(["--size", "0x10", "--sizes", str(tmp_path / "sizes.yaml")])
    assert (parsed.size, parsed.sizes["a"]) == (16, 3)
    assert set(used) == {"option", "scalar", "path"}


def test_loader_of_configurations_reads_numbers() -> None:
    assert yaml.load("a: 1e-3", Loader=parsers.yaml_loader()) == {"a": 1e-3}


def test_error_of_a_constructor_is_found_behind_the_parser_error(parser: ArgumentParser) -> None:
    parsed = parser.parse_object({"layer": {"class_path": f"{__name__}.Layer", "init_args": {"size": 2}}})
    with pytest.raises(ValueError, match="size 2") as wrapped:
        parser.instantiate_classes(parsed)
    assert str(wrapped.value).startswith(WRAPPER_ERRORS)
    with pytest.raises(ArithmeticValueError, match=r"^size 2$"), constructor_errors():
        parser.instantiate_classes(parsed)


def test_arguments_are_built_from_class_path_and_init_args() -> None:
    part = {"class_path": f"{__name__}.Part", "init_args": {"size": 3}}
    arguments = constructor_arguments(Whole, {"width": 2, "part": part, "make": f"{__name__}.Part"})
    assert arguments.keys() == {"width", "part", "make"}
    assert (arguments["width"], arguments["part"].size) == (2, 3)
    built = build_object(Base, part)
    assert (type(built), built.size) == (Part, 3)


def test_factory_of_jsonargparse_is_a_partial_of_its_class() -> None:
    described = {"class_path": f"{__name__}.Layer", "init_args": {"size": 3}}

    class Model:
        def __init__(self, make: Callable[[], Layer]) -> None: ...

    made = constructor_arguments(Model, {"make": described})["make"]
    assert made.func is not Layer  # otherwise the adapter is no longer needed
    factory = plain_factory(made)
    assert (factory.func, factory.args, factory.keywords) == (Layer, (), {"size": 3})
    for other in (Layer, partial(Layer, 3), partial(print)):
        assert plain_factory(other) is other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": "wide"}, "width must be of type int, and wide was given"),
        ({"wide": 2}, "unknown option wide"),
        ({"width": 2, "part": f"{__name__}.Layer"}, f"{__name__}.Layer is no Base, as part must be"),
        ({"width": 2, "make": f"{__name__}.Layer"}, f"{__name__}.Layer is no Base, as make must be"),
        (
            {"width": 2, "part": {"class_path": f"{__name__}.Part", "init_args": {"size": "x"}}},
            "part.size must be of type int, and x was given",
        ),
    ],
)
def test_errors_of_options_are_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        constructor_arguments(Whole, options)
    assert str(raised.value) == message


PACKAGE = Path(seq2seq.__file__).parent
# of libraries; no other module may use the private names that these use
ADAPTERS = ("jsonargparse_internals/parsers.py", "training/lightning_internals.py", "commands/lightning_cli.py")
OWN = {"self", "cls", "type(self)"}  # objects whose private attributes a class may use
WORDING = ("Parser key", "is not accepted", "Got value", "class_path '", "subclass spec", UNION_ERROR, "jsonargparse.")


def private_names(tree: ast.AST) -> set[str]:
    """Return the private names of other modules and objects that a module uses."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {*str(node.module).split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {name for alias in node.names for name in alias.name.split(".")}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in OWN:
            names.add(node.attr)
    return {name for name in names if name.startswith("_") and not name.endswith("__")}


def docstrings(tree: ast.AST) -> set[int]:
    """Return the identities of the nodes that are docstrings or other statements without an effect."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def test_private_interfaces_and_wording_are_used_in_the_adapters_only() -> None:
    modules = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_bytes()) for path in PACKAGE.rglob("*.py")}
    private = {name: private_names(tree) for name, tree in modules.items()}
    adapted = set().union(*(private[name] for name in ADAPTERS))
    assert adapted >= {"_actions", "_loaders_dumpers", "_paths", "_run_subcommand"}
    assert {name: names & adapted for name, names in private.items() if names & adapted and name not in ADAPTERS} == {}
    worded = {
        name
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings(tree)
        if any(phrase in node.value for phrase in WORDING)
    }
    assert worded == {"jsonargparse_internals/messages.py", "jsonargparse_internals/objects.py"}
