"""How two members stand, row by row: what a merge remembers, and what is put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

Rows = list[dict[str, Any]]
Stand = dict[str, Rows]

#: What an account has counted: a merge adds it to the heir's; the rows of the absorbed stay.
COUNTED = ("promotion_use", "campaign_progress", "tier_progress")

_OF_MEMBERS = {
    "member": "id = ANY(:members) OR merged_into = ANY(:members)",
    "identifier": "member_id = ANY(:members)",
    "membership": "member_id = ANY(:members)",
    "segment_member": "membership_id IN (SELECT ms.id FROM membership ms"
    " WHERE ms.tenant_id = :tenant AND ms.member_id = ANY(:members))",
}
_OF_ACCOUNTS = {
    "account": "id = ANY(:accounts)",
    **dict.fromkeys(COUNTED, "account_id = ANY(:accounts)"),
    "redemption": "account_id = ANY(:accounts) AND status = 'held'",
    "merged_account": "into_account = ANY(:accounts) AND NOT undone",
}


def _rows(table: str, which: str) -> str:
    return f"""
      (SELECT coalesce(json_agg(to_jsonb(t) ORDER BY to_jsonb(t)), '[]') FROM {table} t
       WHERE t.tenant_id = :tenant AND ({which})) AS {table}
    """  # noqa: S608 - constants of this file


_AWARDS = """
      (SELECT json_build_array(json_build_object('count', count(*))) FROM award t
       WHERE t.tenant_id = :tenant AND t.account_id = ANY(:accounts)) AS awards
"""
_STAND = text(
    "SELECT "
    + ",".join(
        [_rows(table, which) for table, which in (_OF_MEMBERS | _OF_ACCOUNTS).items()] + [_AWARDS]
    )
)


def stand(session: Session, members: Iterable[int], accounts: Iterable[int]) -> Stand:
    """Every row of the two that a merge changes, and how many awards their accounts have.

    Members and accounts are locked, so that nobody else changes them.
    """
    row = session.execute(
        _STAND,
        {
            "tenant": session.info["tenant_id"],
            "members": sorted(members),
            "accounts": sorted(accounts),
        },
    ).one()
    return dict(row._mapping)


#: What a merge changes of each row, and so what is put back.
_CHANGED: Mapping[str, tuple[str, ...]] = {
    "member": ("name", "birthday", "time_zone", "attributes", "merged_into"),
    "identifier": ("member_id",),
    "membership": (
        "member_id",
        "status",
        "joined_at",
        "left_at",
        "tier_key",
        "tier_since",
        "tier_until",
        "tier_protected_until",
        "tier_review_at",
        "tier_epoch",
    ),
    "redemption": ("account_id", "entry_version"),
    "merged_account": ("into_account",),
}
_KEYS = {"identifier": ("kind", "value"), "merged_account": ("merge_id", "program_id")}


def _update(table: str, columns: Iterable[str]) -> str:
    same = " AND ".join(f"t.{name} = r.{name}" for name in _KEYS.get(table, ("id",)))
    changed = ", ".join(f"{name} = r.{name}" for name in columns)
    rows = f"json_populate_recordset(NULL::{table}, CAST(:rows AS json)) r"
    how = f"SET {changed} FROM {rows} WHERE t.tenant_id = :tenant AND {same}"
    return f"UPDATE {table} t {how}"


def _replace(table: str) -> str:
    rows = f"json_populate_recordset(NULL::{table}, CAST(:rows AS json))"
    theirs = "tenant_id = :tenant AND account_id = ANY(:accounts)"
    gone = f"DELETE FROM {table} WHERE {theirs}"  # noqa: S608 - constants of this file
    return f"{gone}; INSERT INTO {table} SELECT * FROM {rows}"  # noqa: S608


_PUT_BACK = {
    **{table: text(_update(table, columns)) for table, columns in _CHANGED.items()},
    **{table: text(_replace(table)) for table in COUNTED},
}


def put_back(session: Session, before: Stand, accounts: Iterable[int]) -> None:
    """Puts the rows back as they stood `before`; the points are the ledger's to move."""
    whose = {"tenant": session.info["tenant_id"], "accounts": sorted(accounts)}
    for table, statement in _PUT_BACK.items():
        session.execute(statement, {**whose, "rows": orjson.dumps(before[table]).decode()})


def row_of(rows: Rows, row_id: int) -> Mapping[str, Any]:
    """The row of that id."""
    return next(row for row in rows if row["id"] == row_id)
