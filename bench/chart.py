"""The chart for the README: how many a second, ours beside what it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.figures import NAMES

_BARS = (
    "peer.credited",
    "earns.credited",
    "noop",
    "balances",
    "pgbench.hot",
    "burns.hot",
    "pgbench.many",
    "burns.many",
    "limit.single.2",
    "limit.sets",
    "batches.credited",
)
_OURS, _OTHERS = "#1b7f5c", "#b8c4c2"


def draw(medians: Mapping[str, float], file: Path) -> None:
    """Horizontal bars on a scale of tens: what is ours in colour."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    keys = [key for key in reversed(_BARS) if key in medians]
    values = [medians[key] for key in keys]
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(keys) + 0.9), dpi=160)
    bars = axes.barh(
        [NAMES[key].name.partition(". ")[2] for key in keys],
        values,
        color=[_OURS if NAMES[key].ours else _OTHERS for key in keys],
    )
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=4, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.set_xlabel(f"a second, on {psutil.cpu_count()} cores with everything on them", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    figure.savefig(file)
    pyplot.close(figure)
