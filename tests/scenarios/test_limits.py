"""Stories of limits, of promotions that meet, and of looking before one buys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.scenarios.door import Door, purchase


def publish(door: Door, key: str, rule: dict[str, Any]) -> None:
    """A promotion of the program "wine", in force from now on."""
    path = "/programs/wine/promotions"
    answer = door.call("POST", path, {"key": key, "name": key, "rule": rule})
    assert answer.status_code == 201, answer.text
    answer = door.call("POST", f"{path}/{key}/publish")
    assert answer.status_code == 200, answer.text


def earned(door: Door, amount: str, at: datetime, member_id: str = "ann") -> dict[str, Any]:
    """What became of a purchase, once it is judged."""
    answer = door.buy(member_id, amount, at=at)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def months(sandbox: Door) -> tuple[datetime, datetime]:
    """The middle of two months that follow each other; the second is the present."""
    start = sandbox.now()
    first = (start.replace(day=1) + timedelta(days=32)).replace(day=15)
    second = (first.replace(day=1) + timedelta(days=32)).replace(day=15)
    sandbox.advance(f"P{(second - start).days + 1}D")
    return first, second


def test_a_cap_of_the_month_is_used_up_when_a_late_purchase_of_that_month_comes(
    sandbox: Door,
) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    sandbox.enrol("bob")
    limits = [{"of": "member", "per": "month", "points": 50}]
    rates = {"USD": {"points": 1, "per": "1"}}
    publish(sandbox, "capped", {"rates": rates, "instead": True, "limits": limits})
    first, second = months(sandbox)

    assert earned(sandbox, "30", first)["points"] == 30
    cut = earned(sandbox, "30", first)
    assert (cut["points"], cut["explanation"]["given"][1]["would_be"]) == (20, 30)
    assert earned(sandbox, "30", second)["points"] == 30
    late = earned(sandbox, "10", first + timedelta(days=1))
    assert (late["status"], late["points"]) == ("awarded", 0)
    assert (
        "the limit of 50 points a month for each member is used up"
        in (late["explanation"]["sentence"])
    )
    assert earned(sandbox, "10", second)["points"] == 10
    assert earned(sandbox, "30", first, "bob")["points"] == 30
    assert sandbox.standing("ann")[0] == 90


def test_what_comes_back_frees_what_it_used_of_a_limit(sandbox: Door) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    limits = [
        {"of": "member", "per": "month", "points": 50},
        {"of": "everyone", "per": "ever", "points": 50},
    ]
    publish(sandbox, "capped", {"fixed": 50, "instead": True, "limits": limits})
    at = sandbox.now()
    first = purchase("ann", "10", at)
    assert sandbox.post(first).json()["points"] == 50
    assert earned(sandbox, "10", at)["points"] == 0
    returned = sandbox.call(
        "POST",
        "/programs/wine/returns",
        {
            "source": first["source"],
            "transaction_id": first["transaction_id"],
            "return_id": "r-1",
        },
        Prefer="wait=10",
    )
    assert returned.status_code == 200, returned.text
    assert sandbox.standing("ann")[0] == 0
    assert earned(sandbox, "10", at)["points"] == 50


def test_why_37_points_and_why_none(sandbox: Door) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    publish(
        sandbox, "double", {"multiplier": "2", "multiplies": "standing", "when": {"sku": ["rye"]}}
    )
    publish(sandbox, "first", {"fixed": 3, "when": {"first_purchase": True}})
    at = sandbox.now()
    lines = {
        "items": [
            {"line_id": "1", "sku": "rye", "amount": "12.60"},
            {"line_id": "2", "sku": "wine", "amount": "10"},
        ]
    }
    told = sandbox.post({**purchase("ann", "22.60", at), **lines}).json()
    assert (told["points"], told["explanation"]["sentence"]) == (
        37,
        "Earn rate: 22.60 USD at 1 point per 1 USD: 22 points (a remainder of 0.6 was rounded"
        " away). double: 12 points times 2: 12 points more. first: For the purchase: 3 points.",
    )
    assert [share.get("lines") for share in told["explanation"]["given"]] == [
        {"1": 12, "2": 10},
        {"1": 12},
        {"1": 2, "2": 1},
    ]
    none = earned(sandbox, "0.50", at)
    assert none["points"] == 0
    assert [share["sentence"] for share in none["explanation"]["given"]] == [
        "0.50 USD at 1 point per 1 USD: 0 points (a remainder of 0.5 was rounded away).",
        "Nothing: it applies only if the product is rye.",
        "Nothing: it applies only if it is the member's first purchase.",
    ]


def test_a_dry_run_at_a_chosen_time_and_with_a_draft_writes_nothing(sandbox: Door) -> None:
    sandbox.open_program("wine")
    sandbox.enrol("ann")
    at = sandbox.now() + timedelta(days=40)
    path = "/programs/wine/promotions"
    when = {"dates": {"from": at.date().isoformat()}}
    draft = {"key": "later", "name": "Later", "rule": {"fixed": 7, "when": when}}
    assert sandbox.call("POST", path, draft).status_code == 201

    def tried(query: str, occurred_at: datetime) -> tuple[int, Any]:
        body = purchase("ann", "10", occurred_at)
        answer = sandbox.call("POST", f"/programs/wine/earns?{query}", body)
        return answer.status_code, answer.json()

    soon = at.isoformat().replace("+00:00", "Z")
    assert tried("dry_run=true", sandbox.now())[1]["points"] == 10
    status, told = tried("dry_run=true", at)
    assert (status, told["errors"][0]["code"]) == (422, "in_the_future")
    assert tried(f"dry_run=true&now={soon}", at)[1]["points"] == 10
    assert tried(f"dry_run=true&now={soon}&drafts=later", at)[1]["points"] == 17
    assert tried("dry_run=true&drafts=later", sandbox.now())[1]["points"] == 10
    status, told = tried("dry_run=true&drafts=never", sandbox.now())
    assert (status, told["errors"][0]) == (
        422,
        {"pointer": "?drafts", "code": "no_draft", "detail": "No version of 'never' is a draft."},
    )
    status, told = tried(f"now={soon}", sandbox.now())
    assert (status, told["errors"][0]["pointer"]) == (422, "?now")
    assert sandbox.standing("ann")[0] == 0
