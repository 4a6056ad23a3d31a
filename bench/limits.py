"""What Postgres itself can do: the rows of purchases written straight into our own tables.

The rows, indices, constraints, triggers and walls are those of the house, the role is the
application's. Nothing is read, parsed or decided while the clock runs: what is sent was made
before. One transaction holds a set and is one round trip; its statements are prepared.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any

import orjson
import psycopg2
from psycopg2 import extensions

from bench.book import JOINED_AT
from bench.purchases import earn_of, purchase
from loyalty.conditions.facts import MemberFacts
from loyalty.earning.accept import plain, to_row
from loyalty.earning.rules import explanation
from loyalty.promotions.rules import Decision, Share

_PREPARE = """
SET plan_cache_mode = force_generic_plan;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
PREPARE tell(int, json) AS
  INSERT INTO activity (tenant_id, program_id, id, kind, source, transaction_id, member_id, amount,
                        currency, retailer, occurred_at, recorded_at, input_hash, request_id, body)
  SELECT $1, program_id, id, kind, source, transaction_id, member_id, amount, currency, retailer,
         occurred_at, recorded_at, decode(input_hash, 'hex'), request_id, body
  FROM json_to_recordset($2) AS r(
    program_id int, id uuid, kind text, source text, transaction_id text, member_id text,
    amount numeric, currency text, retailer text, occurred_at timestamptz, recorded_at timestamptz,
    input_hash text, request_id text, body jsonb);
PREPARE queue(int, int, uuid[], timestamptz) AS
  INSERT INTO unsettled (tenant_id, program_id, activity_id, accepted_at)
  SELECT $1, $2, id, $4 FROM unnest($3) id;
PREPARE pay(int, json) AS
  UPDATE account a SET available = r.available, lifetime = r.lifetime, tier_points = r.tier_points,
                       version = r.version
  FROM json_to_recordset($2) AS r(id bigint, available bigint, lifetime bigint, tier_points bigint,
                                  version bigint)
  WHERE a.tenant_id = $1 AND a.id = r.id;
PREPARE lots(int, json) AS
  INSERT INTO lot (tenant_id, account_id, id, points, remaining, active, open)
  SELECT $1, account_id, version, points, points, true, true
  FROM json_to_recordset($2) AS r(account_id bigint, version bigint, points bigint);
PREPARE enter(int, json, timestamptz) AS
  INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                     pending_after, available_after, held_after, owed_after, cause_id,
                     occurred_at, recorded_at)
  SELECT $1, 'award', account_id, version, 'issued', 'available', points, 0, available, 0, 0,
         cause_id, occurred_at, $3
  FROM json_to_recordset($2) AS r(account_id bigint, version bigint, points bigint,
                                  available bigint, cause_id uuid, occurred_at timestamptz);
PREPARE awards(int, int, json, timestamptz) AS
  INSERT INTO award (tenant_id, program_id, activity_id, account_id, account_version, entries,
                     points, awarded_at, explanation)
  SELECT $1, $2, cause_id, account_id, version - 1, 1, points, $4, explanation
  FROM json_to_recordset($3) AS r(cause_id uuid, account_id bigint, version bigint, points bigint,
                                  explanation json);
PREPARE settle(int, uuid[]) AS
  DELETE FROM unsettled WHERE tenant_id = $1 AND activity_id = ANY ($2)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """An account before its next purchase."""

    available: int
    lifetime: int
    tier_points: int
    version: int


class Limits:
    """A tenant whose purchases nobody but this writes, and connections to write them with."""

    def __init__(self, app_url: str, tenant_id: int, program_id: int, connections: int = 2) -> None:
        self.tenant_id = tenant_id
        self._program_id = program_id
        self._random = Random(3)
        self._connections = [psycopg2.connect(app_url) for _ in range(connections)]
        for connection in self._connections:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(_PREPARE)
        accounts = sorted(self._read_accounts().items())
        #: Each connection has members of its own, so that none waits for another's locks.
        self._accounts = [dict(accounts[number::connections]) for number in range(connections)]

    def rate(self, size: int, sets: int, connections: int) -> float:
        """Purchases a second: `sets` transactions of `size` purchases on each connection."""
        work = [[self._set(number, size) for _ in range(sets)] for number in range(connections)]
        with ThreadPoolExecutor(connections) as threads:
            began = perf_counter()
            list(threads.map(_write, self._connections, work))
            return connections * sets * size / (perf_counter() - began)

    def close(self) -> None:
        """Gives the connections back."""
        for connection in self._connections:
            connection.close()

    def _read_accounts(self) -> dict[int, tuple[str, Figures]]:
        with self._connections[0].cursor() as cursor:
            cursor.execute(
                "BEGIN; SELECT set_config('loyalty.tenant', %s, true)", (str(self.tenant_id),)
            )
            cursor.execute(
                "SELECT a.id, m.member_id, a.available, a.lifetime, a.tier_points, a.version"
                " FROM membership ms JOIN account a ON a.id = ms.account_id"
                " JOIN member m ON m.id = ms.member_id WHERE ms.program_id = %s",
                (self._program_id,),
            )
            found = {row[0]: (row[1], Figures(*row[2:])) for row in cursor.fetchall()}
            cursor.execute("COMMIT")
        return found

    def _set(self, number: int, size: int) -> str:
        """The statements of one set; afterwards the accounts are as they will have made them."""
        accounts = self._accounts[number]
        at = datetime.now(UTC)
        told: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        for account_id in self._random.choices(list(accounts), k=size):
            member_id, before = accounts[account_id]
            row, entry, after = _earned(self._program_id, member_id, before, at)
            accounts[account_id] = member_id, after
            told.append(row)
            entries.append({"account_id": account_id, **entry})
        told.sort(key=lambda row: (row["source"], row["transaction_id"]))
        touched = sorted({entry["account_id"] for entry in entries})
        paid = [{"id": one, **_plain(accounts[one][1])} for one in touched]
        return self._statements(told, entries, paid, at)

    def _statements(
        self,
        told: list[dict[str, Any]],
        entries: list[dict[str, Any]],
        paid: list[dict[str, Any]],
        at: datetime,
    ) -> str:
        who, when = self.tenant_id, f"'{at.isoformat()}'"
        ids = "'{" + ",".join(str(row["id"]) for row in told) + "}'"
        awarded = _json(entries)
        return f"""
            BEGIN; SELECT set_config('loyalty.tenant', '{who}', true);
            EXECUTE tell({who}, {_json(told)});
            EXECUTE queue({who}, {self._program_id}, {ids}, {when});
            EXECUTE pay({who}, {_json(paid)});
            EXECUTE lots({who}, {awarded});
            EXECUTE enter({who}, {awarded}, {when});
            EXECUTE awards({who}, {self._program_id}, {awarded}, {when});
            EXECUTE settle({who}, {ids});
            COMMIT"""


def _write(connection: extensions.connection, work: list[str]) -> None:
    with connection.cursor() as cursor:
        for statements in work:
            cursor.execute(statements)


def _earned(
    program_id: int, member_id: str, before: Figures, at: datetime
) -> tuple[dict[str, Any], dict[str, Any], Figures]:
    """A purchase's activity, its entry and award in one, and the account after it."""
    earn = replace(earn_of(purchase()), member_id=member_id)
    amount = earn.amount or Decimal(0)
    points = int(amount)
    row = to_row(program_id, earn, "00000000-0000-7000-8000-000000000000", at)
    share = Share(1, 1, amount, points, amount - points, None)
    entry = {
        "version": before.version + 1,
        "points": points,
        "available": before.available + points,
        "cause_id": row["id"],
        "occurred_at": earn.occurred_at,
        "explanation": explanation(
            Decision((share,)), None, MemberFacts(JOINED_AT, "platinum", before.tier_points)
        ),
    }
    after = replace(
        before,
        available=before.available + points,
        lifetime=before.lifetime + points,
        tier_points=before.tier_points + points,
        version=before.version + 1,
    )
    return row, entry, after


def _plain(figures: Figures) -> dict[str, int]:
    return {name: getattr(figures, name) for name in Figures.__slots__}


def _json(rows: list[dict[str, Any]]) -> str:
    """A literal: JSON has no quote of its own, but the data may."""
    return "'" + orjson.dumps(rows, default=plain).decode().replace("'", "''") + "'"
