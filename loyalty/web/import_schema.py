"""What a line of each kind of file looks like; in CSV, its columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import post_load

from loyalty.care.bring_members import Brought
from loyalty.care.open_balances import Opening
from loyalty.jobs.imports.records import Code, What
from loyalty.members.enrol import NewMember
from loyalty.members.identify import MOST_IDENTIFIERS, Identifier
from loyalty.web.earn_schema import EARN
from loyalty.web.fields import (
    Attributes,
    Day,
    Instant,
    ListOf,
    MemberId,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    TimeZone,
)
from loyalty.web.member_schema import IdentifierSchema
from loyalty.web.reward_schema import VoucherCode

_NEVER = "never"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class _Ending(Instant):
    """An instant, or the word `never`, which loads to the greatest instant."""

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> datetime:
        return _END_OF_TIME if value == _NEVER else super()._deserialize(value, *args, **kwargs)


class MemberLine(Schema):
    """A member, since when they are one, and the tier that they bring along."""

    member_id = MemberId(required=True)
    identifiers = ListOf(Part(IdentifierSchema), most=MOST_IDENTIFIERS, load_default=())
    name = Text(most=200)
    birthday = Day()
    time_zone = TimeZone()
    attributes = Attributes(load_default={})
    joined_at = Instant()
    tier = Slug()
    tier_until = Instant()

    @post_load
    def _to_record(self, values: dict[str, Any], **_: Any) -> Brought:
        identifiers = tuple(Identifier(**one) for one in values["identifiers"])
        who = NewMember(
            values["member_id"],
            identifiers,
            values.get("name"),
            values.get("birthday"),
            values.get("time_zone"),
            values["attributes"],
        )
        return Brought(who, values.get("joined_at"), values.get("tier"), values.get("tier_until"))


class BalanceLine(Schema):
    """Points that a member brings along, as one lot; `reference` is its name for ever."""

    reference = Text(most=200, required=True)
    member_id = MemberId(required=True)
    points = Points(least=1, required=True)
    tier_points = Points(load_default=0)
    earned_at = Instant()
    activates_at = Instant()
    expires_at = _Ending()

    @post_load
    def _to_record(self, values: dict[str, Any], **_: Any) -> Opening:
        never = values.get("expires_at") == _END_OF_TIME
        return Opening(
            values["reference"],
            values["member_id"],
            values["points"],
            values["tier_points"],
            values.get("earned_at"),
            values.get("activates_at"),
            None if never else values.get("expires_at"),
            never,
        )


class CodeLine(Schema):
    """A voucher code for the pool of the reward of that key."""

    reward = Slug(required=True)
    code = VoucherCode(required=True)
    expires_at = Instant()

    @post_load
    def _to_record(self, values: dict[str, Any], **_: Any) -> Code:
        return Code(values["reward"], values["code"], values.get("expires_at"))


LINES: Mapping[What, Schema] = {
    "members": MemberLine(),
    "balances": BalanceLine(),
    "purchases": EARN,
    "vouchers": CodeLine(),
}
#: What names a line in a refusal.
KEYS: Mapping[What, tuple[str, ...]] = {
    "members": ("member_id",),
    "balances": ("reference",),
    "purchases": ("source", "transaction_id"),
    "vouchers": ("reward", "code"),
}
#: Of CSV: columns `attributes.colour`, `identifier.card`; and those that hold whole numbers.
NESTED: Mapping[What, tuple[str, ...]] = {
    "members": ("identifier", "attributes"),
    "balances": (),
    "purchases": ("identifier", "attributes"),
    "vouchers": (),
}
WHOLE = frozenset({"points", "tier_points"})
_NOT_IN_CSV = frozenset({"identifiers", "identifier", "attributes", "items", "payments"})
COLUMNS: Mapping[What, tuple[str, ...]] = {
    what: tuple(name for name in schema.fields if name not in _NOT_IN_CSV)
    for what, schema in LINES.items()
}
