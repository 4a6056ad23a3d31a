"""Stories of a program that is paused."""

from __future__ import annotations

from tests.scenarios.door import Door, purchase
from tests.stack import Stack, until


def test_paused__buys__waits_until_resumed(door: Door, stack: Stack) -> None:
    door.enrol("ann")
    door.buy("ann", "10")
    door.as_role("operator").call("POST", "/programs/wine/pause", {"reason": "stock-taking"})

    posted = door.call("POST", "/programs/wine/earns", purchase("ann", "5"))
    assert (posted.status_code, posted.json()["status"]) == (202, "accepted")
    burn = door.burn("ann", 1)
    assert burn.json()["balance"]["available"] == 9

    def status() -> str:
        stack.tick("earning.sweep")
        told: str = door.call("GET", f"/earns/{posted.json()['id']}").json()["status"]
        return told

    assert status() == "accepted"
    door.as_role("operator").call("POST", "/programs/wine/resume", {"reason": "done"})
    stack.sweeper.start()
    until(lambda: status() == "awarded", "the sweep to find what waited", 20)
    assert door.standing("ann") == (14, "Basic")
