"""Why an entry was written, what it drew from or made, and what became of that since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.explain import explain
from loyalty.earning.queries import tell_one
from loyalty.errors import NotFound
from loyalty.ledger.rules import Kind
from loyalty.people.rules import Later, LotTold, change_of_lot, explained
from loyalty.people.statement import StatementLine, line_of

MOST_LOTS = 100  # of one entry; and what happened later, of one lot


@dataclass(frozen=True, slots=True)
class Cause:
    """What an entry names as its cause. `kind`: earn, return, redemption, adjustment, transfer,
    merge, opening, act (of the audit log), or time.

    `told` is what there is to say of it; `entries` are the others of the same cause.
    """

    kind: str
    id: UUID
    href: str | None
    actor: str | None
    reason: str | None
    told: Mapping[str, Any]
    entries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Explained:
    """An entry of `member_id` in `program`, explained. `why` is the explanation of an earn."""

    program: str
    member_id: str
    line: StatementLine
    points: int
    from_bucket: str
    to_bucket: str
    cause: Cause
    lots: Sequence[LotTold]
    why: Mapping[str, Any] | None
    sentence: str


_ENTRY = text(
    """
    SELECT e.kind, e.from_bucket, e.to_bucket, e.points, e.cause_id, p.slug, p.unit,
           coalesce(heir.member_id, m.member_id) AS member_id
    FROM entry e
    JOIN account a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
    JOIN program p ON p.tenant_id = a.tenant_id AND p.id = a.program_id
    JOIN membership ms ON ms.tenant_id = a.tenant_id AND ms.account_id = a.id
    JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id
    LEFT JOIN member heir ON heir.tenant_id = m.tenant_id AND heir.id = m.merged_into
    WHERE e.tenant_id = :tenant AND e.account_id = :account AND e.version = :version
    """
)
# Whatever an entry names as its cause is found by its id, whatever the entry's kind.
_CAUSE = text(
    """
    SELECT 'earn' AS kind, '/v1/earns/' || id AS href, NULL AS actor, NULL AS reason,
           jsonb_build_object('source', source, 'transaction_id', transaction_id,
                              'activity', kind) AS told
    FROM activity WHERE tenant_id = :tenant AND id = :cause
    UNION ALL
    SELECT 'return', '/v1/returns/' || id, actor, NULL,
           jsonb_build_object('source', source, 'transaction_id', transaction_id,
                              'return_id', return_id)
    FROM give_back WHERE tenant_id = :tenant AND id = :cause
    UNION ALL
    SELECT 'redemption', '/v1/redemptions/' || r.id, coalesce(s.actor, r.actor), s.reason,
           jsonb_build_object('status', r.status, 'points', r.points, 'reward', w.key)
    FROM redemption r
    LEFT JOIN redemption_step s ON s.tenant_id = r.tenant_id AND s.redemption_id = r.id
      AND r.account_id = :account AND s.entry_version = :version
    LEFT JOIN reward w ON w.tenant_id = r.tenant_id AND w.id = r.reward_id
    WHERE r.tenant_id = :tenant AND r.id = :cause
    UNION ALL
    SELECT 'adjustment', coalesce('/v1/adjustment-requests/' || q.id,
                                  '/v1/re-evaluations/' || c.re_evaluation_id),
           j.actor, j.reason,
           jsonb_build_object('points', j.points, 'approved_by', q.decided_by,
                              'earn', c.activity_id)
    FROM adjustment j
    LEFT JOIN adjustment_request q ON q.tenant_id = j.tenant_id AND q.id = j.id
    LEFT JOIN correction c ON c.tenant_id = j.tenant_id AND c.id = j.id
    WHERE j.tenant_id = :tenant AND j.id = :cause
    UNION ALL
    SELECT 'transfer', '/v1/transfers/' || t.id, t.actor, t.reason,
           jsonb_build_object('points', t.points, 'from', giver.member_id, 'to', taker.member_id)
    FROM transfer t
    JOIN membership one ON one.tenant_id = t.tenant_id AND one.account_id = t.from_account
    JOIN member giver ON giver.tenant_id = t.tenant_id AND giver.id = one.member_id
    JOIN membership other ON other.tenant_id = t.tenant_id AND other.account_id = t.to_account
    JOIN member taker ON taker.tenant_id = t.tenant_id AND taker.id = other.member_id
    WHERE t.tenant_id = :tenant AND t.id = :cause
    UNION ALL
    SELECT 'merge', '/v1/merges/' || g.id,
           CASE WHEN g.undone_at = :recorded_at THEN g.undone_by ELSE g.actor END,
           CASE WHEN g.undone_at = :recorded_at THEN g.undo_reason ELSE g.reason END,
           jsonb_build_object('from', gone.member_id, 'into', heir.member_id,
                              'undone', g.undone_at IS NOT NULL)
    FROM member_merge g
    JOIN member gone ON gone.tenant_id = g.tenant_id AND gone.id = g.from_member
    JOIN member heir ON heir.tenant_id = g.tenant_id AND heir.id = g.into_member
    WHERE g.tenant_id = :tenant AND g.id = :cause
    UNION ALL
    SELECT 'opening', NULL, actor, NULL,
           jsonb_build_object('reference', reference, 'points', points, 'tier_points', tier_points)
    FROM opening_balance WHERE tenant_id = :tenant AND id = :cause
    UNION ALL
    SELECT 'act', NULL, actor, reason, jsonb_build_object('act', act, 'subject', subject)
    FROM audit_record WHERE tenant_id = :tenant AND id = :cause
    """
)
# Of the same cause, on both sides of a transfer or a merge.
_BESIDE = text(
    """
    SELECT e.account_id || '-' || e.version FROM entry e
    WHERE e.tenant_id = :tenant AND e.cause_id = :cause
      AND e.account_id = ANY(ARRAY(
        SELECT CAST(:account AS bigint)
        UNION SELECT from_account FROM transfer WHERE tenant_id = :tenant AND id = :cause
        UNION SELECT to_account FROM transfer WHERE tenant_id = :tenant AND id = :cause
        UNION SELECT from_account FROM merged_account
              WHERE tenant_id = :tenant AND merge_id = :cause
        UNION SELECT into_account FROM merged_account
              WHERE tenant_id = :tenant AND merge_id = :cause))
      AND (e.account_id, e.version) <> (:account, :version)
    ORDER BY e.account_id, e.version LIMIT :most
    """
)


def explain_entry(session: Session, account_id: int, version: int) -> Explained:
    """Explains the entry `<account>-<version>`. Raises NotFound."""
    values = {"tenant": session.info["tenant_id"], "account": account_id, "version": version}
    row = session.execute(_ENTRY, values).one_or_none()
    if row is None:
        raise NotFound(f"There is no entry {account_id}-{version}.")
    line = line_of(session, account_id, version, row.unit)
    cause = _cause(session, {**values, "cause": row.cause_id, "recorded_at": line.recorded_at})
    why = None
    if cause.kind == "earn" and row.kind == Kind.AWARD:
        [why] = explain(session, [tell_one(session, row.cause_id)])
    lots = _lots(session, values, row.from_bucket, row.to_bucket)
    told = str(why["sentence"]) if why else ""
    return Explained(
        row.slug,
        row.member_id,
        line,
        row.points,
        row.from_bucket,
        row.to_bucket,
        cause,
        lots,
        why,
        explained(line.text, told, cause.actor, cause.reason, lots, row.unit),
    )


def _cause(session: Session, values: Mapping[str, Any]) -> Cause:
    row = session.execute(_CAUSE, values).first()
    if row is None:  # what time does has no cause but itself
        return Cause("time", values["cause"], None, None, None, {}, [])
    beside = session.scalars(_BESIDE, {**values, "most": MOST_LOTS}).all()
    told = {name: value for name, value in row.told.items() if value is not None}
    return Cause(row.kind, values["cause"], row.href, row.actor, row.reason, told, beside)


_LOTS = text(
    """
    SELECT l.id, coalesce(d.points, l.points) AS here, d.points IS NULL AS made, l.points,
           l.remaining, l.active, l.activates_at, l.expires_at, made.kind AS made_by
    FROM lot l
    JOIN entry made ON made.tenant_id = l.tenant_id AND made.account_id = l.account_id
      AND made.version = l.id
    LEFT JOIN lot_draw d ON d.tenant_id = l.tenant_id AND d.account_id = l.account_id
      AND d.lot_id = l.id AND d.entry_version = :version
    WHERE l.tenant_id = :tenant AND l.account_id = :account
      AND l.id = ANY(ARRAY(SELECT CAST(:version AS bigint) UNION
                           SELECT lot_id FROM lot_draw WHERE tenant_id = :tenant
                             AND account_id = :account AND entry_version = :version))
    ORDER BY l.id LIMIT :most
    """
)
_LATER = text(
    """
    SELECT x.lot_id, x.entry_version, x.points, e.kind, e.from_bucket, e.to_bucket, e.occurred_at
    FROM unnest(CAST(:lots AS bigint[])) l(id)
    CROSS JOIN LATERAL (
      SELECT * FROM lot_draw d WHERE d.tenant_id = :tenant AND d.account_id = :account
        AND d.lot_id = l.id AND d.entry_version > :version
      ORDER BY d.entry_version LIMIT :most
    ) x
    JOIN entry e ON e.tenant_id = :tenant AND e.account_id = :account
      AND e.version = x.entry_version
    ORDER BY x.lot_id, x.entry_version
    """
)


def _lots(
    session: Session, values: Mapping[str, Any], from_bucket: str, to_bucket: str
) -> list[LotTold]:
    account = values["account"]
    rows = session.execute(_LOTS, {**values, "most": MOST_LOTS}).all()
    later: dict[int, list[Later]] = defaultdict(list)
    asked = {**values, "lots": [row.id for row in rows], "most": MOST_LOTS}
    for row in session.execute(_LATER, asked) if rows else ():
        later[row.lot_id].append(
            Later(
                f"{account}-{row.entry_version}",
                row.kind,
                row.points,
                row.from_bucket,
                row.to_bucket,
                row.occurred_at,
            )
        )
    return [
        LotTold(
            f"{account}-{row.id}",
            "made" if row.made else change_of_lot(from_bucket, to_bucket),
            row.here,
            row.points,
            row.remaining,
            row.active,
            row.activates_at,
            row.expires_at,
            row.made_by,
            later[row.id],
        )
        for row in rows
    ]
