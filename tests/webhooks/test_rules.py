"""Signatures and waits."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.webhooks.rules import (
    LONGEST_REST,
    WAITS,
    Outcome,
    chains,
    rest_after,
    secret_text,
    signature,
    wait_after,
)

_A_DAY_AND_A_BIT = timedelta(hours=26, minutes=24)


def test_it_signs_as_the_specification_says() -> None:
    """The example of the specification's own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3),
    st.text("0123456789abcdef-", min_size=1),
    st.integers(0, 2**33),
    st.binary(),
)
def test_each_secret_alone_verifies(
    secrets: list[bytes], message_id: str, at_s: int, body: bytes
) -> None:
    said = signature(secrets, message_id, at_s, body).split(" ")
    assert len(said) == len(secrets)
    for secret, one in zip(secrets, said, strict=True):
        signed = message_id.encode() + b"." + str(at_s).encode() + b"." + body
        version, _, mark = one.partition(",")
        assert version == "v1"
        assert base64.b64decode(mark) == hmac.digest(secret, signed, hashlib.sha256)
        assert base64.b64decode(secret_text(secret).removeprefix("whsec_")) == secret


@given(st.integers(1, 30), st.none() | st.integers(-10, 10**6), st.floats(0, 1))
def test_waits_grow_and_end(attempts: int, asked_s: int | None, dice: float) -> None:
    wait = wait_after(attempts, asked_s, dice)
    if attempts > len(WAITS):
        assert wait is None
    else:
        assert wait is not None
        assert WAITS[attempts - 1] * 0.89 < wait <= _A_DAY_AND_A_BIT
        assert wait >= timedelta(seconds=min(asked_s or 0, 86_400))


def test_it_is_tried_for_three_days() -> None:
    assert timedelta(days=3) < sum(WAITS, timedelta()) < timedelta(days=4)
    assert list(WAITS) == sorted(WAITS)


@given(st.integers(1, 10**6))
def test_rests_are_short(failed_rounds: int) -> None:
    assert timedelta(seconds=2) <= rest_after(failed_rounds) <= LONGEST_REST


@pytest.mark.parametrize(
    ("outcome", "delivered", "sentence"),
    [
        (Outcome(200), True, None),
        (Outcome(204), True, None),
        (Outcome(299), True, None),
        (Outcome(301), False, "It answered 301; redirects are not followed."),
        (Outcome(400), False, "It answered 400."),
        (Outcome(500), False, "It answered 500."),
        (Outcome(100), False, "It answered 100."),
        (Outcome(error="Gone."), False, "Gone."),
    ],
)
def test_what_counts_as_delivered(outcome: Outcome, delivered: bool, sentence: str | None) -> None:
    assert outcome.is_delivered is delivered
    assert outcome.sentence == sentence


@dataclass(frozen=True)
class _One:
    subject: str
    number: int


@given(st.lists(st.sampled_from("abc")))
def test_chains_keep_the_order_of_each_subject_and_lose_nothing(subjects: list[str]) -> None:
    all_of_them = [_One(subject, number) for number, subject in enumerate(subjects)]
    found = chains(all_of_them)
    assert sorted((one for chain in found for one in chain), key=lambda one: one.number) == (
        all_of_them
    )
    assert len({chain[0].subject for chain in found}) == len(found)
    for chain in found:
        assert len({one.subject for one in chain}) == 1
        assert chain == sorted(chain, key=lambda one: one.number)
