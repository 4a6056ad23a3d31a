"""Many members come in at once, from another system: who is new joins, who is known is brought
up to date. One at a time is loyalty.members.enrol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Problem, Unavailable
from loyalty.ledger.post import open_accounts
from loyalty.members.absorb import AlreadyMerged
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier, IdentifierTaken
from loyalty.members.queries import MemberErased
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program

Outcome = Literal["added", "changed", "unchanged"] | Problem  #: of a Problem, nothing was done
_Claim = tuple[str, str]


class HasLeft(Conflict):
    """409: a list of names does not bring back who has left."""

    code = "has_left"
    title = "The member has left the program"
    cure = "Enrol them if they want to join again: POST /v1/programs/{program}/members."


@dataclass(frozen=True, slots=True)
class Incoming:
    """Who comes in. Of one who is in the program, all but what is known of them stays as it is."""

    who: NewMember
    joined_at: datetime
    tier_key: str
    tier_since: datetime
    tier_until: datetime | None = None
    tier_protected_until: datetime | None = None
    tier_review_at: datetime | None = None

    @property
    def name(self) -> str:
        """The tenant's own id of the member."""
        return self.who.member_id


def bring_in(
    session: Session, program: Program, people: Sequence[Incoming], at: datetime
) -> list[Outcome]:
    """What became of each, in their order. A repeat changes nothing.

    Raises Unavailable when somebody else is at the same members just now: nothing is done then.
    """
    outcomes: dict[int, Outcome] = {}
    left = dict(enumerate(people))
    while left:  # who stands there twice comes in twice, one after the other
        turn = {one.name: index for index, one in reversed(left.items())}
        told = _bring_in_each(session, program, {i: left.pop(i) for i in turn.values()}, at)
        outcomes.update(told)
    return [outcomes[index] for index in range(len(people))]


def _bring_in_each(
    session: Session, program: Program, people: dict[int, Incoming], at: datetime
) -> dict[int, Outcome]:
    seen = _standing(session, program, [one.name for one in people.values()])
    owners = _owners(session, [claim for one in people.values() for claim in _claims(one)])
    outcomes: dict[int, Outcome] = {}
    good: dict[str, Incoming] = {}
    for index, one in sorted(people.items()):
        problem = _refusal(one, seen.get(one.name), owners)
        if problem is not None:
            outcomes[index] = problem
            continue
        good[one.name] = one
        owners.update(dict.fromkeys(_claims(one), one.name))
    wanted = [good[name] for name in sorted(good)]
    changed = _know(session, wanted, at)
    locked = _standing(session, program, good)
    if any(row.merged_into is not None for row in locked.values()):
        raise Unavailable("A member was merged just now.")
    ids = {name: row.id for name, row in locked.items()}
    changed |= _identify(session, wanted, ids)
    new = [one for one in wanted if locked[one.name].status is None]
    _join(session, program, new, ids)
    added = {one.name for one in new}
    told = {"again": False}
    emit(
        session,
        [Event("member.joined", f"member {name}", told, program.id) for name in sorted(added)],
        at,
    )
    for index, one in people.items():
        outcomes.setdefault(index, _outcome(one.name, added, changed))
    return outcomes


def _outcome(name: str, added: set[str], changed: set[str]) -> Outcome:
    return "added" if name in added else "changed" if name in changed else "unchanged"


def _claims(one: Incoming) -> list[_Claim]:
    return [(identifier.kind, identifier.value) for identifier in one.who.identifiers]


def _refusal(one: Incoming, standing: Row[Any] | None, owners: dict[_Claim, str]) -> Problem | None:
    if standing is not None and standing.erased_at is not None:
        return MemberErased(one.name)
    if standing is not None and standing.merged_into is not None:
        return AlreadyMerged(f"{one.name} was merged into another member.")
    if standing is not None and standing.status == "cancelled":
        return HasLeft(f"{one.name} has left the program.")
    for kind, value in _claims(one):
        if owners.get((kind, value), one.name) != one.name:
            return IdentifierTaken(f"Another member has the {kind} {value}.")
    return None


_STANDING = text(
    "SELECT named.name, m.id, m.merged_into, m.erased_at, ms.status"
    " FROM unnest(CAST(:names AS text[])) named(name)"
    " CROSS JOIN LATERAL (SELECT * FROM member x WHERE x.tenant_id = :tenant"
    "   AND x.member_id = named.name LIMIT 1) m"
    " LEFT JOIN LATERAL (SELECT x.status FROM membership x WHERE x.tenant_id = :tenant"
    "   AND x.program_id = :program AND x.member_id = m.id LIMIT 1) ms ON true"
)


def _standing(session: Session, program: Program, names: Iterable[str]) -> dict[str, Row[Any]]:
    """Those of the names that are known, and how they stand in the program."""
    values = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "names": sorted(set(names)),
    }
    return {row.name: row for row in session.execute(_STANDING, values)}


_OWNERS = text(
    "SELECT r.kind, r.value, m.member_id"
    " FROM json_to_recordset(CAST(:claims AS json)) AS r(kind text, value text)"
    " CROSS JOIN LATERAL (SELECT x.member_id FROM identifier x WHERE x.tenant_id = :tenant"
    "   AND x.kind = r.kind AND x.value = r.value LIMIT 1) i"
    " CROSS JOIN LATERAL (SELECT x.member_id FROM member x WHERE x.tenant_id = :tenant"
    "   AND x.id = i.member_id LIMIT 1) m"
)


def _owners(session: Session, claims: Sequence[_Claim]) -> dict[_Claim, str]:
    """Who is known by these identifiers."""
    if not claims:
        return {}
    rows = [Identifier(kind, value) for kind, value in sorted(set(claims))]
    values = {"tenant": session.info["tenant_id"], "claims": orjson.dumps(rows).decode()}
    return {(row.kind, row.value): row.member_id for row in session.execute(_OWNERS, values)}


# Sorted, and the update locks members who were there, as enrolling does: two that bring in the
# same people take turns.
_KNOW = text(
    """
    INSERT INTO member AS m
      (tenant_id, member_id, name, birthday, time_zone, attributes, created_at)
    SELECT :tenant, r.member_id, r.name, r.birthday, r.time_zone, r.attributes, :at
    FROM json_to_recordset(CAST(:people AS json))
      AS r(member_id text, name text, birthday date, time_zone text, attributes jsonb)
    ORDER BY r.member_id
    ON CONFLICT (tenant_id, member_id) DO UPDATE SET
      name = coalesce(excluded.name, m.name),
      birthday = coalesce(excluded.birthday, m.birthday),
      time_zone = coalesce(excluded.time_zone, m.time_zone),
      attributes = m.attributes || excluded.attributes,
      version = m.version + 1
    WHERE (m.name, m.birthday, m.time_zone, m.attributes) IS DISTINCT FROM
          (coalesce(excluded.name, m.name), coalesce(excluded.birthday, m.birthday),
           coalesce(excluded.time_zone, m.time_zone), m.attributes || excluded.attributes)
    RETURNING m.member_id
    """
)


def _know(session: Session, people: Sequence[Incoming], at: datetime) -> set[str]:
    """The names of those of whom something new is known."""
    rows = [
        {
            "member_id": one.name,
            "name": one.who.name,
            "birthday": one.who.birthday,
            "time_zone": one.who.time_zone,
            "attributes": one.who.attributes,
        }
        for one in people
    ]
    values = {
        "tenant": session.info["tenant_id"],
        "people": orjson.dumps(rows).decode(),
        "at": at,
    }
    return set(session.scalars(_KNOW, values))


_IDENTIFY = text(
    "INSERT INTO identifier (tenant_id, kind, value, member_id)"
    " SELECT :tenant, r.kind, r.value, r.member"
    " FROM json_to_recordset(CAST(:rows AS json)) AS r(kind text, value text, member bigint)"
    " ORDER BY r.kind, r.value ON CONFLICT DO NOTHING RETURNING member_id"
)


def _identify(session: Session, people: Sequence[Incoming], ids: dict[str, int]) -> set[str]:
    """The names of those who are known by something more."""
    rows = [
        {"kind": kind, "value": value, "member": ids[one.name]}
        for one in people
        for kind, value in _claims(one)
    ]
    if not rows:
        return set()
    values = {"tenant": session.info["tenant_id"], "rows": orjson.dumps(rows).decode()}
    more = set(session.scalars(_IDENTIFY, values))
    owners = _owners(session, [claim for one in people for claim in _claims(one)])
    if any(owners[claim] != one.name for one in people for claim in _claims(one)):
        raise Unavailable("Somebody else has claimed an identifier just now.")
    return {name for name, row_id in ids.items() if row_id in more}


_JOIN = text(
    """
    INSERT INTO membership
      (tenant_id, program_id, member_id, account_id, status, tier_key, tier_since, tier_until,
       tier_protected_until, tier_review_at, tier_epoch, joined_at)
    SELECT :tenant, :program, r.member, r.account, 'active', r.tier_key, r.tier_since,
           r.tier_until, r.tier_protected_until, r.tier_review_at, :epoch, r.joined_at
    FROM json_to_recordset(CAST(:rows AS json))
      AS r(member bigint, account bigint, tier_key text, tier_since timestamptz,
           tier_until timestamptz, tier_protected_until timestamptz, tier_review_at timestamptz,
           joined_at timestamptz)
    """
)


def _join(
    session: Session, program: Program, people: Sequence[Incoming], ids: dict[str, int]
) -> None:
    if not people:
        return
    accounts = open_accounts(session, program.id, len(people))
    rows = [
        {
            "member": ids[one.name],
            "account": account,
            "tier_key": one.tier_key,
            "tier_since": one.tier_since,
            "tier_until": one.tier_until,
            "tier_protected_until": one.tier_protected_until,
            "tier_review_at": one.tier_review_at,
            "joined_at": one.joined_at,
        }
        for one, account in zip(people, accounts, strict=True)
    ]
    session.execute(
        _JOIN,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "epoch": program.tier_epoch,
            "rows": orjson.dumps(rows).decode(),
        },
    )
