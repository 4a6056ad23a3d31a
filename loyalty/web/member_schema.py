"""How a member comes in and is told."""

from __future__ import annotations

from typing import Any

from loyalty.ledger.rules import Balance
from loyalty.members.absorb import MOST_IDENTIFIERS_OF_ONE
from loyalty.members.identify import MOST_IDENTIFIERS
from loyalty.people.answer import MemberAnswer
from loyalty.people.profile import Profile
from loyalty.people.search import Found
from loyalty.tiers.change import missing_named
from loyalty.tiers.rules import Amount, Keep, Ladder, Tier
from loyalty.web.fields import (
    Attributes,
    Choice,
    Day,
    Instant,
    Integer,
    ListOf,
    MemberId,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    TimeZone,
    instant_text,
)

STATUSES = ("active", "suspended", "cancelled")
MOST_PROGRAMS = 1000
_MOST_MERGED = 1000
_MOST_EXPIRING = 100


class IdentifierSchema(Schema):
    """What a member is known by: `kind` card, phone, email or another word."""

    kind = Text(most=50, required=True)
    value = Text(most=200, required=True)


class ReferralCode(Text):
    """The code of the member who brought somebody."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=20, **kwargs)


class NewMemberSchema(Schema):
    """Who joins; `referral_code` is that of the member who brought them."""

    member_id = MemberId(required=True)
    identifiers = ListOf(Part(IdentifierSchema), most=MOST_IDENTIFIERS, load_default=list)
    name = Text(most=200, load_default=None)
    birthday = Day(load_default=None)
    time_zone = TimeZone(load_default=None)
    attributes = Attributes(load_default=dict)
    referral_code = ReferralCode(load_default=None)


class MemberChangeSchema(Schema):
    """A merge patch; `identifiers` are replaced as a whole."""

    identifiers = ListOf(Part(IdentifierSchema), most=MOST_IDENTIFIERS, allow_none=True)
    name = Text(most=200, allow_none=True)
    birthday = Day(allow_none=True)
    time_zone = TimeZone(allow_none=True)
    attributes = Attributes(allow_none=True)


class BalanceSchema(Schema):
    """Where points stand; `owed` is a debt."""

    available = Points(required=True)
    pending = Points(required=True)
    held = Points(required=True)
    owed = Points(required=True)


class FiguresSchema(BalanceSchema):
    """Where points stand, and all that was ever given."""

    lifetime = Points(required=True)


class ReachedTierSchema(Schema):
    """The tier a member stands on, since when, and until when it is kept at least."""

    key = Slug(required=True)
    name = Text(required=True)
    since = Instant(required=True)
    until = Instant(required=True, allow_none=True)


class MissingSchema(Schema):
    """What is missing: points, or money in the program's currency, as its tiers ask."""

    points = Points()
    amount = Money()


class NextTierSchema(Schema):
    """The tier above."""

    key = Slug(required=True)
    name = Text(required=True)
    missing = Part(MissingSchema, required=True)


class KeepSchema(Schema):
    """What must be gained, and by when, to keep the present tier."""

    by = Instant(required=True)
    missing = Part(MissingSchema, required=True)


class ExpiringSchema(Schema):
    """Available points that expire together."""

    points = Points(required=True)
    expires_at = Instant(required=True)


class MemberSchema(Schema):
    """A member in a program."""

    member_id = MemberId(required=True)
    status = Choice(STATUSES, required=True)
    tier = Part(ReachedTierSchema, required=True)
    next_tier = Part(NextTierSchema, required=True, allow_none=True)
    keep = Part(
        KeepSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null: it is never lost."},
    )
    points = Part(FiguresSchema, required=True)
    expiring = ListOf(Part(ExpiringSchema), most=_MOST_EXPIRING, required=True)
    joined_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    name = Text(required=True, allow_none=True)
    birthday = Day(required=True, allow_none=True)
    time_zone = TimeZone(required=True, allow_none=True)
    attributes = Attributes(required=True)


def shown_member(member: MemberAnswer) -> dict[str, Any]:
    """The member as MemberSchema says. By hand, for this is what apps ask all day."""
    points, above = member.points, member.next_tier
    return {
        "member_id": member.member_id,
        "status": member.status,
        "tier": {
            "key": member.tier.key,
            "name": member.tier.name,
            "since": instant_text(member.tier_since),
            "until": instant_text(member.tier_until) if member.tier_until else None,
        },
        "next_tier": _above(member.ladder, *above) if above else None,
        "keep": _kept(member.ladder, member.keep) if member.keep else None,
        "points": {
            "available": points.available,
            "pending": points.pending,
            "held": points.held,
            "owed": points.owed,
            "lifetime": points.lifetime,
        },
        "expiring": [
            {"points": one.points, "expires_at": instant_text(one.expires_at)}
            for one in member.expiring
        ],
        "joined_at": instant_text(member.joined_at),
        "left_at": instant_text(member.left_at) if member.left_at else None,
        "name": member.name,
        "birthday": member.birthday,
        "time_zone": member.time_zone,
        "attributes": member.attributes,
    }


def _above(ladder: Ladder, tier: Tier, missing: Amount) -> dict[str, Any]:
    return {"key": tier.key, "name": tier.name, "missing": missing_named(ladder, missing)}


def _kept(ladder: Ladder, keep: Keep) -> dict[str, Any]:
    return {"by": instant_text(keep.by), "missing": missing_named(ladder, keep.missing)}


def shown_balance(balance: Balance) -> dict[str, int]:
    """The balance as BalanceSchema says."""
    return {
        "available": balance.available,
        "pending": balance.pending,
        "held": balance.held,
        "owed": balance.owed,
    }


class FoundTierSchema(Schema):
    """A tier by its names."""

    key = Slug(required=True)
    name = Text(required=True)


class FoundSchema(Schema):
    """A member that a search has found."""

    member_id = MemberId(required=True)
    name = Text(required=True, allow_none=True)
    status = Choice(STATUSES, required=True)
    tier = Part(FoundTierSchema, required=True)
    points = Part(BalanceSchema, required=True)
    joined_at = Instant(required=True)


def shown_found(found: Found) -> dict[str, Any]:
    """The member as FoundSchema says."""
    return {
        "member_id": found.member_id,
        "name": found.name,
        "status": found.status,
        "tier": {"key": found.tier.key, "name": found.tier.name},
        "points": shown_balance(found.points),
        "joined_at": instant_text(found.joined_at),
    }


class JoinedSchema(Schema):
    """One program of a member."""

    program = Slug(required=True)
    status = Choice(STATUSES, required=True)
    tier = Slug(required=True)
    points = Part(BalanceSchema, required=True)
    joined_at = Instant(required=True)


class ProfileSchema(Schema):
    """A member in every program."""

    member_id = MemberId(required=True)
    name = Text(required=True, allow_none=True)
    birthday = Day(required=True, allow_none=True)
    time_zone = TimeZone(required=True, allow_none=True)
    attributes = Attributes(required=True)
    identifiers = ListOf(Part(IdentifierSchema), most=MOST_IDENTIFIERS_OF_ONE, required=True)
    programs = ListOf(Part(JoinedSchema), most=MOST_PROGRAMS, required=True)
    merged = ListOf(MemberId(), most=_MOST_MERGED, required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


_PROFILE = ProfileSchema()


def shown_profile(profile: Profile) -> dict[str, Any]:
    """The member as ProfileSchema says."""
    shown: dict[str, Any] = _PROFILE.dump(profile)
    return shown


class LookupSchema(Schema):
    """Whom an identifier names."""

    identifier = Part(IdentifierSchema, required=True)
