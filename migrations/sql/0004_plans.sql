-- Plans that cost the same however much there is, and however young: a database that has no statistics yet must not go through
-- all that there is to find one row. Measured in docs/decisions/0022-a-young-database.md.

-- While a table is empty all of its indices cost the same, and the planner takes the one that was made last: let that be the
-- one that finds a single row.
ALTER TABLE activity DROP CONSTRAINT activity_pkey, ADD PRIMARY KEY (tenant_id, id);
ALTER TABLE membership DROP CONSTRAINT membership_tenant_id_program_id_member_id_key,
                       ADD UNIQUE (tenant_id, program_id, member_id);

-- What was used of limits, as in 0002: what is asked for is read once.
CREATE OR REPLACE FUNCTION promotion_uses(t integer, wanted json, lock boolean)
RETURNS TABLE (promotion_id integer, account_id bigint, period text, points points, uses integer)
LANGUAGE plpgsql ROWS 500
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE one record;
BEGIN
  RETURN QUERY
    WITH asked AS MATERIALIZED (
      SELECT * FROM json_to_recordset(wanted) AS r(promotion_id integer, account_id bigint, period text)
    )
    SELECT u.promotion_id, u.account_id, u.period, u.points, u.uses
    FROM asked r
    CROSS JOIN LATERAL (SELECT * FROM promotion_use x WHERE x.tenant_id = t AND x.account_id = r.account_id
                        AND x.promotion_id = r.promotion_id AND x.period = r.period LIMIT 1) u
    WHERE r.account_id <> 0
    UNION ALL
    SELECT b.promotion_id, 0::bigint, b.period, b.points, b.uses
    FROM asked r
    CROSS JOIN LATERAL (SELECT * FROM promotion_budget x WHERE x.tenant_id = t AND x.promotion_id = r.promotion_id
                        AND x.period = r.period LIMIT 1) b
    WHERE r.account_id = 0 AND NOT lock;
  IF lock THEN
    FOR one IN
      SELECT r.promotion_id, r.period
      FROM json_to_recordset(wanted) AS r(promotion_id integer, account_id bigint, period text)
      WHERE r.account_id = 0 ORDER BY r.promotion_id, r.period
    LOOP
      INSERT INTO promotion_budget VALUES (t, one.promotion_id, one.period, 0, 0) ON CONFLICT DO NOTHING;
      RETURN QUERY
        SELECT b.promotion_id, 0::bigint, b.period, b.points, b.uses FROM promotion_budget b
        WHERE b.tenant_id = t AND b.promotion_id = one.promotion_id AND b.period = one.period FOR UPDATE;
    END LOOP;
  END IF;
END $$;

-- What is now used of them: those of members, each found by its key and guarded by its account's lock; then the budgets, each
-- locked by this in the order of their keys, and answered as they now stand. The former one, which takes both as one, stays
-- for processes that still run the code before this migration.
CREATE FUNCTION count_promotion_uses(t integer, of_members json, of_everyone json)
RETURNS TABLE (promotion_id integer, period text, points points, uses integer)
LANGUAGE plpgsql ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE one record;
BEGIN
  INSERT INTO promotion_use AS u (tenant_id, account_id, promotion_id, period, points, uses)
  SELECT t, r.account_id, r.promotion_id, r.period, r.points, r.uses
  FROM json_to_recordset(of_members) AS r(promotion_id integer, account_id bigint, period text,
                                          points bigint, uses integer)
  ON CONFLICT (tenant_id, account_id, promotion_id, period)
  DO UPDATE SET points = u.points + excluded.points, uses = u.uses + excluded.uses;

  FOR one IN
    SELECT r.* FROM json_to_recordset(of_everyone) AS r(promotion_id integer, period text, points bigint, uses integer)
    ORDER BY r.promotion_id, r.period
  LOOP
    INSERT INTO promotion_budget VALUES (t, one.promotion_id, one.period, 0, 0) ON CONFLICT DO NOTHING;
    RETURN QUERY
      UPDATE promotion_budget b SET points = b.points + one.points, uses = b.uses + one.uses
      WHERE b.tenant_id = t AND b.promotion_id = one.promotion_id AND b.period = one.period
      RETURNING b.promotion_id, b.period, b.points, b.uses;
  END LOOP;
END $$;

-- As in 0001: what was sent is stored, and told is only what was there already, with whether it says the same. `sent` is how
-- many there are: when all of them are new, the request is not read again. The former one stays for processes that still run
-- the code before this migration.
CREATE FUNCTION accept_activities(t integer, request json, sent integer)
RETURNS TABLE (idx integer, id uuid, same boolean)
LANGUAGE plpgsql ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE stored uuid[];
BEGIN
  WITH added AS (
    INSERT INTO activity (tenant_id, program_id, id, kind, source, transaction_id, member_id, identifier_kind,
                          identifier_value, amount, currency, retailer, occurred_at, recorded_at, input_hash,
                          request_id, body)
    SELECT t, r.program_id, r.id, r.kind, r.source, r.transaction_id, r.member_id, r.identifier_kind,
           r.identifier_value, r.amount, r.currency, r.retailer, r.occurred_at, r.recorded_at,
           decode(r.input_hash, 'hex'), r.request_id, r.body
    FROM json_to_recordset(request) AS r(
      program_id integer, id uuid, kind text, source text, transaction_id text, member_id text,
      identifier_kind text, identifier_value text, amount numeric, currency text, retailer text,
      occurred_at timestamptz, recorded_at timestamptz, input_hash text, request_id text, body jsonb)
    ON CONFLICT (tenant_id, program_id, source, transaction_id) DO NOTHING
    RETURNING id, program_id, recorded_at
  ), queued AS (
    INSERT INTO unsettled (tenant_id, program_id, activity_id, accepted_at)
    SELECT t, program_id, id, recorded_at FROM added
  )
  SELECT array_agg(added.id) INTO stored FROM added;
  IF cardinality(stored) = sent THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT r.idx, a.id, a.input_hash = decode(r.input_hash, 'hex')
    FROM json_to_recordset(request) AS r(idx integer, id uuid, program_id integer, source text,
                                         transaction_id text, input_hash text)
    CROSS JOIN LATERAL (SELECT x.id, x.input_hash FROM activity x WHERE x.tenant_id = t
                        AND x.program_id = r.program_id AND x.source = r.source
                        AND x.transaction_id = r.transaction_id LIMIT 1) a
    WHERE r.id NOT IN (SELECT unnest(stored));
END $$;

-- As in 0002. Open rows are read in the order of their index, so that a backlog costs nothing: sorted, all of it would be.
-- The batch is topped up to `top_up`, whatever became of those that are named.
CREATE OR REPLACE FUNCTION claim_activities(t integer, named uuid[], top_up integer, alone_from integer)
RETURNS TABLE (id uuid, program_id integer, kind text, member_id text, identifier_kind text, identifier_value text,
               amount numeric, currency text, retailer text, occurred_at timestamptz, recorded_at timestamptz, body jsonb,
               membership_id bigint, account_id bigint)
LANGUAGE plpgsql ROWS 200
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET enable_sort = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  paused integer[] := ARRAY(SELECT p.id FROM program p WHERE p.tenant_id = t AND p.paused_at IS NOT NULL);
  claimed uuid[] := '{}';
BEGIN
  IF cardinality(named) > 0 THEN
    claimed := ARRAY(
      SELECT u.activity_id FROM unsettled u
      WHERE u.tenant_id = t AND u.activity_id = ANY (named) AND u.program_id <> ALL (paused)
      ORDER BY u.activity_id FOR UPDATE SKIP LOCKED);
  END IF;
  IF top_up > cardinality(claimed) THEN
    claimed := claimed || ARRAY(
      SELECT u.activity_id FROM unsettled u
      WHERE u.tenant_id = t AND u.tries < alone_from AND u.program_id <> ALL (paused)
        AND u.activity_id NOT IN (SELECT unnest(claimed))
      ORDER BY u.activity_id LIMIT top_up - cardinality(claimed) FOR UPDATE SKIP LOCKED);
  END IF;
  RETURN QUERY
    SELECT a.id, a.program_id, a.kind, a.member_id, a.identifier_kind, a.identifier_value, a.amount, a.currency,
           a.retailer, a.occurred_at, a.recorded_at, a.body, ms.id, ms.account_id
    FROM unnest(claimed) c(id)
    CROSS JOIN LATERAL (SELECT * FROM activity x WHERE x.tenant_id = t AND x.id = c.id LIMIT 1) a
    LEFT JOIN LATERAL (SELECT x.member_id FROM identifier x WHERE x.tenant_id = t AND x.kind = a.identifier_kind
                       AND x.value = a.identifier_value LIMIT 1) i ON true
    LEFT JOIN LATERAL (SELECT coalesce(x.merged_into, x.id) AS id FROM member x WHERE x.tenant_id = t
                       AND x.member_id = a.member_id LIMIT 1) m ON true
    -- OFFSET 0 keeps coalesce() out of the look-up: behind row-level security it would not use the index.
    CROSS JOIN LATERAL (SELECT coalesce(m.id, i.member_id) AS id OFFSET 0) who
    LEFT JOIN LATERAL (SELECT x.id, x.account_id FROM membership x WHERE x.tenant_id = t
                       AND x.program_id = a.program_id AND x.member_id = who.id LIMIT 1) ms ON true;
END $$;

-- An explanation is written with every award and read with few: as text it is a fifth smaller, and need not be taken apart.
ALTER TABLE award ALTER COLUMN explanation TYPE json USING explanation::json;

-- As in 0003.
CREATE OR REPLACE FUNCTION settle_activities(t integer, awards json, setbacks json) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  WITH awarded AS (
    INSERT INTO award (tenant_id, program_id, activity_id, account_id, account_version, entries, points,
                       awarded_at, explanation)
    SELECT t, r.program_id, r.activity_id, r.account_id, r.account_version, r.entries, r.points,
           r.awarded_at, r.explanation
    FROM json_to_recordset(awards) AS r(
      program_id integer, activity_id uuid, account_id bigint, account_version bigint, entries smallint,
      points bigint, awarded_at timestamptz, explanation json)
    RETURNING activity_id
  ), set_back AS (
    INSERT INTO setback (tenant_id, program_id, activity_id, status, reason, detail, member_id,
                         identifier_kind, identifier_value, at, until)
    SELECT t, r.program_id, r.activity_id, r.status, r.reason, r.detail, r.member_id,
           r.identifier_kind, r.identifier_value, r.at, r.until
    FROM json_to_recordset(setbacks) AS r(
      program_id integer, activity_id uuid, status text, reason text, detail text, member_id text,
      identifier_kind text, identifier_value text, at timestamptz, until timestamptz)
    RETURNING activity_id
  )
  DELETE FROM unsettled u
  WHERE u.tenant_id = t AND u.activity_id = ANY (ARRAY(
    SELECT w.activity_id FROM awarded w UNION ALL SELECT s.activity_id FROM set_back s));
END $$;
