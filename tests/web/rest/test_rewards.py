"""The catalogue of rewards over HTTP: offer, change, end; stock and vouchers."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.web.rest.caller import Caller, Told

REWARDS = "/programs/wine/rewards"
MUG = {
    "key": "mug",
    "kind": "goods",
    "points": 300,
    "texts": {"en": {"name": "A mug"}, "pt-BR": {"name": "Uma caneca", "terms": "Só uma."}},
    "images": ["https://example.com/mug.png"],
    "stock": 5,
}


def _offer(call: Caller, **changed: object) -> Told:
    return call("POST", REWARDS, {**MUG, **changed})


def _stock(call: Caller, change: int, key: str = "mug") -> Told:
    body = {"change": change, "reason": "a test"}
    return call("POST", f"{REWARDS}/{key}/stock", body, Idempotency_Key=uuid4().hex)


def test_a_reward_is_offered_and_told(wine: Caller) -> None:
    offered = _offer(wine, money="4.5", worth="12", limits=[{"most": 1, "per": "month"}])
    assert offered.status == 201
    told = dict(offered.body)
    assert told.pop("created_at")
    assert told == {
        **MUG,
        "money": "4.50",
        "worth": "12.00",
        "eligible": None,
        "limits": [{"most": 1, "per": "month"}],
        "vouchers": None,
        "stock": {"total": 5, "remaining": 5},
        "low_at": None,
        "starts_at": None,
        "ends_at": None,
        "version": 1,
    }
    assert wine("GET", f"{REWARDS}/mug", role="member", member="ann").body == offered.body
    assert wine("GET", REWARDS).body == {"data": [offered.body], "next": None}


def test_a_reward_changes_by_merge_patch(wine: Caller) -> None:
    _offer(wine, worth="12")
    etag = wine("GET", f"{REWARDS}/mug").headers["ETag"]
    patch: dict[str, object] = {
        "points": 200,
        "worth": None,
        "texts": {"en": {"terms": "One each."}, "pt-BR": None},
        "images": [],
    }
    changed = wine("PATCH", f"{REWARDS}/mug", patch, If_Match=etag)
    assert changed.status == 200
    assert (changed.body["points"], changed.body["worth"]) == (200, None)
    assert changed.body["texts"] == {"en": {"name": "A mug", "terms": "One each."}}
    assert (changed.body["images"], changed.body["version"]) == ([], 2)
    late = wine("PATCH", f"{REWARDS}/mug", {"points": 1}, If_Match=etag)
    assert late.refusal == (412, "precondition_failed")


def test_a_reward_that_has_ended_is_gone_and_its_key_is_free(wine: Caller) -> None:
    _offer(wine)
    assert _offer(wine).refusal == (409, "reward_exists")
    assert wine("DELETE", f"{REWARDS}/mug").status == 200
    assert wine("GET", f"{REWARDS}/mug").refusal == (404, "no_such_reward")
    assert wine("DELETE", f"{REWARDS}/mug").refusal == (404, "no_such_reward")
    assert _offer(wine).status == 201


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"kind": "voucher"}, "/vouchers", "not_for_kind"),
        ({"vouchers": {"from": "generated"}}, "/vouchers", "not_for_kind"),
        ({"kind": "voucher", "vouchers": {"from": "pool"}}, "/stock", "pool_is_stock"),
        ({"texts": {}}, "/texts", "required"),
        ({"texts": {"en": {}}}, "/texts/en/name", "required"),
        ({"texts": {"English": {"name": "x"}}}, "/texts/English", "malformed"),
        ({"images": ["ftp://x"]}, "/images/0", "malformed"),
        ({"points": 0}, "/points", "too_small"),
        ({"eligible": {"sku": ["W-1"]}}, "/eligible/sku", "unknown_condition"),
        ({"eligible": {"not": {"sku": ["W"]}}}, "/eligible/not/sku", "unknown_condition"),
        ({"eligible": {"tier": []}}, "/eligible/tier", "wrong_length"),
        (
            {"starts_at": "2026-07-02T00:00:00Z", "ends_at": "2026-07-01T00:00:00Z"},
            "/ends_at",
            "not_after_start",
        ),
        (
            {"limits": [{"most": 1, "per": "day"}, {"most": 2, "per": "day"}]},
            "/limits/1/per",
            "not_unique",
        ),
    ],
)
def test_a_reward_that_makes_no_sense_is_refused_by_name(
    wine: Caller, changed: dict[str, object], pointer: str, code: str
) -> None:
    assert _offer(wine, **changed).wrong == [(pointer, code)]


def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(wine: Caller) -> None:
    before = _offer(wine).body
    patches: list[tuple[dict[str, object], tuple[str, str]]] = [
        ({"texts": {"en": None, "pt-BR": None}}, ("/texts", "required")),
        ({"texts": {"fr": {"terms": "x"}}}, ("/texts/fr/name", "required")),
        ({"vouchers": {"valid_days": 3}}, ("/vouchers", "not_for_kind")),
        ({"stock": 7}, ("/stock", "unknown_field")),
        ({"kind": "voucher"}, ("/kind", "unknown_field")),
    ]
    for patch, wrong in patches:
        assert wine("PATCH", f"{REWARDS}/mug", patch).wrong == [wrong]
    assert wine("GET", f"{REWARDS}/mug").body == before


def test_stock_is_raised_and_lowered_but_never_below_none(wine: Caller) -> None:
    _offer(wine)
    assert _stock(wine, 3).body == {"total": 8, "remaining": 8}
    assert _stock(wine, -8).body == {"total": 0, "remaining": 0}
    assert _stock(wine, -1).refusal == (409, "out_of_stock")
    _offer(wine, key="air", stock=None)
    assert _stock(wine, 1, "air").wrong == [("/change", "unlimited")]
    log = wine("GET", "/audit-log").body["data"]
    assert [one["act"] for one in log][:4] == [
        "reward.add",
        "reward.stock",
        "reward.stock",
        "reward.add",
    ]


def test_codes_are_uploaded_once_each(wine: Caller) -> None:
    _offer(wine, kind="voucher", vouchers={"from": "pool"}, stock=None)
    path = f"{REWARDS}/mug/vouchers"
    first = wine("POST", path, {"codes": ["A-1", "B-2", "A-1"]})
    assert first.body == {"added": 2, "duplicates": []}
    again = wine("POST", path, {"codes": ["B-2", "C-3"]})
    assert again.body == {"added": 1, "duplicates": ["B-2"]}
    assert wine("GET", path).body == {"free": 3, "held": 0, "given": 0, "void": 0}
    assert wine("POST", path, {"codes": [""]}).wrong == [("/codes/0", "malformed")]


def test_only_a_pool_takes_codes(wine: Caller) -> None:
    _offer(wine)
    assert wine("POST", f"{REWARDS}/mug/vouchers", {"codes": ["A"]}).wrong == [
        ("/codes", "no_pool")
    ]


def test_who_may_do_what(wine: Caller, stranger: Caller) -> None:
    assert wine("POST", REWARDS, MUG, role="server").refusal == (403, "forbidden")
    assert wine("POST", REWARDS, MUG, role="marketing").status == 201
    assert stranger("GET", f"{REWARDS}/mug").refusal == (404, "not_found")
