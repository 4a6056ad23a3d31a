"""Memory of each process under load: after 10 minutes at most 1.1 × that after 2.

`python -m bench.memory`; `--minutes` shortens it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from time import monotonic, time

import click
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from bench import purchases
from bench.house import House, Shop
from bench.load import Stream, run
from bench.servers import OUT, Servers, give_up_after, servers, until
from loyalty.cli import parts
from loyalty.embedded.valkey import free_port

_MOST = 1.1
_LOAD = 0.5  # of what is kept up with: no queue grows, and none leaves the mark of its height
_BESIDE = 2000.0  # earns a second, about, when the first guess is made
_MIB = 1 << 20
_MOMENT_S = 30


@click.command()
@click.option("--minutes", default=10.0, help="How long the load lasts.")
def main(minutes: float) -> None:
    """Loads a stack with earns, burns and reads; compares private memory early and late."""
    give_up_after(int(minutes * 60) + 600)
    console = Console()
    with servers() as running, ExitStack() as at_the_end:
        house = House(running)
        at_the_end.callback(house.stop)
        house.start()
        house.processes.start(parts.flower(free_port(), write=False))
        shop = house.shop("ours")
        house.database.tidy()
        rate = _LOAD * _rate(house, shop)
        console.print(f"{rate:.0f} earns a second for {minutes:g} minutes")
        early = _load(house, shop, rate, minutes * 60 * 0.2)
        before = _memory(house, running)
        late = _load(house, shop, rate, minutes * 60 * 0.8)
        after = _memory(house, running)
    worst = _show(console, before, after)
    told = {"minutes": minutes, "before": before, "after": after, "earns": early + late}
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "memory.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    sys.exit(0 if worst <= _MOST else 1)


def _rate(house: House, shop: Shop) -> float:
    """Single earns credited a second while others burn and read, as a first guess."""
    earns, *others = _streams(shop, None, _BESIDE)
    began = monotonic()
    run(house.address, [earns, *others], 10)
    until(house.is_done, "the credits", 120)
    return earns.expect(202).answered / (monotonic() - began)


def _load(house: House, shop: Shop, rate: float, seconds: float) -> int:
    """Earns, burns and reads for so long; how many earns."""
    streams = _streams(shop, rate, rate)
    run(house.address, streams, seconds)
    for stream, status in zip(streams, (202, 200, 201), strict=True):
        stream.expect(status)
    return streams[0].answered


def _streams(shop: Shop, rate: float | None, beside: float) -> list[Stream]:
    """Earns at a rate, or as many as there can be; and what goes on beside so many earns."""
    return [
        Stream(_endless(lambda: purchases.earns(100, shop.key)), 64, rate),
        Stream(_endless(lambda: purchases.balances(100, shop.key)), 8, beside / 10),
        Stream(_endless(lambda: purchases.burns(100, shop.key, _EVERYBODY)), 8, beside / 20),
    ]


def _memory(house: House, running: Servers) -> dict[str, float]:
    """Private MiB of each process, by part and rank; a server is one with all its processes, but
    for those of a moment: what writes Valkey's file anew is a copy of it."""
    found: dict[str, float] = defaultdict(float)
    for name, process in house.processes.running.items():
        root = psutil.Process(process.pid)
        found[name] = _private(root)
        for rank, child in enumerate(sorted(root.children(recursive=True), key=_age), 1):
            found[f"{name} child {rank}"] = _private(child)
    for name, pid in running.pids().items():
        root = psutil.Process(pid)
        lasting = [one for one in root.children(recursive=True) if time() - _age(one) > _MOMENT_S]
        found[name] = sum(map(_private, (root, *lasting)))
    return dict(found)


def _private(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_full_info().uss / _MIB)
    return 0.0


def _age(process: psutil.Process) -> float:
    return float(process.create_time())


def _show(console: Console, before: dict[str, float], after: dict[str, float]) -> float:
    """The table; returns the worst ratio."""
    table = Table("process", "early, MiB", "late, MiB", "ratio", title="Private memory")
    worst = 0.0
    for name, early in before.items():
        late = after.get(name, 0.0)
        ratio = late / early if early else 1.0
        worst = max(worst, ratio)
        table.add_row(name, f"{early:.1f}", f"{late:.1f}", f"{ratio:.2f}")
    console.print(table)
    console.print(f"worst ratio {worst:.2f}, wanted ≤ {_MOST}")
    return worst


_EVERYBODY = [purchases.member_id(number) for number in range(1, purchases.MEMBERS + 1)]


def _endless(more: purchases.Maker) -> Iterator[bytes]:
    while True:
        yield from more()


if __name__ == "__main__":
    main()
