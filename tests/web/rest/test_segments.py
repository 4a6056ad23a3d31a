"""Segments over HTTP."""

from __future__ import annotations

from tests.web.rest.caller import Caller

RICH = {"key": "rich", "name": "Rich", "condition": {"points": {"at_least": 100}}}
WINE = "/programs/wine"
PATH = f"{WINE}/segments"


def test_a_tree_is_saved_read_changed_and_taken_out(wine: Caller) -> None:
    made = wine("POST", PATH, RICH, role="marketing")
    assert made.status == 201
    told = made.body
    assert {name: told[name] for name in ("key", "name", "condition", "size")} == {
        **RICH,
        "size": 0,
    }
    assert wine("GET", f"{PATH}/rich").body == told
    assert wine("GET", PATH).body == {"data": [told], "next": None}
    wider = {"condition": {"not": RICH["condition"]}}
    changed = wine("PATCH", f"{PATH}/rich", wider, If_Match='"1"')
    assert (changed.body["size"], changed.headers["ETag"]) == (1, '"2"')
    assert wine("PATCH", f"{PATH}/rich", wider, If_Match='"1"').status == 412
    members = wine("GET", f"{PATH}/rich/members").body
    assert members == {"data": [{"member_id": "ann"}], "next": None}
    assert wine("POST", f"{PATH}/rich/count", role="marketing").body["size"] == 1
    refused = wine("POST", f"{PATH}/rich/members", {"add": ["ann"]})
    assert refused.refusal == (409, "wrong_kind_of_segment")
    assert wine("DELETE", f"{PATH}/rich").status == 200
    assert wine("GET", f"{PATH}/rich").refusal == (404, "not_found")


def test_what_a_campaign_or_a_reward_asks_for_stays(wine: Caller) -> None:
    goal = {"key": "often", "name": "Often", "kind": "buy", "times": 3}
    reward = {"key": "mug", "kind": "goods", "points": 5, "texts": {"en": {"name": "Mug"}}}
    vip = {"segment": ["vip"]}
    unknown = wine("POST", f"{WINE}/goals", {**goal, "when": vip})
    assert unknown.wrong == [("/when", "unknown_segment")]
    unknown = wine("POST", f"{WINE}/rewards", {**reward, "eligible": {"tier": ["none"]}})
    assert unknown.wrong == [("/eligible", "unknown_tier")]
    wine("POST", PATH, {"key": "vip", "name": "VIP"})
    wine("POST", f"{WINE}/goals", {**goal, "when": vip})
    order = {"key": "c", "name": "C", "goals": ["often"]}
    wine("POST", f"{WINE}/campaigns", {**order, "rewards": [{"kind": "points", "points": 1}]})
    assert wine("DELETE", f"{PATH}/vip").status == 200  # a draft does nothing
    gone = wine("POST", f"{WINE}/campaigns/c/publish")
    assert gone.wrong == [("/goals/0", "unknown_segment")]
    wine("POST", PATH, {"key": "vip", "name": "VIP"})
    assert wine("POST", f"{WINE}/campaigns/c/publish").status == 200
    assert wine("DELETE", f"{PATH}/vip").refusal == (409, "segment_in_use")
    assert wine("POST", f"{WINE}/campaigns/c/end").status == 200
    assert wine("POST", f"{WINE}/rewards", {**reward, "eligible": {"not": vip}}).status == 201
    assert wine("DELETE", f"{PATH}/vip").refusal == (409, "segment_in_use")
    assert wine("DELETE", f"{WINE}/rewards/mug").status == 200
    assert wine("DELETE", f"{PATH}/vip").status == 200


def test_a_list_is_filled_and_read_in_pages(wine: Caller) -> None:
    for name in ("bob", "cid"):
        wine("POST", "/programs/wine/members", {"member_id": name})
    wine("POST", PATH, {"key": "vip", "name": "VIP"})
    told = wine("POST", f"{PATH}/vip/members", {"add": ["ann", "bob", "cid", "zoe"]})
    assert told.body == {"added": 3, "removed": 0, "strangers": ["zoe"], "size": 3}
    first = wine("GET", f"{PATH}/vip/members?limit=2").body
    assert [one["member_id"] for one in first["data"]] == ["cid", "bob"]
    rest = wine("GET", f"{PATH}/vip/members?limit=2&after={first['next']}").body
    assert rest == {"data": [{"member_id": "ann"}], "next": None}


def test_a_condition_that_makes_no_sense_is_named(wine: Caller) -> None:
    refused = wine("POST", PATH, {**RICH, "condition": {"all": [{"sku": ["x"]}]}})
    assert refused.wrong == [("/condition/all/0/sku", "unknown_condition")]
    assert wine("POST", PATH, {**RICH, "condition": []}).wrong == [("/condition", "not_an_object")]


def test_who_may(wine: Caller, stranger: Caller) -> None:
    assert wine("POST", PATH, RICH, role="support").status == 403
    assert wine("GET", PATH, role="support").status == 200
    assert wine("GET", PATH, role="server").status == 403
    wine("POST", PATH, RICH)
    assert stranger("GET", f"{PATH}/rich").refusal == (404, "not_found")
