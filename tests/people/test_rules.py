"""What an entry says to the member."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.rules import Balance, Bucket, Kind, OutOfRange, move
from loyalty.people.rules import Movement, change, sentence

OWN = ["pending", "available", "held", "owed"]


@pytest.mark.parametrize(
    ("movement", "told"),
    [
        (
            Movement(
                Kind.AWARD,
                Bucket.ISSUED,
                Bucket.AVAILABLE,
                1250,
                "till T-1",
                Decimal("12.50"),
                "USD",
            ),
            "1,250 miles earned for 12.50 USD (till T-1)",
        ),
        (
            Movement(Kind.AWARD, Bucket.ISSUED, Bucket.OWED, 5, "till T-1"),
            "5 miles earned, paid towards what was owed (till T-1)",
        ),
        (
            Movement(
                Kind.REDEEM,
                Bucket.AVAILABLE,
                Bucket.REDEEMED,
                7,
                None,
                Decimal("0.0700"),
                "EUR",
            ),
            "7 miles spent, worth 0.07 EUR",
        ),
        (
            Movement(Kind.REDEEM, Bucket.AVAILABLE, Bucket.REDEEMED, 7, "mug"),
            "7 miles spent on mug",
        ),
        (
            Movement(Kind.HOLD, Bucket.AVAILABLE, Bucket.HELD, 7, "mug"),
            "7 miles set aside (mug)",
        ),
        (
            Movement(Kind.CANCEL, Bucket.REDEEMED, Bucket.AVAILABLE, 7, "mug"),
            "7 miles returned from a cancelled redemption (mug)",
        ),
        (
            Movement(Kind.ADJUST, Bucket.ADJUSTED, Bucket.AVAILABLE, 5, "sorry"),
            "5 miles given: sorry",
        ),
        (
            Movement(Kind.ADJUST, Bucket.AVAILABLE, Bucket.ADJUSTED, 5, "a mistake"),
            "5 miles taken: a mistake",
        ),
        (
            Movement(Kind.FORFEIT, Bucket.AVAILABLE, Bucket.FORFEITED, 5),
            "5 miles forfeited on leaving",
        ),
    ],
)
def test_an_entry_in_words(movement: Movement, told: str) -> None:
    assert sentence(movement, "miles") == told


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_words(kind: Kind) -> None:
    movement = Movement(kind, Bucket.AVAILABLE, Bucket.HELD, 1)
    assert sentence(movement, "points").startswith("1 point ")


figures = st.integers(0, 10**6)


@given(
    st.builds(Balance, figures, figures, figures, figures),
    st.sampled_from(Bucket),
    st.sampled_from(Bucket),
    st.integers(1, 10**6),
)
def test_the_change_is_the_difference_of_the_balances(
    before: Balance, from_bucket: Bucket, to_bucket: Bucket, points: int
) -> None:
    if from_bucket is to_bucket:
        return
    try:
        after = move(before, from_bucket, to_bucket, points)
    except OutOfRange:
        return
    told = change(Movement(Kind.AWARD, from_bucket, to_bucket, points))
    assert {name: getattr(after, name) - getattr(before, name) for name in OWN} == {
        name: told.get(name, 0) for name in OWN
    }
    assert 0 not in told.values()
