"""Everything that is known of a tenant, or of one member: table by table, row by row, as JSON.

All of it is read in one snapshot, in pages, so that neither its size nor who writes meanwhile
matters. Secrets stay here; what the house keeps for itself is left out, and a test names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.queries import member_by_id

PAGE = 1000
_IDS, _ACCOUNTS, _MEMBERSHIPS = "= ANY(:ids)", "= ANY(:accounts)", "= ANY(:memberships)"
_ON_ACCOUNT = f"account_id {_ACCOUNTS}"
_BETWEEN = f"from_account {_ACCOUNTS} OR to_account {_ACCOUNTS}"
_INTO = f"account_id {_ACCOUNTS} OR into_account {_ACCOUNTS}"
_OWN_ACTIVITY = f"""(
    SELECT activity_id FROM award WHERE tenant_id = :tenant AND account_id {_ACCOUNTS}
    UNION SELECT activity_id FROM setback
          WHERE tenant_id = :tenant AND member_id = ANY(:names)
    UNION SELECT s.activity_id FROM setback s
          JOIN identifier i ON i.tenant_id = :tenant AND i.kind = s.identifier_kind
            AND i.value = s.identifier_value AND i.member_id {_IDS}
          WHERE s.tenant_id = :tenant
    UNION SELECT u.activity_id FROM unsettled u
          JOIN activity a ON a.tenant_id = :tenant AND a.id = u.activity_id
          WHERE u.tenant_id = :tenant AND a.member_id = ANY(:names))"""  # noqa: S608 - constants
_OWN_REDEMPTION = f"""(
    SELECT id FROM redemption WHERE tenant_id = :tenant AND {_ON_ACCOUNT})"""  # noqa: S608
_OWN_PURCHASE = f"""(program_id, source, transaction_id) IN (
    SELECT program_id, source, transaction_id FROM activity
    WHERE tenant_id = :tenant AND id IN {_OWN_ACTIVITY})"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Told:
    """A table that is exported. `of_member`: which of its rows are of a member; None: none.
    `secret` columns are left out."""

    name: str
    order: str
    of_member: str | None = None
    secret: tuple[str, ...] = ()


_RULES: tuple[Told, ...] = (
    Told("program", "id"),
    Told("tier", "program_id, key"),
    Told("retailer", "id"),
    Told("product", "sku"),
    Told("promotion", "id"),
    Told("promotion_version", "promotion_id, version"),
    Told("goal", "id"),
    Told("campaign", "id"),
    Told("campaign_goal", "campaign_id, position"),
    Told("referral_rule", "program_id"),
    Told("segment", "id"),
    Told("reward", "id"),
    Told("reward_stock", "reward_id"),
)
_PEOPLE: tuple[Told, ...] = (
    Told("member", "id", f"id {_IDS}", ("name_folded",)),
    Told("identifier", "kind, value", f"member_id {_IDS}"),
    Told("membership", "id", f"member_id {_IDS}"),
    Told("segment_member", "segment_id, membership_id", f"membership_id {_MEMBERSHIPS}"),
    Told("member_merge", "id", f"from_member {_IDS} OR into_member {_IDS}"),
    Told("referral_code", "program_id, code", f"member_id {_IDS}"),
    Told("referral", "id", f"referrer_id {_IDS} OR referred_id {_IDS}"),
    Told("mail_refusal", "membership_id", f"membership_id {_MEMBERSHIPS}"),
    Told("notification", "id", f"membership_id {_MEMBERSHIPS}"),
)
_BOOK: tuple[Told, ...] = (
    Told("account", "id", f"id {_ACCOUNTS}"),
    Told("entry", "account_id, version", _ON_ACCOUNT),
    Told("lot", "account_id, id", _ON_ACCOUNT),
    Told("lot_draw", "account_id, entry_version, lot_id", _ON_ACCOUNT),
    Told("merged_account", "merge_id, program_id", _INTO.replace("account_id", "from_account")),
    Told("moved_lot", "account_id, lot_id, into_account, into_lot", _INTO),
    Told("opening_balance", "id", _ON_ACCOUNT, ("input_hash",)),
    Told("activity", "id", f"id IN {_OWN_ACTIVITY}", ("input_hash",)),
    Told("unsettled", "activity_id", f"activity_id IN {_OWN_ACTIVITY}"),
    Told("award", "activity_id", _ON_ACCOUNT),
    Told("setback", "activity_id", f"activity_id IN {_OWN_ACTIVITY}"),
    Told("correction", "id", _ON_ACCOUNT),
    Told("give_back", "id", _OWN_PURCHASE, ("input_hash",)),
    Told("unsettled_give_back", "give_back_id"),
    Told("give_back_verdict", "give_back_id", _ON_ACCOUNT),
    Told("redemption", "id", _ON_ACCOUNT),
    Told("redemption_step", "redemption_id, step", f"redemption_id IN {_OWN_REDEMPTION}"),
    Told("voucher", "id", f"redemption_id IN {_OWN_REDEMPTION}"),
    Told("adjustment", "id", _ON_ACCOUNT),
    Told("adjustment_request", "id", f"member_id {_IDS}"),
    Told("transfer", "id", _BETWEEN),
    Told("tier_progress", "account_id, day", _ON_ACCOUNT),
    Told("promotion_use", "account_id, promotion_id, period", _ON_ACCOUNT),
    Told("promotion_budget", "promotion_id, period"),
    Told("campaign_progress", "campaign_id, account_id", _ON_ACCOUNT),
    Told("campaign_step", "account_id, activity_id, campaign_id, cause_id", _ON_ACCOUNT),
    Told("campaign_completion", "campaign_id, account_id, n", _ON_ACCOUNT),
    Told("campaign_gift", "id", _ON_ACCOUNT),
    Told("boost", "account_id, campaign_id, n, position", _ON_ACCOUNT),
)
_RUNNING: tuple[Told, ...] = (
    Told("event", "id", "subject = ANY(:subjects)", ("place", "seq")),
    Told("audit_record", "id"),  # what staff did is theirs to tell
    Told("re_evaluation", "id"),
    Told("source_total", "program_id, source, day, currency"),
    Told("job", "id"),
    Told("job_refusal", "job_id, place"),
    Told("operator", "id", secret=("password_hash",)),
    Told("api_key", "id", secret=("secret_hash",)),
    Told("key_set", "id"),
    Told("webhook", "id", secret=("secret", "old_secret")),
    Told("mail_template", "kind, language"),
)
EXPORTED: Final[tuple[Told, ...]] = _RULES + _PEOPLE + _BOOK + _RUNNING
#: Tables that are not exported, and why.
LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tenant": "it is the whole of it",
        "issuer": "a secret: it signs tokens",
        "idempotency": "answers of the last 30 days; what they made stands in the book",
        "import_chunk": "on its way in",
        "member_word": "an index of what members say",
        "bulk_act_batch": "the work list of a job",
        "mail_key": "a secret: it signs links",
        "mail_reader": "how far the house has read",
        "expiry_warning": "how far the house has warned",
        "webhook_delivery": "copies of events",
    }
)


def members_rows(session: Session, member_id: str) -> dict[str, object]:
    """By what a member's rows are found, with those of all who were merged into them.

    Raises NotFound.
    """
    own = {"tenant": session.info["tenant_id"], "id": member_by_id(session, member_id).id}
    named = session.execute(_NAMES, own).all()
    ids, names = [row.id for row in named], [row.member_id for row in named]
    memberships = session.execute(_OF_MEMBERS, {**own, "ids": ids}).all()
    return {
        "ids": ids,
        "names": names,
        "memberships": [row.id for row in memberships],
        "accounts": [row.account_id for row in memberships],
        "subjects": [f"member {name}" for name in names],
    }


_NAMES = text(
    "SELECT id, member_id FROM member WHERE tenant_id = :tenant AND (id = :id OR merged_into = :id)"
)
_OF_MEMBERS = text(
    "SELECT id, account_id FROM membership WHERE tenant_id = :tenant AND member_id = ANY(:ids)"
)


def export(session: Session, whose: Mapping[str, object] | None) -> Iterator[tuple[str, str]]:
    """Table and row as JSON text: all that is exported of the session's tenant, or what
    `members_rows` finds. The session's transaction is a snapshot."""
    values = {"tenant": session.info["tenant_id"], **(whose or {})}
    for table in EXPORTED:
        if whose is not None and table.of_member is None:
            continue
        which = "" if whose is None else f" AND ({table.of_member})"
        left_out = ", ".join(f"'{one}'" for one in ("tenant_id", *table.secret))
        query = (
            f"SELECT (to_jsonb(x) - ARRAY[{left_out}])::text FROM {table.name} x"  # noqa: S608
            f" WHERE tenant_id = :tenant{which} ORDER BY {table.order}"
        )
        for row in _rows(session, query, values):
            yield table.name, row


def _rows(session: Session, query: str, values: Mapping[str, object]) -> Iterator[str]:
    """In pages, by a cursor of Postgres: a page is all that is ever held of it."""
    session.execute(text(f"DECLARE told NO SCROLL CURSOR FOR {query}"), values)
    while page := session.scalars(_FETCH).all():
        yield from page
    session.execute(_CLOSE)


_FETCH = text(f"FETCH {PAGE} FROM told")
_CLOSE = text("CLOSE told")
