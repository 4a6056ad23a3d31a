"""`make faults`: every kind of fault, many times, and the table of what came of it.

Not collected by its name: it takes a quarter of an hour, more with ROUNDS set higher.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.in_hand import kill_valkey_with_purchases_in_hand
from tests.faults.kinds import KINDS
from tests.faults.rig import rig
from tests.faults.rounds import CREDITED_WITHIN_S, heading, line, quantile, strike

ROUNDS = int(os.environ.get("ROUNDS", "5"))


@pytest.mark.timeout(0)
def test_nothing_accepted_is_lost_doubled_or_failed() -> None:
    print(f"\n{heading()}")
    everything = []
    with rig() as made:
        for number in range(2 * ROUNDS):
            kill_valkey_with_purchases_in_hand(made, 1 + number % 2)
        for kind in KINDS:
            outcomes = [strike(made, kind, goes_on=bool(one % 2)) for one in range(ROUNDS)]
            print(line(kind, outcomes), flush=True)
            everything += outcomes
    print(line("all", everything))
    waits = sorted(one for outcome in everything for one in outcome.back_to_credited_s)
    assert quantile(waits, 0.99) <= CREDITED_WITHIN_S
