"""Stories of tiers that last a while: in a sandbox, a year goes by in a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.scenarios.door import Door, purchase
from tests.stack import until

YEARLY = {"window": "rolling_12_months", "fall": "to_balance"}
DAY = timedelta(days=1)


def _open(door: Door, **policy: object) -> None:
    door.open_program("wine", tier_policy={**YEARLY, **policy})
    door.enrol("ann")


def _told(door: Door, member_id: str = "ann") -> dict[str, Any]:
    told: dict[str, Any] = door.member(member_id).json()
    return told


def _written(door: Door) -> str:
    """The tier as a search finds it: as it stands in the book, not as it would be found."""
    [found] = door.call("GET", "/programs/wine/members?q=ann").json()["data"]
    key: str = found["tier"]["key"]
    return key


def test_gold__a_year_without_a_purchase__falls(sandbox: Door) -> None:
    _open(sandbox)
    sandbox.buy("ann", "500", at=sandbox.now())
    told = _told(sandbox)
    assert (told["tier"]["key"], told["keep"]) == (
        "gold",
        {"by": told["tier"]["until"], "missing": {"points": 500}},
    )
    sandbox.advance("P6M")
    assert sandbox.standing("ann") == (500, "Gold")
    sandbox.advance("P6M4D")  # half a year after 31 August is 28 February
    assert sandbox.standing("ann") == (500, "Basic")
    until(lambda: _written(sandbox) == "basic", "the review")
    assert _told(sandbox)["next_tier"]["missing"] == {"points": 500}


def test_gold__buys_what_is_missing__keeps_it(sandbox: Door) -> None:
    _open(sandbox)
    sandbox.buy("ann", "600", at=sandbox.now())
    sandbox.advance("P360D")
    missing = _told(sandbox)["keep"]["missing"]["points"]
    assert missing == 600 - 100
    sandbox.buy("ann", "399", at=sandbox.now())  # with what is still in the window: 999
    assert _told(sandbox)["keep"]["missing"] == {"points": 101}
    sandbox.advance("P6DT1H")  # the year is over, be it a leap year
    sandbox.buy("ann", "101", at=sandbox.now())
    sandbox.advance("P1D")
    assert _told(sandbox)["tier"]["key"] == "gold"


def test_499_points__buys_for_1__is_gold_with_the_receipt(sandbox: Door) -> None:
    _open(sandbox, window="calendar_year")
    sandbox.buy("ann", "499", at=sandbox.now())
    assert sandbox.standing("ann")[1] == "Basic"
    sandbox.buy("ann", "1", at=sandbox.now())
    assert sandbox.standing("ann")[1] == "Gold"


def test_platinum__one_down__falls_a_step_a_year(sandbox: Door) -> None:
    _open(sandbox, fall="one_down")
    sandbox.buy("ann", "1000", at=sandbox.now())
    for tier in ("Gold", "Basic", "Basic"):
        sandbox.advance("P1Y1D")
        assert sandbox.standing("ann") == (1000, tier)
        until(lambda: _written(sandbox) == tier.lower(), "the review")  # noqa: B023


def test_promised_platinum__time_goes_by__holds_until_its_date(sandbox: Door) -> None:
    _open(sandbox)
    promised = sandbox.now() + 500 * DAY
    given = sandbox.as_role("support").call(
        "POST",
        "/programs/wine/members/ann/tier",
        {"tier": "platinum", "until": promised.isoformat(), "reason": "a friend"},
    )
    assert given.status_code == 200, given.text
    assert datetime.fromisoformat(given.json()["tier"]["until"]) == promised
    sandbox.advance("P499D")
    assert sandbox.standing("ann")[1] == "Platinum"
    sandbox.advance("P2D")
    assert sandbox.standing("ann")[1] == "Basic"


def test_what_nobody_may_assign(sandbox: Door) -> None:
    _open(sandbox)
    path, order = "/programs/wine/members/ann/tier", {"tier": "gold", "reason": "tea"}
    assert sandbox.as_member("ann").call("POST", path, order).status_code == 403
    unknown = sandbox.call("POST", path, {**order, "tier": "diamond"})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_tier")
    past = sandbox.call("POST", path, {**order, "until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "/until")
    stranger = sandbox.call("POST", "/programs/wine/members/bob/tier", order)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_enrolled")


def test_gold__returns_what_made_it__falls_at_the_periods_end_only(sandbox: Door) -> None:
    _open(sandbox)
    bought = purchase("ann", "500", sandbox.now())
    sandbox.post(bought)
    returned = sandbox.call(
        "POST",
        "/programs/wine/returns",
        {
            "source": bought["source"],
            "transaction_id": bought["transaction_id"],
            "return_id": "r-1",
        },
    )
    assert returned.status_code == 202, returned.text
    until(lambda: sandbox.standing("ann")[0] == 0, "the return to be settled")
    assert _told(sandbox)["tier"]["key"] == "gold"
    assert _told(sandbox)["keep"]["missing"] == {"points": 500}
    sandbox.advance("P1Y")
    assert sandbox.standing("ann") == (0, "Basic")


def test_spend__counts_money_and_says_what_is_missing(sandbox: Door) -> None:
    _open(sandbox, on="spend", window="calendar_year")
    sandbox.buy("ann", "499.50", at=sandbox.now())
    assert _told(sandbox)["next_tier"]["missing"] == {"amount": "0.5"}
    sandbox.buy("ann", "0.50", at=sandbox.now())
    assert _told(sandbox)["tier"]["key"] == "gold"
