"""What a promotion has cost and brought: read from the awards, whose ids sort by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Invalid
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion

LONGEST = timedelta(days=93)
_PATIENCE = text("SET LOCAL statement_timeout = '60s'")
# A sandbox's clock is ahead of its ids, which are the world's: it only ever goes forward.
_REPORT = text(
    """
    WITH given AS MATERIALIZED (
      SELECT w.account_id, a.amount, a.currency, (g->>'points')::bigint AS points,
             (g->>'would_be')::bigint AS would_be, g->>'why_not' AS why_not
      FROM award w
      JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id
      CROSS JOIN LATERAL jsonb_array_elements(w.explanation->'given') g
      WHERE w.tenant_id = :tenant AND w.program_id = :program
        AND w.activity_id >= least_id(CAST(:since AS timestamptz) - interval '1 minute'
                                      - (SELECT clock_offset FROM tenant WHERE id = :tenant))
        AND w.activity_id < least_id(CAST(:until AS timestamptz) + interval '1 minute')
        AND w.explanation @> CAST(:contains AS jsonb)
        AND (g->>'promotion')::int = :promotion
        AND a.recorded_at >= :since AND a.recorded_at < :until
    ), sales AS (
      SELECT currency, sum(amount) AS amount FROM given
      WHERE points > 0 AND amount IS NOT NULL GROUP BY currency
    )
    SELECT coalesce(sum(points), 0)::bigint AS points,
           count(*) FILTER (WHERE points > 0) AS awards,
           count(DISTINCT account_id) FILTER (WHERE points > 0) AS members,
           count(*) FILTER (WHERE would_be IS NOT NULL OR why_not = 'limit') AS capped,
           coalesce(sum(would_be - points), 0)::bigint AS cut,
           (SELECT coalesce(jsonb_object_agg(currency, amount::text), '{}') FROM sales) AS sales
    FROM given
    """
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a promotion gave for what was recorded in [since, until).

    `cost` is what the points are worth at the program's burn rate, in its currency; `sales` are
    the amounts of the purchases for which it gave, by currency; `cut` are the points that its
    limits took, in `capped` awards.
    """

    since: datetime
    until: datetime
    points: int
    cost: Decimal
    awards: int
    members: int
    sales: Mapping[str, Decimal]
    capped: int
    cut: int


def report(
    session: Session, program: Program, promotion: Promotion, since: datetime, until: datetime
) -> Report:
    """Raises Invalid when the time is longer than 93 days, or none."""
    if not timedelta() < until - since <= LONGEST:
        raise Invalid.field("?until", "out_of_range", f"1 to {LONGEST.days} days are told at once.")
    session.execute(_PATIENCE)
    row = session.execute(
        _REPORT,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "promotion": promotion.id,
            "contains": orjson.dumps({"given": [{"promotion": promotion.id}]}).decode(),
            "since": since,
            "until": until,
        },
    ).one()
    burn = program.settings.burn
    return Report(
        since,
        until,
        row.points,
        (row.points * burn.worth / burn.points).quantize(Decimal("0.01")),
        row.awards,
        row.members,
        {currency: Decimal(amount) for currency, amount in sorted(row.sales.items())},
        row.capped,
        row.cut,
    )
