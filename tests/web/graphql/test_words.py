"""The words of the schema are those of REST."""

from __future__ import annotations

from enum import Enum
from typing import get_args

import pytest

from loyalty.redemption.rules import Status
from loyalty.web import earn_answers, member_schema
from loyalty.web.earn_schema import PaymentSchema
from loyalty.web.graphql.members import MemberStatus
from loyalty.web.graphql.promotions import PromotionStatus
from loyalty.web.graphql.purchase import PaymentKind
from loyalty.web.graphql.purchases import PurchaseStatus
from loyalty.web.graphql.redeem import RedemptionStatus
from loyalty.web.promotion_schema import PromotionSchema


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (PurchaseStatus, earn_answers.STATUSES),
        (MemberStatus, member_schema.STATUSES),
        (RedemptionStatus, get_args(Status)),
        (PromotionStatus, PromotionSchema().fields["status"].choices),  # type: ignore[attr-defined]
        (PaymentKind, PaymentSchema().fields["kind"].choices),  # type: ignore[attr-defined]
    ],
)
def test_every_word_of_rest_is_one_here(kind: type[Enum], words: tuple[str, ...]) -> None:
    assert {one.value for one in kind} == set(words)
    assert all(one.name == one.value.upper() for one in kind)
