"""Members: where they stand in a program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import strawberry
from strawberry.scalars import JSON

from loyalty.members.identify import Identifier
from loyalty.people.answer import Figures, MemberAnswer, member_answer
from loyalty.people.answers import member_answers
from loyalty.people.profile import lookup
from loyalty.tiers import rules
from loyalty.tiers.rules import Amount, Ladder
from loyalty.web.fields import MemberId
from loyalty.web.graphql.asking import Asking, Info, formed
from loyalty.web.graphql.form import given, operation, told
from loyalty.web.graphql.pages import arguments
from loyalty.web.graphql.scalars import Points
from loyalty.web.member_schema import IdentifierSchema

_IDENTIFIER = IdentifierSchema()


@strawberry.enum(description="SUSPENDED: earns wait, burns are refused. CANCELLED: has left.")
class MemberStatus(StrEnum):
    """What becomes of a membership."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


@told
class Tier:
    """A status level, since when, and until when it is kept at least."""

    key: str
    name: str
    since: datetime
    until: datetime | None


@told
class Missing:
    """What is missing: points, or money in the program's currency, as its tiers ask."""

    points: Points | None = None
    amount: Decimal | None = None

    @classmethod
    def of(cls, ladder: Ladder, missing: Amount) -> Missing:
        """What is missing of what the ladder counts."""
        if ladder.policy.on == "points":
            return cls(points=Points(int(missing)))
        return cls(amount=Decimal(missing))


@told
class NextTier:
    """The tier above, and what is missing to it."""

    key: str
    name: str
    missing: Missing

    @classmethod
    def of(cls, ladder: Ladder, tier: rules.Tier, missing: Amount) -> NextTier:
        """The tier, and what is missing of what the ladder counts."""
        return cls(key=tier.key, name=tier.name, missing=Missing.of(ladder, missing))


@told
class Keep:
    """What must be gained, and by when, to keep the present tier."""

    by: datetime
    missing: Missing

    @classmethod
    def of(cls, ladder: Ladder, keep: rules.Keep) -> Keep:
        """What must be gained of what the ladder counts."""
        return cls(by=keep.by, missing=Missing.of(ladder, keep.missing))


@told
class Balance:
    """Where points stand; `owed` is a debt, `lifetime` all that was ever given."""

    available: Points
    pending: Points
    held: Points
    owed: Points
    lifetime: Points

    @classmethod
    def of(cls, figures: Figures) -> Balance:
        """The figures as they are told."""
        return cls(
            available=Points(figures.available),
            pending=Points(figures.pending),
            held=Points(figures.held),
            owed=Points(figures.owed),
            lifetime=Points(figures.lifetime),
        )


@told
class Expiring:
    """Available points that expire together."""

    points: Points
    expires_at: datetime


@told
class Member:
    """A member in a program. `keep` null: the tier is never lost."""

    member_id: str
    status: MemberStatus
    tier: Tier
    next_tier: NextTier | None
    keep: Keep | None
    points: Balance
    expiring: list[Expiring]
    joined_at: datetime
    left_at: datetime | None
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: JSON

    @classmethod
    def of(cls, member: MemberAnswer) -> Member:
        """The member as they are told."""
        ladder, above = member.ladder, member.next_tier
        return cls(
            member_id=member.member_id,
            status=MemberStatus(member.status),
            tier=Tier(
                key=member.tier.key,
                name=member.tier.name,
                since=member.tier_since,
                until=member.tier_until,
            ),
            next_tier=NextTier.of(ladder, *above) if above else None,
            keep=Keep.of(ladder, member.keep) if member.keep else None,
            points=Balance.of(member.points),
            expiring=[
                Expiring(points=Points(one.points), expires_at=one.expires_at)
                for one in member.expiring
            ],
            joined_at=member.joined_at,
            left_at=member.left_at,
            name=member.name,
            birthday=member.birthday,
            time_zone=member.time_zone,
            attributes=JSON(member.attributes),
        )


def read_members(
    asking: Asking, named: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Member]:
    """The members of these (program, member id) that are enrolled: one statement a program."""
    by_program: dict[str, set[str]] = defaultdict(set)
    for program, member_id in named:
        by_program[program].add(member_id)
    return {
        (slug, member_id): Member.of(answer)
        for slug, ids in by_program.items()
        for member_id, answer in member_answers(
            asking.session, asking.program(slug), ids, asking.at
        ).items()
    }


@given
class IdentifierInput:
    """What a member is known by: `kind` card, phone, email or another word."""

    kind: str
    value: str


@told
class MemberQueries:
    """Who the members are."""

    @operation("members.read")
    def member(self, info: Info, program: str, member_id: str) -> Member | None:
        """A member's status, tier and points. Members read their own."""
        info.context.who.require_member(member_id)
        return _member(info.context, program, formed(MemberId.form, member_id))

    @operation("members.search")
    def member_by(self, info: Info, program: str, identifier: IdentifierInput) -> Member | None:
        """The member who is known by a card, a phone number, an address."""
        known = Identifier(**arguments(_IDENTIFIER, **vars(identifier)))
        return _member(info.context, program, lookup(info.context.session, known).member_id)


def _member(asking: Asking, program: str, member_id: str) -> Member:
    answer = member_answer(asking.session, asking.program(program), member_id, asking.at)
    return Member.of(answer)
