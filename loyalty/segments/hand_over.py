"""The uploaded lists of a member who is merged: the survivor is on them now, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

# In the order of all who change the size of several.
_LOCK = text(
    "SELECT FROM segment s WHERE s.tenant_id = :tenant AND s.id IN ("
    "  SELECT segment_id FROM segment_member"
    "  WHERE tenant_id = :tenant AND membership_id = ANY(:memberships)"
    ") ORDER BY s.id FOR UPDATE"
)
_HAND_OVER = text("""
    WITH theirs AS (
      DELETE FROM segment_member WHERE tenant_id = :tenant AND membership_id = :absorbed
      RETURNING segment_id
    ), added AS (
      INSERT INTO segment_member (tenant_id, segment_id, membership_id)
      SELECT :tenant, segment_id, :heir FROM theirs ON CONFLICT DO NOTHING RETURNING segment_id
    )
    UPDATE segment SET size = size - 1
    WHERE tenant_id = :tenant
      AND id IN (SELECT segment_id FROM theirs EXCEPT SELECT segment_id FROM added)
""")
_TAKE_BACK = text("""
    WITH gone AS (
      DELETE FROM segment_member WHERE tenant_id = :tenant AND membership_id = ANY(:memberships)
      RETURNING segment_id
    ), were AS (
      SELECT segment_id FROM json_populate_recordset(NULL::segment_member, CAST(:rows AS json))
    )
    UPDATE segment s SET size = s.size
      + (SELECT count(*) FROM were w WHERE w.segment_id = s.id)
      - (SELECT count(*) FROM gone g WHERE g.segment_id = s.id)
    WHERE s.tenant_id = :tenant AND s.id IN (SELECT segment_id FROM gone)
""")
_PUT_BACK = text(
    "INSERT INTO segment_member"
    " SELECT * FROM json_populate_recordset(NULL::segment_member, CAST(:rows AS json))"
)


def hand_over(session: Session, absorbed: int, heir: int) -> None:
    """The membership `heir` is on each list on which `absorbed` was."""
    values = {"tenant": session.info["tenant_id"], "absorbed": absorbed, "heir": heir}
    session.execute(_LOCK, {**values, "memberships": [absorbed]})
    session.execute(_HAND_OVER, values)


def put_back(
    session: Session, memberships: Sequence[int], rows: Sequence[Mapping[str, Any]]
) -> None:
    """They are on the lists that `rows` of segment_member say, and on no other."""
    values = {
        "tenant": session.info["tenant_id"],
        "memberships": sorted(memberships),
        "rows": orjson.dumps(rows).decode(),
    }
    session.execute(_LOCK, values)
    session.execute(_TAKE_BACK, values)
    session.execute(_PUT_BACK, values)
