"""Re-evaluations over HTTP; batches are done by hand where a worker takes over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from loyalty.clock import wall_clock
from loyalty.tasks.re_evaluations import batch
from tests.web.rest.caller import Caller, Told
from tests.web.rest.test_returns import judged

RUNS = "/programs/wine/re-evaluations"
FIXED = {"key": "gift", "name": "Gift", "rule": {"fixed": 3}}


def ask(wine: Caller, key: str = "k-1", **changed: Any) -> Told:
    """A run over today, by the draft of a promotion that gives 3 more."""
    at = wall_clock()
    body = {
        "reason": "we had promised it",
        "from": (at - timedelta(days=1)).isoformat(),
        "until": (at + timedelta(days=1)).isoformat(),
        "promotion": "gift",
        "version": 1,
        **changed,
    }
    return wine("POST", RUNS, body, Idempotency_Key=key)


def finished(wine: Caller, run_id: str) -> Any:
    while batch(wine.tenant.id, UUID(run_id)) == "running":
        pass
    return wine("GET", f"/re-evaluations/{run_id}").body


def test_a_run_is_started_told_and_lists_what_it_corrected(wine: Caller) -> None:
    earn_id = judged(wine)
    assert wine("POST", "/programs/wine/promotions", FIXED).status == 201
    tried = ask(wine, "k-0", dry_run=True)
    assert (tried.status, tried.body["status"]) == (202, "running")
    assert finished(wine, tried.body["id"])["given"] == 3
    told = finished(wine, ask(wine).body["id"])
    assert (told["status"], told["looked"], told["corrected"]) == ("done", 1, 1)
    assert (told["given"], told["taken"], told["reason"]) == (3, 0, "we had promised it")
    [correction] = wine("GET", f"/re-evaluations/{told['id']}/corrections").body["data"]
    assert (correction["earn_id"], correction["points"]) == (earn_id, 15)
    assert (correction["difference"], correction["moved"]) == (3, 3)
    [entry, _] = wine("GET", "/programs/wine/members/ann/entries").body["data"]
    assert entry["text"] == "3 points given: we had promised it"
    assert f"{correction['entries'][0]}".endswith(f"-{entry['id']}".rpartition("-")[2])
    earn = wine("GET", f"/earns/{earn_id}").body
    assert (earn["points"], earn["points_corrected"]) == (12, 3)
    listed = wine("GET", RUNS, role="finance").body["data"]
    assert [one["id"] for one in listed] == [told["id"], tried.body["id"]]


def test_the_same_key_starts_one_run(wine: Caller) -> None:
    assert wine("POST", "/programs/wine/promotions", FIXED).status == 201
    at = {"from": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    first, again = ask(wine, **at), ask(wine, **at)
    assert (again.status, again.body) == (202, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ask(wine, version=2, **at).refusal == (422, "idempotency_mismatch")
    assert wine("POST", RUNS, {"reason": "x", **at}).refusal == (400, "idempotency_key_missing")


def test_a_run_is_stopped_once(wine: Caller, stranger: Caller) -> None:
    assert wine("POST", "/programs/wine/promotions", FIXED).status == 201
    path = f"/re-evaluations/{ask(wine).body['id']}"
    assert stranger("GET", path).refusal == (404, "not_found")
    assert stranger("POST", f"{path}/stop").refusal == (404, "not_found")
    assert wine("POST", f"{path}/stop", role="operator").body["status"] == "stopped"
    assert wine("POST", f"{path}/stop").refusal == (409, "not_running")
    assert ask(wine, "k-2", promotion="none").refusal == (404, "not_found")
