"""The architecture's page shows the tree and the levels of the package as they are."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_levels_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = [set(re.split(r" [:|] ", layer)) for layer in contracts[0]["layers"]]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", names)) for _, names in rows] == layers
    assert [int(level) for level, _ in rows] == list(range(len(layers)))[::-1]


def test_tree_lists_every_package_and_nothing_else() -> None:
    (tree,) = re.findall(r"```\nseq2seq/\n(.*?)```", PAGE, re.DOTALL)
    inside = re.findall(r"^  (\w[\w./]*)", tree, re.MULTILINE)
    assert all((ROOT / "seq2seq" / name).exists() for name in inside)
    assert {path.parent.name for path in (ROOT / "seq2seq").glob("*/__init__.py")} == {
        name.rstrip("/") for name in inside if name.endswith("/")
    }
    assert all((ROOT / name).is_dir() for name in re.findall(r"^(\w+/)", tree, re.MULTILINE))
