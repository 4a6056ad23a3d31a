"""What a till says it sent in a day, beside what was taken."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loyalty.clock import wall_clock
from tests.web.rest.caller import Caller
from tests.web.rest.test_earns import EARNS, bought

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = (wall_clock().astimezone(TOKYO) - timedelta(days=2)).date()
PATH = f"/sources/till/totals/{DAY}"


def at_tokyo(hour: int, minute: int = 0) -> str:
    """A time of that day there."""
    return datetime.combine(DAY, time(hour, minute), TOKYO).isoformat()


@pytest.fixture
def shop(call: Caller) -> Caller:
    """A program of Tokyo to which the till has sent three purchases of that day, and others."""
    program = {"slug": "wine", "name": "Wine", "time_zone": "Asia/Tokyo"}
    assert call("POST", "/programs", program).status == 201
    assert call("POST", "/programs/wine/members", {"member_id": "ann"}).status == 201
    just_before = datetime.combine(DAY, time(), TOKYO) - timedelta(seconds=1)
    just_after = datetime.combine(DAY + timedelta(days=1), time(), TOKYO)
    for purchase in (
        bought("t-1", occurred_at=at_tokyo(0)),
        bought("t-2", occurred_at=at_tokyo(12), amount="7.25"),
        bought("t-3", occurred_at=at_tokyo(23, 59)),
        bought("before", occurred_at=just_before.isoformat()),
        bought("after", occurred_at=just_after.isoformat()),
        bought("euros", occurred_at=at_tokyo(12), currency="EUR"),
        bought("t-1", source="shop", occurred_at=at_tokyo(12)),
    ):
        assert call("POST", EARNS, purchase, role="server").status == 202
    return call


def told(shop: Caller, count: int, amount: str, **more: Any) -> Any:
    answer = shop("PUT", PATH, {"count": count, "amount": amount, **more}, role="server")
    assert answer.status == 200, answer.raw
    return answer.body


def test_a_day_is_counted_where_the_program_is(shop: Caller) -> None:
    found = told(shop, 3, "32.25")
    assert found.pop("told_at")
    total = {"count": 3, "amount": "32.25"}
    assert found == {
        "source": "till",
        "day": str(DAY),
        "program": "wine",
        "currency": "USD",
        "time_zone": "Asia/Tokyo",
        "told": total,
        "taken": total,
        "by_status": [{**total, "status": "accepted"}],
        "difference": {"count": 0, "amount": "0.00"},
        "agrees": True,
    }


def test_what_is_lacking_is_a_difference_until_it_comes(shop: Caller) -> None:
    found = told(shop, 4, "40")
    assert (found["agrees"], found["difference"]) == (False, {"count": -1, "amount": "-7.75"})
    late = bought("t-4", occurred_at=at_tokyo(9), amount="7.75")
    assert shop("POST", EARNS, late, role="server").status == 202
    assert shop("GET", PATH).body["agrees"] is True


def test_what_is_told_again_counts(shop: Caller) -> None:
    assert told(shop, 4, "40")["agrees"] is False
    assert told(shop, 3, "32.25")["agrees"] is True
    assert shop("GET", PATH, role="finance").body["told"] == {"count": 3, "amount": "32.25"}


def test_the_ids_name_the_difference(shop: Caller) -> None:
    ids = ["t-1", "t-2", "lost", "before", "euros"]
    found = told(shop, 3, "32.25", transaction_ids=ids)
    assert found["agrees"] is False
    assert (found["missing"], found["elsewhere"], found["unexpected"]) == (
        ["lost"],
        ["before", "euros"],
        ["t-3"],
    )
    found = told(shop, 3, "32.25", transaction_ids=["t-3", "t-2", "t-1"])
    assert found["agrees"] is True
    assert "missing" not in found


def test_each_currency_has_its_total(shop: Caller) -> None:
    assert told(shop, 1, "12.5", currency="EUR")["agrees"] is True
    assert told(shop, 3, "32.25")["agrees"] is True
    days = shop("GET", "/sources/till/totals").body
    assert [(one["currency"], one["taken"]["count"]) for one in days["data"]] == [
        ("EUR", 1),
        ("USD", 3),
    ]
    assert days["next"] is None
    assert shop("GET", f"/sources/till/totals?before={DAY}").body["data"] == []
    assert shop("GET", "/sources/till/totals?limit=1").body["next"] == str(DAY)


def test_a_retailer_s_day_is_its_own(shop: Caller) -> None:
    retailer = {"id": "till", "name": "The till", "time_zone": "America/Lima"}
    assert shop("POST", "/retailers", retailer).status == 201
    found = told(shop, 3, "32.25")
    assert (found["time_zone"], found["agrees"]) == ("America/Lima", False)


def test_with_two_programs_one_is_named(shop: Caller) -> None:
    assert shop("POST", "/programs", {"slug": "air", "name": "Air"}).status == 201
    total = {"count": 0, "amount": "0"}
    assert shop("PUT", PATH, total).wrong == [("/program", "required")]
    assert shop("GET", PATH).wrong == [("?program", "required")]
    assert told(shop, 0, "0", program="air")["agrees"] is True
    assert shop("GET", f"{PATH}?program=air").body["program"] == "air"


def test_of_a_day_that_was_not_told_there_is_nothing(shop: Caller, stranger: Caller) -> None:
    assert shop("GET", PATH).refusal == (404, "not_found")
    assert shop("GET", "/sources/till/totals/2026-02-30").refusal == (404, "not_found")
    told(shop, 3, "32.25")
    assert stranger("POST", "/programs", {"slug": "wine", "name": "Wine"}).status == 201
    assert stranger("GET", PATH).refusal == (404, "not_found")


def test_a_key_tells_its_own_source_only(shop: Caller) -> None:
    made = shop("POST", "/api-keys", {"name": "k", "role": "server", "sources": ["shop"]})
    key = {"Authorization": f"Bearer {made.body['key']}"}
    answer = shop.client.put(f"/v1{PATH}", json={"count": 0, "amount": "0"}, headers=key)
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "source_not_allowed"
