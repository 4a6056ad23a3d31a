"""A key that is bound to sources sees and retries what they told, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.web.rest.caller import Caller, Told
from tests.web.rest.test_earns import EARNS, bought


@dataclass(frozen=True, slots=True)
class _Key:
    """Calls with an API key."""

    call: Caller
    bearer: str

    def __call__(self, method: str, path: str) -> Told:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        answer = self.call.client.open(f"/v1{path}", method=method, headers=headers)
        return Told(answer.status_code, answer.json, answer.headers, answer.data)


@pytest.fixture
def till(wine: Caller) -> _Key:
    """A key that speaks for the till alone."""
    order = {"name": "till", "role": "server", "sources": ["till"]}
    return _Key(wine, wine("POST", "/api-keys", order).body["key"])


@pytest.fixture
def ids(wine: Caller) -> dict[str, str]:
    """A purchase of the till, and one of the shop, both parked: nobody knows zoe."""
    return {
        source: wine("POST", EARNS, bought(f"t-{source}", source, member_id="zoe")).body["id"]
        for source in ("till", "shop")
    }


def test_it_reads_what_its_sources_told(till: _Key, ids: dict[str, str]) -> None:
    assert till("GET", f"/earns/{ids['till']}").body["id"] == ids["till"]
    assert till("GET", f"/earns/{ids['shop']}").refusal == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["till"]),
        ("?source=till", ["till"]),
        ("?source=shop", []),
        ("?source=shop&transaction_id=t-shop", []),
        ("?status=accepted", ["till"]),
        ("?member_id=zoe", ["till"]),
    ],
)
def test_it_lists_what_its_sources_told(
    wine: Caller, till: _Key, ids: dict[str, str], query: str, found: list[str]
) -> None:
    assert [one["id"] for one in till("GET", f"{EARNS}{query}").body["data"]] == [
        ids[source] for source in found
    ]
    assert len(wine("GET", EARNS).body["data"]) == 2


def test_it_retries_what_its_sources_told(till: _Key, ids: dict[str, str]) -> None:
    assert till("POST", f"/earns/{ids['till']}/retry").refusal == (409, "not_set_back")
    assert till("POST", f"/earns/{ids['shop']}/retry").refusal == (404, "not_found")
