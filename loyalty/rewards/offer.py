"""A reward is put into the catalogue, changed, and taken off it; what was redeemed stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.ids import uuid7
from loyalty.programs.merge_patch import merged
from loyalty.programs.queries import Program
from loyalty.rewards.models import RewardRow, StockRow
from loyalty.rewards.rules import read_eligible
from loyalty.segments.hold_named import hold_named

#: What can be told of a reward and changed later, besides its texts.
PLAIN = ("points", "money", "worth", "images", "limits", "starts_at", "ends_at", "low_at")
MERGED = ("texts", "vouchers")
CHANGEABLE = (*PLAIN, *MERGED, "eligible")


class RewardExists(Conflict):
    """409: the program offers a reward of this key already."""

    code = "reward_exists"
    title = "The program has a reward of this key already"
    cure = "Choose another key, or change the reward that is there."


def add_reward(session: Session, program: Program, wanted: Mapping[str, Any], by: By) -> RewardRow:
    """Offers a reward; `wanted` names its columns, and `stock`: how many there are, or None.

    Raises RewardExists, and Invalid for values that contradict each other, or name what is not
    there.
    """
    own = {name: value for name, value in wanted.items() if name != "stock"}
    stock = wanted.get("stock")
    check(own, stock)
    _hold(session, program, own.get("eligible"))
    row: RewardRow | None = session.scalar(
        insert_or_not(RewardRow)
        .values(
            tenant_id=session.info["tenant_id"],
            id=uuid7(),
            program_id=program.id,
            created_at=by.at,
            **own,
        )
        .on_conflict_do_nothing()
        .returning(RewardRow)
    )
    if row is None:
        raise RewardExists(f"There is a reward {wanted['key']!r} already.")
    if stock is not None:
        session.execute(
            insert(StockRow).values(
                tenant_id=row.tenant_id, reward_id=row.id, total=stock, remaining=stock
            )
        )
    _record(session, "reward.add", program, row, by, after={**told(row), "stock": stock})
    return row


def change_reward(
    session: Session, program: Program, row: RewardRow, patch: Mapping[str, Any], by: By
) -> RewardRow:
    """Applies a merge patch to a reward that was read with `lock`; it holds from now on.

    Raises Invalid for values that contradict each other, or name what is not there.
    """
    before = told(row)
    if row.vouchers is None and patch.get("vouchers") is not None:
        raise Invalid.field("/vouchers", "not_for_kind", "Only a voucher has codes.")
    for name, value in patch.items():
        present = getattr(row, name)
        setattr(row, name, merged(present, value) if name in MERGED else value)
    check({name: getattr(row, name) for name in ("kind", *CHANGEABLE)}, None)
    _hold(session, program, row.eligible)
    row.version += 1
    session.flush()
    _record(session, "reward.change", program, row, by, before=before, after=told(row))
    return row


def end_reward(session: Session, program: Program, row: RewardRow, by: By) -> None:
    """Takes a reward off the catalogue: its key is free again, and holds of it can be captured."""
    row.ended_at = by.at
    session.flush()
    _record(session, "reward.end", program, row, by, before=told(row))


def check(values: Mapping[str, Any], stock: int | None) -> None:
    """Raises Invalid when the values of a reward contradict each other."""
    vouchers = values.get("vouchers")
    if (values["kind"] == "voucher") != (vouchers is not None):
        raise Invalid.field(
            "/vouchers", "not_for_kind", "A voucher says where its codes come from, no other does."
        )
    if vouchers is not None and vouchers["from"] == "pool" and stock is not None:
        raise Invalid.field("/stock", "pool_is_stock", "The codes in the pool are its stock.")
    starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise Invalid.field("/ends_at", "not_after_start", "ends_at is not after starts_at.")
    if not values["texts"]:
        raise Invalid.field("/texts", "required", "At least one language is needed.")
    for language, words in values["texts"].items():
        if not words.get("name"):
            raise Invalid.field(f"/texts/{language}/name", "required", "A name is needed.")
    periods = [limit["per"] for limit in values.get("limits") or ()]
    for index, per in enumerate(periods):
        if per in periods[:index]:
            raise Invalid.field(f"/limits/{index}/per", "not_unique", f"{per} stands there twice.")
    if values.get("eligible") is not None:
        read_eligible(values["eligible"], "/eligible")


def _hold(session: Session, program: Program, eligible: Mapping[str, Any] | None) -> None:
    if eligible is not None:
        hold_named(session, program, read_eligible(eligible, "/eligible"), "/eligible")


def told(row: RewardRow) -> dict[str, Any]:
    """The reward as the audit log keeps it."""
    names = ("key", "kind", *CHANGEABLE)
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, list, dict)) else str(value)


def _record(
    session: Session,
    act: str,
    program: Program,
    row: RewardRow,
    by: By,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        by,
        act=act,
        subject=f"program {program.slug} reward {row.key}",
        before=before,
        after=after,
    )
