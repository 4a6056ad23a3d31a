"""What becomes of a purchase before its worth is asked for, and what an award keeps of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.conditions.facts import MemberFacts
from loyalty.earning.rules import explanation, parked, purchase_of, refusal, stranger
from loyalty.promotions.share import Decision, Share, WhyNot

AT = datetime(2026, 7, 1, tzinfo=UTC)
ANN = MemberFacts(AT, "basic", 0)

money = st.decimals(0, 10**9, places=4)
shares = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 9), money, st.integers(1, 10**6)).map(
            lambda one: Share(one[0], 1, one[1], one[2])
        ),
        st.sampled_from(WhyNot).map(
            lambda why: Share(10, 1, Decimal(0), 0, why_not=why, unmet="sku")
        ),
    ),
    max_size=6,
).map(tuple)


@given(shares, st.randoms())
def test_only_a_currency_that_nothing_takes_is_refused(
    found: tuple[Share, ...], random: Any
) -> None:
    refused = refusal(found, "EUR")
    if any(share.points for share in found):
        assert refused is None
    if WhyNot.CURRENCY_NOT_ACCEPTED not in {share.why_not for share in found}:
        assert refused is None
    if refused is not None:
        assert (refused.status, refused.reason) == ("rejected", "currency_not_accepted")
    assert refusal(tuple(random.sample(found, len(found))), "EUR") == refused


@given(shares)
def test_an_explanation_tells_each_promotion_once(found: tuple[Share, ...]) -> None:
    told = explanation(Decision(found), None, ANN)
    others = told.get("not", [])
    assert sorted(
        [(one["promotion"], one["points"]) for one in told["given"]]
        + [(one[0], 0) for one in others]
    ) == sorted((share.promotion_id, share.points) for share in found)
    assert sum(one["points"] for one in told["given"]) == Decision(found).points


@given(st.lists(st.tuples(st.sampled_from(["card", "cash", "points", "voucher"]), money)))
def test_what_was_not_paid_with_money_is_told_apart(payments: list[tuple[str, Decimal]]) -> None:
    body = {"payments": [{"kind": kind, "amount": f"{amount:f}"} for kind, amount in payments]}
    bought = purchase_of("purchase", AT, Decimal(5), "USD", body)
    assert bought.paid_otherwise == sum(
        amount for kind, amount in payments if kind in {"points", "voucher"}
    )
    assert (bought.amount, bought.tax, bought.shipping) == (Decimal(5), Decimal(0), Decimal(0))


@given(st.integers(0, 3650))
def test_what_is_parked_waits_from_when_it_was_recorded(days: int) -> None:
    waits = parked("suspended", "…", days, AT)
    assert (waits.status, waits.until) == ("parked", AT + timedelta(days=days))


@pytest.mark.parametrize(
    ("unknown_member", "can_join", "status"),
    [
        ("enrol", True, None),
        ("enrol", False, "parked"),
        ("park", True, "parked"),
        ("reject", True, "rejected"),
        ("reject", False, "rejected"),
    ],
)
def test_who_is_not_enrolled(unknown_member: str, can_join: bool, status: str | None) -> None:
    found = stranger(unknown_member, 90, AT, can_join=can_join)
    assert (found and found.status) == status
