"""The table: sections, and a row for each figure."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Figure, Growth, Section
from benchmarks.growth_picture import draw
from benchmarks.slopes import fitted

HEADER = (
    "| what | against | median | lowest to highest | on this machine | of the peak | memory: ours / theirs | target |",
    "|---|---|---|---|---|---|---|---|",
)


def document(sections: Sequence[Section], machine: str, pictures: Sequence[Path] = ()) -> str:
    """Everything, as Markdown."""
    return "\n\n".join(
        ["# Speed", machine, *(part for section in sections for part in of(section)), *map(shown, pictures)]
    )


def of(section: Section) -> list[str]:
    """A section's paragraphs."""
    parts = [f"## {section.title}", *section.notes]
    if section.figures:
        parts.append("\n".join([*HEADER, *map(row, section.figures)]))
    if section.growths:
        parts.append(
            "\n".join(
                ["| what | with | slope | expected | measured |", "|---|---|---|---|---|", *map(slope, section.growths)]
            )
        )
    return parts


def row(figure: Figure) -> str:
    low, high = (number(value, figure.unit) for value in (figure.value.lowest, figure.value.highest))
    cells = (
        figure.what,
        figure.against,
        number(figure.value.median, figure.unit),
        f"{low} to {high}" if figure.value.lowest != figure.value.highest else "",
        figure.rate,
        "" if figure.peak is None else f"{100 * figure.peak:.0f} %",
        " / ".join(f"{memory / 2**20:,.0f}" for memory in figure.memory) + " MiB" * bool(figure.memory),
        verdict(figure),
    )
    return f"| {' | '.join(cells)} |"


def number(value: float, unit: str) -> str:
    """A ratio, or a number with its unit."""
    if unit == "times":
        return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
    return f"{value:,.{2 if abs(value) < 10 else 0}f} {unit}"


def verdict(figure: Figure) -> str:
    if (target := figure.target) is None:
        return ""
    bound = "at least" if target.at_least else "at most"
    unit = "" if figure.unit == "times" else f" {figure.unit}"
    return f"{bound} {target.bound:g}{unit}: {'met' if target.met(figure.value.median) else 'MISSED'}"


def slope(growth: Growth) -> str:
    points = ", ".join(f"{x:,g}: {y:.3g} {growth.unit}" for x, y in growth.points)
    return f"| {growth.what} | {growth.along} | {fitted(growth.points).slope:z.2f} | {growth.expected} | {points} |"


def shown(picture: Path) -> str:
    return f"![{picture.stem.replace('.', ' ')}]({picture.name})"


def draw_all(sections: Sequence[Section], out: Path) -> list[Path]:
    """A picture for everything that something grows with."""
    drawn = [growth for section in sections for growth in section.growths if growth.pictured]
    pictures = []
    for along in dict.fromkeys(growth.along for growth in drawn):
        path = out.with_name(f"{out.name}.{along.split(',')[0]}.png")
        draw([growth for growth in drawn if growth.along == along], path)
        pictures.append(path)
    return pictures
