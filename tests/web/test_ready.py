"""Over real processes: what `/readyz` says of them, and what `/metrics` adds up."""

from __future__ import annotations

from tests.stack import Stack, until


def test_a_worker_and_beat_are_heard_of(stack: Stack) -> None:
    def told() -> dict[str, str]:
        answer: dict[str, str] = stack.http.get(f"{stack.base_url}/readyz", timeout=5).json()
        return answer

    until(lambda: told()["worker"] == "ok", "the award worker to say that it lives")
    stack.sweeper.start()
    stack.tick("ops.heartbeat")
    until(lambda: told()["beat"] == "ok", "the sweeper to do what beat would ask for")
    assert told() == {
        "status": "ok",
        "postgres": "ok",
        "redis": "ok",
        "worker": "ok",
        "beat": "ok",
    }
