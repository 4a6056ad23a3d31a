"""What is measured, what it is measured against, and what is to be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from bench.load import percentile


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. `ours` are the house's own; the others are what it is held against."""

    key: str
    name: str
    unit: str = "/s"
    ours: bool = False


FIGURES = (
    Figure("noop", "a. no-op: authenticates and validates an earn"),
    Figure("peer.accepted", "b. tutorial peer: accepted"),
    Figure("peer.credited", "b. tutorial peer: accepted and credited"),
    Figure("limit.sets.1", "c. Postgres: sets of 500, 1 connection"),
    Figure("limit.sets.2", "c. Postgres: sets of 500, 2 connections"),
    Figure("limit.sets", "c. Postgres: sets of 500, the best of them"),
    Figure("limit.single.1", "c. Postgres: one at a time, 1 connection"),
    Figure("limit.single.2", "c. Postgres: one at a time, 2 connections"),
    Figure("pgbench.many", "c. pgbench: burns, many members"),
    Figure("pgbench.hot", "c. pgbench: burns, one hot member"),
    Figure("earns.accepted", "d. single earns: accepted", ours=True),
    Figure("earns.credited", "d. single earns: accepted and credited", ours=True),
    Figure("batches.accepted", "d. batches of 500: accepted", ours=True),
    Figure("batches.credited", "d. batches of 500: accepted and credited", ours=True),
    Figure("burns.many", "d. burns, many members", ours=True),
    Figure("burns.hot", "d. burns, one hot member", ours=True),
    Figure("balances", "d. balance reads", ours=True),
    Figure("wait.p50", "d. accepted to credited at 80% load, p50", "ms", ours=True),
    Figure("wait.p99", "d. accepted to credited at 80% load, p99", "ms", ours=True),
    Figure("burns.loaded.p50", "d. burn during full award load, p50", "ms", ours=True),
    Figure("burns.loaded.p99", "d. burn during full award load, p99", "ms", ours=True),
    Figure("cost.10000", "e. cost of an earn at 10 thousand entries", "µs", ours=True),
    Figure("cost.1000000", "e. cost of an earn at 1 million entries", "µs", ours=True),
    Figure("cost.5000000", "e. cost of an earn at 5 million entries", "µs", ours=True),
    Figure("bytes.stored", "e. stored for an earn, with indices", "bytes", ours=True),
    Figure("bytes.log", "e. written to the log for an earn", "bytes", ours=True),
)
NAMES = {figure.key: figure for figure in FIGURES}


@dataclass(frozen=True, slots=True)
class Goal:
    """`key`, alone or as a ratio to `over`, is to be at least or at most so much."""

    key: str
    over: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def value(self, medians: Mapping[str, float]) -> float | None:
        """The figure or the ratio; None when a part of it was not measured."""
        if self.key not in medians or (self.over and not medians.get(self.over)):
            return None
        return medians[self.key] / (medians[self.over] if self.over else 1)

    def reached(self, value: float) -> bool:
        """Whether it is as good as it is to be."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is None or value <= self.at_most

    @property
    def wanted(self) -> str:
        """`≥ 5 ×`, `≤ 250 ms`."""
        sign, limit = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {limit:g} {'×' if self.over else NAMES[self.key].unit}"


GOALS = (
    Goal("earns.credited", "peer.credited", at_least=5),
    Goal("earns.credited", "noop", at_least=0.35),
    Goal("batches.credited", "limit.sets", at_least=0.5),
    Goal("burns.many", "pgbench.many", at_least=0.25),
    Goal("burns.hot", "pgbench.hot", at_least=0.25),
    Goal("balances", "noop", at_least=0.4),
    Goal("wait.p99", at_most=250),
    Goal("burns.loaded.p99", at_most=100),
    Goal("cost.5000000", "cost.10000", at_most=1.2),
)


@dataclass(slots=True)
class Samples:
    """What each round measured, by the key of the figure."""

    by_key: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, key: str, value: float) -> None:
        """One more sample. Raises KeyError for a figure that is not listed."""
        self.by_key[NAMES[key].key].append(value)

    def medians(self) -> dict[str, float]:
        """The median of each figure over the rounds; the best way to write sets is the limit."""
        found = {key: median(values) for key, values in self.by_key.items()}
        ways = [found[key] for key in ("limit.sets.1", "limit.sets.2") if key in found]
        return {**found, **({"limit.sets": max(ways)} if ways else {})}


def add_latencies(samples: Samples, key: str, latencies_s: list[float]) -> None:
    """p50 and p99 of latencies in seconds, as milliseconds."""
    for percent in (50, 99):
        samples.add(f"{key}.p{percent}", percentile(latencies_s, percent) * 1000)
