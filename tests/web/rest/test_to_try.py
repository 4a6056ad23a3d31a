"""What the page of the API offers to try does what it says."""

from __future__ import annotations

from loyalty.clock import wall_clock
from tests.web.rest.caller import Caller

_GRACE = "/programs/{program}/members/{member_id}"
#: What is tried, in this order, and what comes of it.
_TRIED = {
    "/programs": 201,
    "/programs/{program}/members": 201,
    "/programs/{program}/earns": 202,
    "/programs/{program}/returns": 202,
    f"{_GRACE}/adjustments": 201,
    f"{_GRACE}/redemptions": 201,
}


def test_every_example_of_a_body_is_taken(call: Caller) -> None:
    paths = call.client.get("/openapi.json").json["paths"]  # type: ignore[index]
    examples = {
        path.removeprefix("/v1"): told["post"]["requestBody"]["content"].get("application/json", {})
        for path, told in paths.items()
        if "requestBody" in told.get("post", {})
    }
    shown = {path: body["example"] for path, body in examples.items() if "example" in body}
    assert shown.keys() == _TRIED.keys()
    for path, status in _TRIED.items():
        body = {**shown[path]}
        if "occurred_at" in body:
            body["occurred_at"] = wall_clock().isoformat()  # as the page does
        there = path.format(program="bakery", member_id="grace")
        answer = call("POST", there, body, Idempotency_Key=path)
        assert answer.status == status, (path, answer.raw)
