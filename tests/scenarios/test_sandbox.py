"""Stories of a sandbox, whose clock goes as fast as one likes."""

from __future__ import annotations

from datetime import timedelta

from tests.scenarios.door import Door, purchase
from tests.stack import Stack, until


def test_advances__buys__has_happened_then(sandbox: Door) -> None:
    sandbox.open_program()
    sandbox.enrol("ann")
    before = sandbox.now()
    after = sandbox.advance("P30D")
    assert timedelta(days=30) <= after - before < timedelta(days=30, seconds=30)
    assert sandbox.post(purchase("ann", "5", after)).json()["status"] == "awarded"
    [entry] = sandbox.entries("ann")
    assert entry["recorded_at"] >= after.isoformat()[:19]
    ahead = sandbox.call(
        "POST", "/programs/wine/earns", purchase("ann", "5", after + timedelta(days=1))
    )
    assert ahead.json()["errors"][0]["code"] == "in_the_future"


def test_live__advances__is_refused(door: Door) -> None:
    refused = door.call("POST", "/test-clock", {"advance": "P30D"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_sandbox")
    told = door.call("GET", "/test-clock").json()
    assert (told["sandbox"], told["ahead_s"]) == (False, 0)


def test_what_is_no_duration__advances__is_refused(sandbox: Door) -> None:
    for given in ("P", "PT", "30D", "-P1D", "P1.5D", "P0D", "PT0S", "P1DT", 30, None):
        refused = sandbox.call("POST", "/test-clock", {"advance": given})
        assert refused.status_code == 422, given
        assert refused.json()["errors"][0]["pointer"] == "/advance"


def test_advances__sent_again_with_its_key__goes_once(sandbox: Door) -> None:
    first, second = (
        sandbox.call("POST", "/test-clock", {"advance": "P1Y"}, Idempotency_Key="year")
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    other = sandbox.call("POST", "/test-clock", {"advance": "P2Y"}, Idempotency_Key="year")
    assert other.json()["code"] == "idempotency_mismatch"


def test_parked__park_window_goes_by__is_rejected(sandbox: Door) -> None:
    sandbox.open_program(park_window_days=10)
    posted = sandbox.call("POST", "/programs/wine/earns", purchase("bob", "5")).json()["id"]

    def told() -> tuple[str, str | None]:
        answer = sandbox.call("GET", f"/earns/{posted}").json()
        return answer["status"], answer.get("reason")

    until(lambda: told() == ("parked", "not_enrolled"), "the purchase to be parked")
    sandbox.advance("P11D")
    until(lambda: told() == ("rejected", "park_expired"), "time to do its work")


def test_unsettled__swept__by_its_own_clock(sandbox: Door, stack: Stack) -> None:
    sandbox.open_program()
    sandbox.enrol("ann")
    sandbox.advance("P1Y")
    stack.worker.stop()
    stack.redis.delete("award")
    posted = sandbox.call("POST", "/programs/wine/earns", purchase("ann", "5", sandbox.now()))
    stack.redis.delete("award")
    stack.worker.start()

    def status() -> str:
        stack.tick("earning.sweep")
        told: str = sandbox.call("GET", f"/earns/{posted.json()['id']}").json()["status"]
        return told

    until(lambda: status() == "awarded", "the sweep to find it", 20)
