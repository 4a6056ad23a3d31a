"""Each sort of fault once, under load: nothing accepted is lost, doubled or failed.

One test, so that one worker of the test run has the one rig.
"""

from __future__ import annotations

import pytest

from tests.faults.in_hand import kill_valkey_with_purchases_in_hand
from tests.faults.kinds import SHORT
from tests.faults.rig import rig
from tests.faults.rounds import CREDITED_WITHIN_S, heading, line, quantile, strike


@pytest.mark.timeout(400)  # a minute on a machine of its own
def test_nothing_accepted_is_lost_doubled_or_failed() -> None:
    print(f"\n{heading()}")
    with rig() as made:
        kill_valkey_with_purchases_in_hand(made, 1)
        for kind, goes_on in SHORT.items():
            outcome = strike(made, kind, goes_on=goes_on)
            print(line(kind, [outcome]))
            assert quantile(outcome.back_to_credited_s, 0.99) <= CREDITED_WITHIN_S, kind
