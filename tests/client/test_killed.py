"""The web process is killed while shops post and members spend: the client goes on regardless."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from loyalty_client import Loyalty, NewMember, Patience
from tests.client.given import bought
from tests.scenarios.door import opened_door
from tests.stack import Stack, until

_THREADS, _EACH = 6, 15


@pytest.mark.timeout(180)
def test_a_killed_web_process_costs_time_and_nothing_else(stack: Stack) -> None:
    door = opened_door(stack)
    door.open_program("wine")
    patience = Patience(total_s=60, first_pause_s=0.05, longest_pause_s=0.5)
    half, done = threading.Event(), list[str]()
    with Loyalty(door.base_url, door.token, patience=patience) as loyalty:
        wine = loyalty.program("wine")
        wine.enrol(NewMember("ada"))
        wine.adjust("ada", 1000, "a gift")

        def trade(_: int) -> None:
            for _ in range(_EACH):
                done.append(wine.earn(bought("10")).id)
                done.append(wine.redeem("ada", points=1).id)
                if len(done) > _THREADS * _EACH // 2:
                    half.set()

        with ThreadPoolExecutor(_THREADS) as threads:
            trading = [threads.submit(trade, number) for number in range(_THREADS)]
            assert half.wait(60)
            stack.web.kill()
            stack.web.start()
            for one in trading:
                one.result()
        count = _THREADS * _EACH
        assert len(set(done)) == 2 * count
        expected = 1000 + 10 * count - count
        until(lambda: wine.member("ada").points.available >= expected, "all to be awarded", 60)
        assert wine.member("ada").points.available == expected
        assert len(list(wine.statement("ada"))) == 1 + 2 * count
