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

console = Console(stderr=True)


@click.command()
@click.option("--quick", is_flag=True, help="About 3 minutes instead of 20; two books.")
@click.option("--no-growth", is_flag=True, help="Leaves out the books of different sizes.")
@click.option("--rounds", type=int, help="How often everything is measured.")
def main(quick: bool, no_growth: bool, rounds: int | None) -> None:
    """Measures ours, the tutorial peer and Postgres itself in turns; writes bench/out."""
    pace = QUICK if quick else FULL
    give_up_after(pace.most_s)
    samples, where, began = Samples(), machine(), time.monotonic()
    with servers() as running:
        console.print("Postgres and Valkey are up")
        cpu = _side_by_side(running, pace, samples, rounds or pace.rounds)
        if not no_growth:
            measure_growth(running, pace.books, samples, console.print)
    OUT.mkdir(parents=True, exist_ok=True)
    write(OUT, samples, {"machine": where, "cpu_percent": cpu, "took_s": time.monotonic() - began})
    draw(samples.medians(), OUT / "bench.png")
    show(Console(), samples)
    shares = ", ".join(f"{name} {share} %" for name, share in cpu.items())
    console.print(f"Processor time during single earns: {shares}")
    console.print(f"{time.monotonic() - began:.0f} s; see {OUT}")
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
