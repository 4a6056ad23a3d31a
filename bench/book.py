"""Members, points and purchases put into a book by SQL, in sets: the rows that the house writes.

Every function works in the caller's transaction of the tenant, as the application's role.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.purchases import PROGRAM
from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.programs.create_program import NewProgram
from loyalty.promotions.open_program import open_program

PURSE = 1_000_000  # points that each member has, to burn from
JOINED_AT = datetime(2024, 1, 1, tzinfo=UTC)

_ENROL = text("""
    WITH m AS (
      INSERT INTO member (tenant_id, member_id, created_at)
      SELECT :tenant, 'm' || lpad(n::text, 7, '0'), :at FROM generate_series(1, :members) n
      RETURNING id
    ), a AS (
      INSERT INTO account (tenant_id, program_id)
      SELECT :tenant, :program FROM generate_series(1, :members) RETURNING id
    )
    INSERT INTO membership
      (tenant_id, program_id, member_id, account_id, status, tier_key, tier_since, joined_at)
    SELECT :tenant, :program, m.id, a.id, 'active', 'platinum', :at, :at
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM m) m
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM a) a USING (n)
""")

# One adjustment each, as `loyalty.care.adjust` writes it. Accounts are all at version 0.
_GIVE = text("""
    WITH given AS MATERIALIZED (
      SELECT id AS account_id, uuidv7() AS cause FROM account
      WHERE tenant_id = :tenant AND program_id = :program
    ), paid AS (
      UPDATE account SET available = :points, lifetime = :points, tier_points = :points, version = 1
      WHERE tenant_id = :tenant AND program_id = :program
    ), lots AS (
      INSERT INTO lot (tenant_id, account_id, id, points, remaining, active, open)
      SELECT :tenant, account_id, 1, :points, :points, true, true FROM given
    ), adjusted AS (
      INSERT INTO adjustment (tenant_id, id, program_id, account_id, points, reason, entry_version,
                              actor, occurred_at)
      SELECT :tenant, cause, :program, account_id, :points, 'bench', 1, 'bench', :at FROM given
    )
    INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                       pending_after, available_after, held_after, owed_after,
                       cause_id, occurred_at, recorded_at)
    SELECT :tenant, 'adjust', account_id, 1, 'adjusted', 'available', :points,
           0, :points, 0, 0, cause, :at, :at
    FROM given
""")

# So many awarded purchases of every member; the members come in turns.
_PURCHASES = text("""
    WITH planned AS MATERIALIZED (
      SELECT account_id, member_id, at_first + turn AS next, uuidv7() AS activity, n, amount, gives,
             available + sum(gives) OVER before_and_now AS available,
             tier_points + sum(gives) OVER before_and_now - gives AS tier_points
      FROM (
        SELECT s.id AS account_id, m.member_id, s.version AS at_first, s.available, s.tier_points,
               turn, amount, floor(amount)::bigint AS gives,
               row_number() OVER (ORDER BY turn, hashint8(s.id + turn)) + :already AS n
        FROM membership ms
        JOIN member m ON m.tenant_id = :tenant AND m.id = ms.member_id
        JOIN account s ON s.tenant_id = :tenant AND s.id = ms.account_id
        CROSS JOIN generate_series(1, :turns) turn
        CROSS JOIN LATERAL (SELECT (100 + random() * 9899 + 0 * turn)::int / 100.0 AS amount) one
        WHERE ms.tenant_id = :tenant AND ms.program_id = :program
      ) s
      WINDOW before_and_now AS (PARTITION BY account_id ORDER BY turn)
    ), told AS (
      INSERT INTO activity (tenant_id, program_id, id, kind, source, transaction_id, member_id,
                            amount, currency, retailer, occurred_at, recorded_at, input_hash, body)
      SELECT :tenant, :program, activity, 'purchase', 'till-' || lpad((n % 40)::text, 2, '0'),
             'F' || lpad(n::text, 9, '0'), member_id, amount, 'USD', 'wine-house', :at, :at,
             decode(md5(n::text), 'hex'),
             jsonb_build_object('store', 'store-' || lpad((n % 10)::text, 2, '0'),
                                'channel', 'till')
      FROM planned ORDER BY n
    ), paid AS (
      UPDATE account a
      SET available = p.available, lifetime = a.lifetime + p.given,
          tier_points = a.tier_points + p.given, version = p.version
      FROM (SELECT account_id, max(available) AS available, sum(gives) AS given,
                   max(next) AS version FROM planned GROUP BY account_id) p
      WHERE a.tenant_id = :tenant AND a.id = p.account_id
    ), lots AS (
      INSERT INTO lot (tenant_id, account_id, id, points, remaining, active, open)
      SELECT :tenant, account_id, next, gives, gives, true, true FROM planned ORDER BY n
    ), awards AS (
      INSERT INTO award (tenant_id, program_id, activity_id, account_id, account_version, entries,
                         points, awarded_at, explanation)
      SELECT :tenant, :program, activity, account_id, next - 1, 1, gives, :at,
             jsonb_build_object(
               'given', jsonb_build_array(jsonb_build_object(
                 'promotion', :promotion, 'version', 1, 'base', amount::text, 'points', gives,
                 'remainder', (amount - gives)::text)),
               'member', jsonb_build_object(
                 'joined_at', :at, 'tier', 'platinum', 'tier_points', tier_points))
      FROM planned ORDER BY n
    )
    INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                       pending_after, available_after, held_after, owed_after,
                       cause_id, occurred_at, recorded_at)
    SELECT :tenant, 'award', account_id, next, 'issued', 'available', gives,
           0, available, 0, 0, activity, :at, :at
    FROM planned ORDER BY n
""")
_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '256MB'")
_PROMOTION = text(
    "SELECT id FROM promotion WHERE tenant_id = :tenant AND program_id = :program AND standing"
)


def open_book(session: Session, members: int, points: int = PURSE) -> int:
    """A program with so many members, who have so many points each if any; returns its id."""
    session.execute(_TAKE_YOUR_TIME)
    order = NewProgram(PROGRAM, "Wine & Dine")
    book = open_program(session, order, by=By("bench", None, wall_clock()))
    values = {"tenant": session.info["tenant_id"], "program": book.id, "at": JOINED_AT}
    session.execute(_ENROL, {**values, "members": members})
    if points:
        session.execute(_GIVE, {**values, "points": points})
    return book.id


def add_purchases(session: Session, program_id: int, turns: int, already: int) -> None:
    """`turns` awarded purchases of every member; `already` purchases were added before."""
    values = {"tenant": session.info["tenant_id"], "program": program_id}
    promotion = session.execute(_PROMOTION, values).scalar_one()
    session.execute(_TAKE_YOUR_TIME)
    more = {"promotion": promotion, "turns": turns, "already": already, "at": wall_clock()}
    session.execute(_PURCHASES, {**values, **more})
