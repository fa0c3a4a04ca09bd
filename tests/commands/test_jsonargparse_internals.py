"""jsonargparse's private interfaces and messages are as the adapter needs them."""

from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser

from seq2seq.commands import jsonargparse_internals
from seq2seq.commands.jsonargparse_internals import TypeHelpFormatter, actions, find_action, set_yaml_reader, type_hint
from seq2seq.construction import WRAPPER_ERRORS, constructor_errors

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of instantiate_classes, as in Lightning


class Layer:
    def __init__(self, size: int = 1) -> None:
        raise ArithmeticValueError(f"size {size}")


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
    loaders, path = jsonargparse_internals._LOADERS, jsonargparse_internals._PATH
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
        return jsonargparse_internals.read_path(path)

    set_yaml_reader(load_option, load_scalar, read_text)
    parser.add_argument("--sizes", type=dict[str, int], enable_path=True)
    (tmp_path / "sizes.yaml").write_text("a: 3\n", encoding="utf-8")
    parsed = parser.parse_args(["--size", "0x10", "--sizes", str(tmp_path / "sizes.yaml")])
    assert (parsed.size, parsed.sizes["a"]) == (16, 3)
    assert set(used) == {"option", "scalar", "path"}


def test_loader_of_configurations_reads_numbers() -> None:
    assert yaml.load("a: 1e-3", Loader=jsonargparse_internals.yaml_loader()) == {"a": 1e-3}


def test_error_of_a_constructor_is_found_behind_the_parser_error(parser: ArgumentParser) -> None:
    parsed = parser.parse_object({"layer": {"class_path": f"{__name__}.Layer", "init_args": {"size": 2}}})
    with pytest.raises(ValueError, match="size 2") as wrapped:
        parser.instantiate_classes(parsed)
    assert str(wrapped.value).startswith(WRAPPER_ERRORS)
    with pytest.raises(ArithmeticValueError, match=r"^size 2$"), constructor_errors():
        parser.instantiate_classes(parsed)
