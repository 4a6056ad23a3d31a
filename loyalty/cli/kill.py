"""`loyalty demo --kill`: under load the worker is killed; accepted and credited are compared."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from loyalty.cli.console import say
from loyalty.cli.load import Load, in_parallel, prepare, wait_until_awarded
from loyalty.cli.surroundings import Stack
from loyalty.cli.trouble import Trouble

_MEMBERS, _PURCHASES, _THREADS = 50, 2000, 32


def kill_under_load(stack: Stack, tenant: str) -> None:
    """Posts purchases of a point each and kills the worker in the middle.

    Raises Trouble when what was credited is not what was accepted.
    """
    pid, _ = stack.processes.get("worker", (0, 0.0))
    if not pid:
        raise Trouble("Only a stack of `loyalty up` on this machine has a worker to kill.")
    run = prepare(stack.url, tenant, _MEMBERS)
    posts = [run.members[number % _MEMBERS] for number in range(_PURCHASES)]
    killed_at: list[float] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        in_parallel(pool, run.enrol, run.members, lambda: None)
        say(f"  {_PURCHASES} purchases of 1 point over HTTP, from {_THREADS} connections …")
        killer = threading.Thread(target=_kill_half_way, args=(run, pid, killed_at), daemon=True)
        killer.start()
        in_parallel(pool, lambda member: run.buy(member, 1), posts, lambda: None)
        killer.join()
        credited = wait_until_awarded(run, pool, len(run.accepted))
    took_s = time.monotonic() - killed_at[0]
    accepted = len(run.accepted)
    if credited != accepted:
        raise Trouble(f"accepted {accepted:,} ≠ credited {credited:,}: see `loyalty audit`.")
    say(f"[bold green]✓[/] accepted {accepted:,} = credited {credited:,}")
    say(f"  {took_s:.1f} s from the kill until the last of them was credited")


def _kill_half_way(run: Load, pid: int, killed_at: list[float]) -> None:
    while len(run.accepted) < _PURCHASES // 2:
        time.sleep(0.005)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError) as error:
        say(f"  the worker {pid} could not be killed: {error.strerror}")
    killed_at.append(time.monotonic())
    say(f"  SIGKILL to the worker (process {pid}) after {len(run.accepted):,} were accepted")
