"""`python -m bench`: measures this machine, everything side by side in one run."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import click
from rich.console import Console

from bench.burn_limits import BurnLimits
from bench.chart import draw
from bench.cpu import Cpu
from bench.figures import Samples
from bench.growth import measure_growth
from bench.house import House
from bench.limits import Limits
from bench.report import judged, machine, show, write
from bench.rival import Rival
from bench.servers import OUT, Servers, give_up_after, servers
from bench.stages import FULL, QUICK, Pace, Stages
from loyalty.cli.parts import ROOT

console = Console(stderr=True)


@click.command()
@click.option("--quick", is_flag=True, help="About 3 minutes, and no books of different sizes.")
@click.option("--rounds", type=int, help="How often everything is measured; 0: only the books.")
def main(quick: bool, rounds: int | None) -> None:
    """Measures ours, the tutorial peer and Postgres itself in turns; writes bench/out."""
    pace = QUICK if quick else FULL
    give_up_after(pace.most_s)
    samples, where, began = Samples(), machine(), time.monotonic()
    with servers() as running:
        console.print("Postgres and Valkey are up")
        count = pace.rounds if rounds is None else rounds
        cpu = _side_by_side(running, pace, samples, count) if count else {}
        if pace.books:
            measure_growth(running, pace.books, samples, console.print)
    write(OUT, samples, where, cpu_percent=cpu, took_s=time.monotonic() - began)
    if count:
        draw(samples.medians(), OUT / "bench.png")
    show(Console(), samples)
    if cpu:
        shares = ", ".join(f"{name} {share} %" for name, share in cpu.items())
        console.print(f"Processor time during single earns: {shares}")
    console.print(f"{time.monotonic() - began:.0f} s; see {OUT.relative_to(ROOT)}")
    sys.exit(0 if all(reached for *_, reached in judged(samples.medians())) else 1)


def _side_by_side(running: Servers, pace: Pace, samples: Samples, rounds: int) -> dict[str, int]:
    """Rounds of all that is compared; returns who used the processors during single earns."""
    house, rival = House(running), Rival(running)
    with ExitStack() as at_the_end:
        at_the_end.callback(house.stop)
        at_the_end.callback(rival.stop)
        rival.start()
        house.start()
        stages = _stages(running, house, rival, pace, samples)
        at_the_end.callback(stages.limits.close)
        console.print("ours and the peer are up; warming up")
        stages.warm_up()
        for number in range(1, rounds + 1):
            rival.database.tidy()
            house.database.tidy()
            begun = time.monotonic()
            stages.round()
            took_s = time.monotonic() - begun
            console.print(f"round {number} of {rounds}: {took_s:.0f} s")
        return stages.cpu.shares()


def _stages(running: Servers, house: House, rival: Rival, pace: Pace, samples: Samples) -> Stages:
    shop, sets, burned = house.shop("ours"), house.shop("sets"), house.shop("burned")
    [(first, last)] = house.database.rows(
        "SELECT min(id), max(id) FROM account WHERE tenant_id = %s", burned.tenant_id
    )
    app_url = house.env["DATABASE_URL"]
    pids = {name: process.pid for name, process in house.processes.running.items()}
    pids |= running.pids()
    return Stages(
        house,
        rival,
        shop,
        Limits(app_url, sets.tenant_id, sets.program_id),
        BurnLimits(app_url, burned.tenant_id, burned.program_id, first, last),
        pace,
        samples,
        Cpu(pids),
    )


if __name__ == "__main__":
    main()
