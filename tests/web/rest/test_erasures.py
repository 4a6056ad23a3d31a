"""Erasure over HTTP: once, for a reason, by who may; afterwards there is nobody."""

from __future__ import annotations

import pytest

from tests.web.rest.caller import Caller


def test_a_member_is_erased_once(wine: Caller) -> None:
    told = wine("POST", "/members/ann/erase", {"reason": "asked for it"})
    assert (told.status, told.body) == (200, {"programs": 1, "names": 1})
    assert wine("POST", "/members/ann/erase", {"reason": "again"}).refusal == (404, "not_found")
    assert wine("GET", "/members/ann").refusal == (404, "not_found")
    assert wine("GET", "/programs/wine/members/ann").refusal == (404, "not_enrolled")
    [record, *_] = wine("GET", "/audit-log").body["data"]
    assert (record["act"], record["reason"]) == ("member.erase", "asked for it")
    assert record["subject"].startswith("member erased-")
    name = record["subject"].removeprefix("member ")
    assert wine("GET", f"/programs/wine/members/{name}").body["status"] == "cancelled"
    change = wine("PATCH", f"/programs/wine/members/{name}", {"name": "Ann"})
    assert change.refusal == (409, "member_erased")


@pytest.mark.parametrize("role", ["marketing", "support", "finance", "operator"])
def test_only_admins_and_servers_erase(wine: Caller, role: str) -> None:
    refused = wine("POST", "/members/ann/erase", {"reason": "x"}, role=role)
    assert refused.refusal == (403, "forbidden")


def test_it_needs_a_reason_and_a_member_of_ones_own(wine: Caller, stranger: Caller) -> None:
    assert wine("POST", "/members/ann/erase", {}).wrong == [("/reason", "required")]
    assert stranger("POST", "/members/ann/erase", {"reason": "x"}).status == 404
    assert wine("GET", "/members/ann").status == 200
