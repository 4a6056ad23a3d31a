"""What a promotion has cost and brought: read from the awards, whose ids sort by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

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
      SELECT a.id, w.account_id, a.amount, a.currency, g.points, g.would_be, g.why_not
      FROM award w
      JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id
      CROSS JOIN LATERAL json_to_recordset(w.explanation->'given')
        AS g(promotion int, points bigint, would_be bigint, why_not text)
      WHERE w.tenant_id = :tenant AND w.program_id = :program
        AND w.activity_id >= least_id(CAST(:since AS timestamptz) - interval '1 minute'
                                      - (SELECT clock_offset FROM tenant WHERE id = :tenant))
        AND w.activity_id < least_id(CAST(:until AS timestamptz) + interval '1 minute')
        AND g.promotion = :promotion
        AND a.recorded_at >= :since AND a.recorded_at < :until
    ), returned AS MATERIALIZED (
      SELECT given.currency, v.worth,
             (SELECT sum((back->>'points')::bigint)
              FROM jsonb_array_elements(v.explanation->'given_back') back
              WHERE (back->>'promotion')::int = :promotion) AS points
      FROM given JOIN give_back_verdict v ON v.tenant_id = :tenant AND v.activity_id = given.id
       AND v.status = 'settled'
      WHERE given.points > 0
    ), sales AS (
      SELECT currency, sum(amount) AS amount FROM given
      WHERE points > 0 AND amount IS NOT NULL GROUP BY currency
    ), unsold AS (
      SELECT currency, sum(worth) AS amount FROM returned WHERE worth > 0 GROUP BY currency
    )
    SELECT coalesce(sum(points), 0)::bigint AS points,
           count(*) FILTER (WHERE points > 0) AS awards,
           count(DISTINCT account_id) FILTER (WHERE points > 0) AS members,
           count(*) FILTER (WHERE would_be IS NOT NULL OR why_not = 'limit') AS capped,
           coalesce(sum(would_be - points), 0)::bigint AS cut,
           (SELECT coalesce(jsonb_object_agg(currency, amount::text), '{}') FROM sales) AS sales,
           (SELECT coalesce(sum(points), 0)::bigint FROM returned) AS points_returned,
           (SELECT coalesce(jsonb_object_agg(currency, amount::text), '{}') FROM unsold)
             AS sales_returned
    FROM given
    """
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a promotion gave for what was recorded in [since, until).

    `cost` is what the points are worth at the program's burn rate, in its currency; `sales` are
    the amounts of the purchases for which it gave, by currency; `cut` are the points that its
    limits took, in `capped` awards. `…_returned` is the part of them that has come back since,
    whenever that was, and whatever of it the program let the members keep.
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
    points_returned: int
    cost_returned: Decimal
    sales_returned: Mapping[str, Decimal]


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
            "since": since,
            "until": until,
        },
    ).one()
    return Report(
        since,
        until,
        row.points,
        _cost(program, row.points),
        row.awards,
        row.members,
        _by_currency(row.sales),
        row.capped,
        row.cut,
        row.points_returned,
        _cost(program, row.points_returned),
        _by_currency(row.sales_returned),
    )


def _cost(program: Program, points: int) -> Decimal:
    burn = program.settings.burn
    return (points * burn.worth / burn.points).quantize(Decimal("0.01"))


def _by_currency(amounts: Mapping[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in sorted(amounts.items())}
