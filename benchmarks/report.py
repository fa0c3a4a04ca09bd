"""Write the results as Markdown: sections, and a table row for each measurement."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Growth, Measurement, Section
from benchmarks.growth_picture import draw
from benchmarks.slopes import fit_line

HEADER = (
    "| what | against | median | lowest to highest | on this machine | of the peak | memory: ours / theirs | target |",
    "|---|---|---|---|---|---|---|---|",
)


def document(sections: Sequence[Section], machine: str, pictures: Sequence[Path] = ()) -> str:
    """Return the whole report in Markdown."""
    return "\n\n".join(
        [
            "# Speed",
            machine,
            *(part for section in sections for part in section_paragraphs(section)),
            *map(picture_link, pictures),
        ]
    )


def section_paragraphs(section: Section) -> list[str]:
    """Return the paragraphs of a section."""
    paragraphs = [f"## {section.title}", *section.notes]
    if section.measurements:
        paragraphs.append("\n".join([*HEADER, *map(measurement_row, section.measurements)]))
    if section.growths:
        paragraphs.append(
            "\n".join(
                [
                    "| what | with | slope | expected | measured |",
                    "|---|---|---|---|---|",
                    *map(growth_row, section.growths),
                ]
            )
        )
    return paragraphs


def measurement_row(measurement: Measurement) -> str:
    low, high = (
        format_value(value, measurement.unit) for value in (measurement.value.lowest, measurement.value.highest)
    )
    cells = (
        measurement.name,
        measurement.baseline,
        format_value(measurement.value.median, measurement.unit),
        f"{low} to {high}" if measurement.value.lowest != measurement.value.highest else "",
        measurement.absolute,
        "" if measurement.peak_share is None else f"{100 * measurement.peak_share:.0f} %",
        " / ".join(f"{memory / 2**20:,.0f}" for memory in measurement.memory) + " MiB" * bool(measurement.memory),
        target_verdict(measurement),
    )
    return f"| {' | '.join(cells)} |"


def format_value(value: float, unit: str) -> str:
    """Format a ratio, or a value with its unit."""
    if unit == "times":
        return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
    return f"{value:,.{2 if abs(value) < 10 else 0}f} {unit}"


def target_verdict(measurement: Measurement) -> str:
    if (target := measurement.target) is None:
        return ""
    bound = "at least" if target.at_least else "at most"
    unit = "" if measurement.unit == "times" else f" {measurement.unit}"
    return f"{bound} {target.bound:g}{unit}: {'met' if target.is_met(measurement.value.median) else 'MISSED'}"


def growth_row(growth: Growth) -> str:
    points = ", ".join(f"{x:,g}: {y:.3g} {growth.unit}" for x, y in growth.points)
    return (
        f"| {growth.name} | {growth.variable} | {fit_line(growth.points).slope:z.2f} | {growth.expected} | {points} |"
    )


def picture_link(picture: Path) -> str:
    return f"![{picture.stem.replace('.', ' ')}]({picture.name})"


def draw_all(sections: Sequence[Section], out: Path) -> list[Path]:
    """Draw a picture for every variable with plotted growths, and return the paths."""
    plotted_growths = [growth for section in sections for growth in section.growths if growth.plotted]
    pictures = []
    for variable in dict.fromkeys(growth.variable for growth in plotted_growths):
        path = out.with_name(f"{out.name}.{variable.split(',')[0]}.png")
        draw([growth for growth in plotted_growths if growth.variable == variable], path)
        pictures.append(path)
    return pictures
