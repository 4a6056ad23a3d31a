"""Each fault once, under load: nothing that was accepted is lost, doubled or failed."""

from __future__ import annotations

import pytest

from tests.faults.kinds import KINDS
from tests.faults.rig import rig
from tests.faults.rounds import heading, line, quantile, strike

#: Those whose recovery takes seconds, and that others of the list contain.
LONG = {"worker killed", "web's parent killed", "Valkey emptied, worker killed"}


@pytest.mark.timeout(300)
def test_nothing_accepted_is_lost_doubled_or_failed() -> None:
    print()
    print(heading())
    with rig() as made:
        for kind in [one for one in KINDS if one not in LONG]:
            outcome = strike(made, kind)
            print(line(kind, [outcome]), dict(outcome.tried_again), flush=True)
            assert quantile(outcome.back_to_credited_s, 0.99) <= 10
