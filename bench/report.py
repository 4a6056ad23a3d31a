"""The measurements told: a table on the terminal, JSON, Markdown and a chart."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from bench.figures import FIGURES, GOALS, NAMES, Goal, Samples


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def show(console: Console, samples: Samples) -> None:
    """Both tables."""
    medians = samples.medians()
    figures = Table("figure", "median", "lowest", "highest", "", title="Measured")
    for figure in FIGURES:
        if figure.key in medians:
            each = samples.by_key.get(figure.key, [medians[figure.key]])
            told = [number(one) for one in (medians[figure.key], min(each), max(each))]
            figures.add_row(figure.name, *told, figure.unit)
    console.print(figures)
    goals = Table("what", "held against", "found", "wanted", "", title="To reach")
    for goal, found, reached in judged(medians):
        goals.add_row(*_words(goal, found), "[green]yes[/]" if reached else "[red]no[/]")
    console.print(goals)


def judged(medians: Mapping[str, float]) -> list[tuple[Goal, float, bool]]:
    """Each goal that was measured, what was found, and whether it is reached."""
    values = [(goal, goal.value(medians)) for goal in GOALS]
    return [(goal, value, goal.reached(value)) for goal, value in values if value is not None]


def markdown(samples: Samples, machine: Mapping[str, object]) -> str:
    """The two tables for a page."""
    medians = samples.medians()
    lines = ["| what | held against | found | wanted | reached |", "|---|---|---|---|---|"]
    for goal, found, reached in judged(medians):
        lines.append(f"| {' | '.join(_words(goal, found))} | {'yes' if reached else '**no**'} |")
    lines += ["", "| figure | median | unit |", "|---|---|---|"]
    for figure in FIGURES:
        if figure.key in medians:
            lines.append(f"| {figure.name} | {number(medians[figure.key])} | {figure.unit} |")
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([*lines, "", f"Measured on: {told}.", ""])


def machine() -> dict[str, object]:
    """What it was measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": psutil.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load before": round(os.getloadavg()[0], 1),
    }


def write(folder: Path, samples: Samples, where: Mapping[str, object], **told: object) -> None:
    """bench.json with everything, and bench.md."""
    folder.mkdir(parents=True, exist_ok=True)
    medians = samples.medians()
    goals = [
        {
            "what": NAMES[goal.key].name,
            "over": goal.over,
            "found": found,
            "wanted": goal.wanted,
            "reached": reached,
        }
        for goal, found, reached in judged(medians)
    ]
    measured = {"medians": medians, "samples": dict(samples.by_key), "goals": goals}
    document = {"machine": where, **told, **measured}
    (folder / "bench.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    (folder / "bench.md").write_text(markdown(samples, where))


def _words(goal: Goal, found: float) -> tuple[str, str, str, str]:
    unit = "×" if goal.over else NAMES[goal.key].unit
    over = NAMES[goal.over].name if goal.over else ""
    return NAMES[goal.key].name, over, f"{number(found)} {unit}", goal.wanted


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
