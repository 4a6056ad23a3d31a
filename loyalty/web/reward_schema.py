"""How rewards and vouchers come in and are told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from loyalty.rewards.models import RewardRow
from loyalty.rewards.queries import Stock
from loyalty.rewards.rules import KINDS, MOST_LIMITS, PERIODS
from loyalty.rewards.vouchers import LEAST_LENGTH, MOST_CODES_AT_ONCE, MOST_LENGTH, USUAL_LENGTH
from loyalty.web.fields import (
    Choice,
    Id,
    Instant,
    Integer,
    Language,
    ListOf,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    refuse,
)
from loyalty.web.fields.base import Coded
from loyalty.web.fields.text import Formed
from loyalty.web.fields.trees import Tree
from loyalty.web.program_schema import LEAST_MONEY

_MOST_LANGUAGES = 50
_MOST_IMAGES = 20
_LONGEST_CODE = 64
_MOST_DAYS = 3650
_MOST_STOCK = 10**12
_SOURCES = ("pool", "generated")


class Url(Formed):
    """The address of an image."""

    form = re.compile(r"https?://[!-~]{1,500}")
    meaning = "An http or https address of at most 500 characters is expected."


class VoucherCode(Formed):
    """A code that is handed out."""

    form = re.compile(rf"[!-~]{{1,{_LONGEST_CODE}}}")
    meaning = f"A code is 1 to {_LONGEST_CODE} visible ASCII characters."


class Prefix(Formed):
    """What every generated code begins with."""

    form = re.compile(r"[A-Za-z0-9-]{0,20}")
    meaning = "0 to 20 of A-Z a-z 0-9 and - are expected."


class WordsSchema(Schema):
    """A reward in one language."""

    name = Text(most=200, required=True)
    description = Text(most=2000, allow_none=True)
    terms = Text(most=10_000, allow_none=True)


class WordsChangeSchema(Schema):
    """What changes in one language; null takes away."""

    name = Text(most=200)
    description = Text(most=2000, allow_none=True)
    terms = Text(most=10_000, allow_none=True)


class Texts(Coded[dict[str, Any]], fields.Dict):
    """Texts by language; in a change null takes a language away."""

    def __init__(self, *, change: bool = False, **kwargs: Any) -> None:
        words = Part(WordsChangeSchema if change else WordsSchema, allow_none=change)
        super().__init__(keys=Language(), values=words, **kwargs)
        self.document(type="object", maxProperties=_MOST_LANGUAGES)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if isinstance(value, dict) and len(value) > _MOST_LANGUAGES:
            raise refuse("too_many", f"At most {_MOST_LANGUAGES} languages are allowed.")
        try:
            texts = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            raise ValidationError(_by_language(error.messages)) from None
        return dict(texts)


def _by_language(messages: Any) -> Any:
    # marshmallow tells {language: {"key" or "value": …}}: steps that no JSON pointer can take.
    if not isinstance(messages, dict):
        return messages
    return {language: wrong.get("key") or wrong["value"] for language, wrong in messages.items()}


class RewardLimitSchema(Schema):
    """A member redeems it at most so often in a period of the program's time zone."""

    most = Integer(least=1, most=10_000, required=True)
    per = Choice(PERIODS, required=True)


class VouchersChangeSchema(Schema):
    """How codes are made, and for how long they are good."""

    prefix = Prefix(allow_none=True)
    length = Integer(
        least=LEAST_LENGTH,
        most=MOST_LENGTH,
        allow_none=True,
        metadata={"description": f"Of a generated code, after its prefix; {USUAL_LENGTH} if null."},
    )
    valid_days = Integer(
        least=1,
        most=_MOST_DAYS,
        allow_none=True,
        metadata={"description": "From when it is handed out; null: for ever."},
    )


class VouchersSchema(VouchersChangeSchema):
    """Where codes come from: a `pool` that is uploaded, or `generated` when one is redeemed."""

    from_ = Choice(_SOURCES, required=True, data_key="from", attribute="from")


class _RewardSchema(Schema):
    """What can be left out of a reward."""

    money = Money(
        least=LEAST_MONEY, allow_none=True, metadata={"description": "To be paid besides."}
    )
    worth = Money(
        least=LEAST_MONEY, allow_none=True, metadata={"description": "What it is worth in money."}
    )
    eligible = Tree(allow_none=True, metadata={"description": "null: every member."})
    starts_at = Instant(allow_none=True)
    ends_at = Instant(allow_none=True)
    low_at = Integer(
        most=_MOST_STOCK,
        allow_none=True,
        metadata={"description": "`stock.low.v1` is told while so many are left, or fewer."},
    )


class NewRewardSchema(_RewardSchema):
    """A reward to be. `stock` is how many there are; without it there is no end of them."""

    key = Slug(required=True)
    kind = Choice(KINDS, required=True)
    points = Points(least=1, required=True)
    texts = Texts(required=True)
    images = ListOf(Url(), most=_MOST_IMAGES, load_default=list)
    limits = ListOf(Part(RewardLimitSchema), most=MOST_LIMITS, load_default=list)
    vouchers = Part(VouchersSchema, load_default=None, allow_none=True)
    stock = Integer(most=_MOST_STOCK, load_default=None, allow_none=True)


class RewardChangeSchema(_RewardSchema):
    """A merge patch; it holds for what is redeemed from now on. Lists are replaced as a whole."""

    points = Points(least=1)
    texts = Texts(change=True)
    images = ListOf(Url(), most=_MOST_IMAGES)
    limits = ListOf(Part(RewardLimitSchema), most=MOST_LIMITS)
    vouchers = Part(VouchersChangeSchema)


class StockSchema(Schema):
    """How many there were, and how many are left."""

    total = Points(required=True)
    remaining = Points(required=True)


class StockChangeSchema(Schema):
    """More come in, or (below zero) some are taken away."""

    change = Integer(least=-_MOST_STOCK, most=_MOST_STOCK, required=True)
    reason = Text(most=500, required=True)


class OfferedRewardSchema(Schema):
    """A reward of the catalogue; `stock` null: there is no end of them, or a pool of codes."""

    key = Slug(required=True)
    kind = Choice(KINDS, required=True)
    points = Points(required=True)
    money = Money(required=True, allow_none=True)
    worth = Money(required=True, allow_none=True)
    texts = Texts(required=True)
    images = ListOf(Url(), most=_MOST_IMAGES, required=True)
    eligible = Tree(required=True, allow_none=True)
    limits = ListOf(Part(RewardLimitSchema), most=MOST_LIMITS, required=True)
    vouchers = Part(VouchersSchema, required=True, allow_none=True)
    stock = Part(StockSchema, required=True, allow_none=True)
    low_at = Integer(required=True, allow_none=True)
    starts_at = Instant(required=True, allow_none=True)
    ends_at = Instant(required=True, allow_none=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


class VoucherUploadSchema(Schema):
    """Codes for a pool: up to 1000 at once; repeating changes nothing."""

    codes = ListOf(VoucherCode(), least=1, most=MOST_CODES_AT_ONCE, required=True)
    expires_at = Instant(load_default=None, allow_none=True)


class VouchersUploadedSchema(Schema):
    """What became of it: `duplicates` were known already."""

    added = Points(required=True)
    duplicates = ListOf(VoucherCode(), most=MOST_CODES_AT_ONCE, required=True)


class VoucherCountsSchema(Schema):
    """The codes of a reward. Held: set aside with a hold. Void: of a cancelled redemption."""

    free = Points(required=True)
    held = Points(required=True)
    given = Points(required=True)
    void = Points(required=True)


class HandedOutSchema(Schema):
    """A code that the member was given; void when its redemption was cancelled."""

    code = VoucherCode(required=True)
    reward = Slug(required=True)
    status = Choice(("given", "void"), required=True)
    redemption_id = Id(required=True)
    given_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)


_REWARD = OfferedRewardSchema()
_OWN = frozenset(_REWARD.fields) - {"stock"}


def shown_reward(row: RewardRow, stock: Stock | None) -> dict[str, Any]:
    """The reward as OfferedRewardSchema says."""
    told: Mapping[str, Any] = {name: getattr(row, name) for name in _OWN}
    shown: dict[str, Any] = _REWARD.dump({**told, "stock": stock})
    return shown
