"""Members over HTTP."""

from __future__ import annotations

import pytest

from tests.web.rest.caller import Caller

MEMBERS = "/programs/wine/members"
ANN = f"{MEMBERS}/ann"


def test_who_joins_is_told_what_is_known_of_them(wine: Caller) -> None:
    bob = {
        "member_id": "bob",
        "identifiers": [{"kind": "card", "value": "4711"}],
        "name": "Bob",
        "birthday": "1990-02-28",
        "time_zone": "Europe/Paris",
        "attributes": {"vip": True},
    }
    told = wine("POST", MEMBERS, bob)
    assert told.status == 201
    for name in ("member_id", "name", "birthday", "time_zone", "attributes"):
        assert told.body[name] == bob[name]
    assert wine("GET", f"{MEMBERS}/bob").raw == told.raw
    everywhere = wine("GET", "/members/bob").body
    assert everywhere["identifiers"] == bob["identifiers"]
    assert [one["program"] for one in everywhere["programs"]] == ["wine"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/member_id", "required"),
        ({"member_id": "a b"}, "/member_id", "malformed"),
        ({"member_id": "x" * 129}, "/member_id", "malformed"),
        ({"member_id": "bob", "birthday": "1990-02-30"}, "/birthday", "not_a_day"),
        ({"member_id": "bob", "name": "a\u0000"}, "/name", "unstorable"),
        (
            {"member_id": "bob", "identifiers": [{"kind": "card"}]},
            "/identifiers/0/value",
            "required",
        ),
        ({"member_id": "bob", "points": 5}, "/points", "unknown_field"),
    ],
)
def test_what_makes_no_sense_is_named(
    wine: Caller, body: dict[str, object], pointer: str, code: str
) -> None:
    assert wine("POST", MEMBERS, body).wrong == [(pointer, code)]


def test_members_enrol_themselves_and_nobody_else(wine: Caller) -> None:
    bob = {"member_id": "bob"}
    assert wine("POST", MEMBERS, bob, role="member", member="eve").refusal == (403, "forbidden")
    assert wine("POST", MEMBERS, bob, role="member", member="bob").status == 201


@pytest.mark.parametrize(
    ("name", "value", "nothing"),
    [
        ("attributes", {"vip": True}, None),
        ("identifiers", [{"kind": "card", "value": "4711"}], []),
    ],
)
def test_members_vouch_neither_for_their_attributes_nor_for_their_identifiers(
    wine: Caller, name: str, value: object, nothing: object
) -> None:
    joining = wine("POST", MEMBERS, {"member_id": "bob", name: value}, role="member", member="bob")
    changing = wine("PATCH", ANN, {name: value}, role="member", member="ann")
    clearing = wine("PATCH", ANN, {name: nothing}, role="member", member="ann")
    for refused in (joining, changing, clearing):
        assert refused.refusal == (403, "forbidden")
        assert [error["pointer"] for error in refused.body["errors"]] == [f"/{name}"]
    assert wine("GET", f"{MEMBERS}/bob").refusal == (404, "not_enrolled")
    assert wine("GET", "/members/ann").body[name] in ([], {})


def test_members_change_the_rest_themselves(wine: Caller) -> None:
    renamed = wine("PATCH", ANN, {"name": "Ann"}, role="member", member="ann")
    assert (renamed.status, renamed.body["name"]) == (200, "Ann")


def test_a_member_reads_nobody_else(wine: Caller) -> None:
    wine("POST", MEMBERS, {"member_id": "bob"})
    for path in (ANN, "/members/ann", f"{ANN}/entries", f"{ANN}/balance", f"{ANN}/redemptions"):
        assert wine("GET", path, role="member", member="ann").status == 200
        assert wine("GET", path, role="member", member="bob").refusal == (403, "forbidden")


def test_a_change_names_the_version_it_has_read(wine: Caller) -> None:
    version = wine("GET", ANN).headers["ETag"]
    changed = wine("PATCH", ANN, {"name": "Ann", "attributes": {"a": 1}}, If_Match=version)
    assert changed.status == 200
    late = wine("PATCH", ANN, {"name": "Anna"}, If_Match=version)
    assert late.refusal == (412, "precondition_failed")
    again = wine("PATCH", ANN, {"attributes": {"b": 2}}, If_Match=changed.headers["ETag"])
    assert (again.body["name"], again.body["attributes"]) == ("Ann", {"a": 1, "b": 2})
    assert wine("GET", ANN).headers["ETag"] == again.headers["ETag"]


def test_only_who_has_joined_is_changed(wine: Caller) -> None:
    wine("POST", "/programs", {"slug": "flights", "name": "Flights"})
    assert wine("PATCH", f"{MEMBERS}/bob", {"name": "Bob"}).refusal == (404, "not_enrolled")
    elsewhere = wine("PATCH", "/programs/flights/members/ann", {"name": "Ann"})
    assert elsewhere.refusal == (404, "not_enrolled")


def test_an_identifier_finds_its_member(wine: Caller) -> None:
    card = {"kind": "card", "value": "4711"}
    wine("PATCH", ANN, {"identifiers": [card]})
    found = wine("POST", "/members/lookup", {"identifier": card})
    assert (found.status, found.body["member_id"]) == (200, "ann")
    other = wine("POST", "/members/lookup", {"identifier": {**card, "kind": "phone"}})
    assert other.refusal == (404, "not_found")
    taken = wine("POST", MEMBERS, {"member_id": "bob", "identifiers": [card]})
    assert taken.refusal == (409, "identifier_taken")
    assert wine("GET", "/members/bob").status == 404


def test_members_are_searched_in_pages(wine: Caller) -> None:
    for member_id in ("bob", "cid", "dan"):
        wine("POST", MEMBERS, {"member_id": member_id})
    page = wine("GET", f"{MEMBERS}?status=active&limit=3", role="support")
    assert [one["member_id"] for one in page.body["data"]] == ["dan", "cid", "bob"]
    assert page.body["data"][0]["points"] == {"available": 0, "pending": 0, "held": 0, "owed": 0}
    rest = wine("GET", page.headers["Link"].split(">")[0].removeprefix("</v1"), role="support")
    assert [one["member_id"] for one in rest.body["data"]] == ["ann"]
    assert rest.body["next"] is None


def test_pages_by_points_go_on_where_one_ended(wine: Caller) -> None:
    for points, member_id in enumerate(("bob", "cid"), 5):
        wine("POST", MEMBERS, {"member_id": member_id, "attributes": {"city": "Rome"}})
        order = {"points": points, "reason": "a test"}
        wine("POST", f"{MEMBERS}/{member_id}/adjustments", order, Idempotency_Key=member_id)
    wine("POST", MEMBERS, {"member_id": "dan", "attributes": {"city": "Rome", "plan": "b"}})
    for member_id in ("bob", "cid"):
        wine("PATCH", f"{MEMBERS}/{member_id}", {"attributes": {"city": "Rome", "plan": "a"}})
    query = "sort=-points&limit=1&attribute=city:Rome&attribute=plan:a"
    page = wine("GET", f"{MEMBERS}?{query}")
    assert page.headers["Link"].startswith(f"</v1{MEMBERS}?{query.replace(':', '%3A')}&after=")
    rest = wine("GET", page.headers["Link"].split(">")[0].removeprefix("</v1"))
    assert [one.body["data"][0]["member_id"] for one in (page, rest)] == ["cid", "bob"]
    assert rest.body["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "points_gte=-1",
        "points_gte=x",
        "status=gone",
        "limit=201",
        "sort=age",
        "segment=none",
        "attribute=city",
        "attribute=:Rome",
        "attribute=city:Rome&attribute=city:Oslo",
        "&".join(f"attribute=a{number}:x" for number in range(11)),
        "joined_gte=yesterday",
        "after=1",
        "after=j999999999999999999.1",
        "after=p1.1&sort=joined",
    ],
)
def test_a_search_refuses_what_it_cannot_mean(wine: Caller, query: str) -> None:
    assert wine("GET", f"{MEMBERS}?{query}").wrong[0][0] == f"?{query.split('=')[0]}"


def test_an_unknown_parameter_is_refused(wine: Caller) -> None:
    assert wine("GET", f"{MEMBERS}?dryrun=true").wrong == [("?dryrun", "unknown_field")]
    assert wine("DELETE", f"{ANN}?dryrun=true").wrong == [("?dryrun", "unknown_field")]
    for path in (MEMBERS, ANN):
        [(pointer, _)] = wine("GET", f"{path}?{'x' * 9000}=1").wrong
        assert pointer == "?" + "x" * 100
    assert wine("GET", ANN).body["status"] == "active"


def test_suspending_is_the_staff_s(wine: Caller) -> None:
    reason = {"reason": "fraud?"}
    refused = wine("POST", f"{ANN}/suspend", reason, role="member", member="ann")
    assert refused.refusal == (403, "forbidden")
    assert wine("POST", f"{ANN}/suspend", reason, role="support").body["status"] == "suspended"
    assert wine("POST", f"{ANN}/reinstate", reason, role="support").body["status"] == "active"
    assert wine("POST", f"{ANN}/suspend", {}).wrong == [("/reason", "required")]


def test_members_leave_by_themselves(wine: Caller) -> None:
    left = wine("DELETE", ANN, role="member", member="ann")
    assert (left.status, left.body["status"]) == (200, "cancelled")
    assert left.body["left_at"].endswith("Z")


def test_another_tenant_s_member_does_not_exist(wine: Caller, stranger: Caller) -> None:
    stranger("POST", "/programs", {"slug": "wine", "name": "Another wine"})
    assert stranger("GET", ANN).refusal == (404, "not_enrolled")
    assert stranger("GET", "/members/ann").refusal == (404, "not_found")
