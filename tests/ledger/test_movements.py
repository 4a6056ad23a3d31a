"""What is undone leaves everything as it was: pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.movements import Movement, undone
from loyalty.ledger.rules import Balance, Bucket, Draw, move

POINTS = st.integers(1, 1000)
_BUCKETS = st.sampled_from(list(Bucket))


@given(st.lists(st.tuples(_BUCKETS, _BUCKETS, POINTS), max_size=12))
def test_what_is_undone_leaves_everything_as_it_was(
    wanted: list[tuple[Bucket, Bucket, int]],
) -> None:
    balance = before = Balance(5000, 5000, 5000, 5000)
    done: list[Movement] = []
    for from_bucket, to_bucket, points in wanted:
        try:
            balance = move(balance, from_bucket, to_bucket, points)
        except (ValueError, ArithmeticError):
            continue
        done.append(Movement(len(done) + 1, from_bucket, to_bucket, points))
    for one in undone(done):
        balance = move(balance, one.from_bucket, one.to_bucket, one.points)
    assert balance == before


def test_a_lot_that_was_made_is_emptied_and_what_was_drawn_returns() -> None:
    made = Movement(7, Bucket.TRANSFERRED, Bucket.AVAILABLE, 10, made=True)
    drawn = Movement(8, Bucket.AVAILABLE, Bucket.OWED, 3, (Draw(7, 3),))
    assert undone([made, drawn]) == [
        Movement(8, Bucket.OWED, Bucket.AVAILABLE, 3, (Draw(7, 3),)),
        Movement(7, Bucket.AVAILABLE, Bucket.TRANSFERRED, 10, (Draw(7, 10),)),
    ]
