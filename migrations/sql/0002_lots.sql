-- Lots wait, activate and expire: what is due of an account is found by one index, and settled in sets.

ALTER TABLE lot
  ADD COLUMN idle_days integer CHECK (idle_days > 0),  -- an earn or burn moves `expires_at` to so many days after it
  ADD COLUMN once_released jsonb,                      -- waits until it is released, and then lives as this says
  ADD COLUMN due_at timestamptz GENERATED ALWAYS AS (CASE WHEN active THEN expires_at ELSE activates_at END) STORED;
CREATE INDEX lot_due ON lot (tenant_id, due_at, account_id, id) WHERE open AND due_at IS NOT NULL;
CREATE INDEX lot_waits ON lot (tenant_id, account_id, activates_at) WHERE open AND NOT active;
CREATE INDEX lot_idles ON lot (tenant_id, account_id) WHERE open AND idle_days IS NOT NULL;

-- The ledger's one door, as in 0001_functions, for lots that time and activity change as well. `draws.sign` 0 turns
-- a pending lot active, `draws.expires_at` changes how long a lot lives; an account's `active_at` (its last earn or
-- burn) moves on what expires by inactivity, but brings back nothing that was due by `at`.
CREATE OR REPLACE FUNCTION post_entries(t integer, accounts json, entries json, lots json, draws json) RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE one record;
BEGIN
  FOR one IN
    SELECT * FROM json_to_recordset(accounts) AS r(id bigint, pending bigint, available bigint, held bigint, owed bigint,
                                                   lifetime bigint, tier_points bigint, version bigint)
  LOOP
    UPDATE account a
    SET pending = one.pending, available = one.available, held = one.held, owed = one.owed,
        lifetime = one.lifetime, tier_points = one.tier_points, version = one.version
    WHERE a.tenant_id = t AND a.id = one.id;
  END LOOP;
  IF lots IS NOT NULL THEN
    INSERT INTO lot (tenant_id, account_id, id, points, remaining, activates_at, expires_at, active, open,
                     idle_days, once_released)
    SELECT t, r.account_id, r.id, r.points, r.points, r.activates_at, r.expires_at, r.active, true,
           r.idle_days, r.once_released
    FROM json_to_recordset(lots) AS r(account_id bigint, id bigint, points bigint, activates_at timestamptz,
                                      expires_at timestamptz, active boolean, idle_days integer, once_released jsonb);
  END IF;
  IF draws IS NOT NULL THEN
    INSERT INTO lot_draw (tenant_id, account_id, entry_version, lot_id, points)
    SELECT t, r.account_id, r.version, r.lot_id, r.points
    FROM json_to_recordset(draws) AS r(account_id bigint, version bigint, lot_id bigint, points bigint);
    FOR one IN
      SELECT d.account_id, d.lot_id, sum(d.points * d.sign) AS points, bool_or(d.sign = 0) AS activates,
             max(d.expires_at) AS expires_at
      FROM json_to_recordset(draws) AS d(account_id bigint, lot_id bigint, points bigint, sign integer,
                                         expires_at timestamptz)
      GROUP BY d.account_id, d.lot_id
    LOOP
      UPDATE lot l
      SET remaining = l.remaining + one.points, open = l.remaining + one.points > 0,
          active = l.active OR one.activates, expires_at = coalesce(one.expires_at, l.expires_at),
          idle_days = CASE WHEN one.activates AND l.once_released->>'kind' = 'inactivity'
                           THEN (l.once_released->>'n')::integer ELSE l.idle_days END
      WHERE l.tenant_id = t AND l.account_id = one.account_id AND l.id = one.lot_id;
    END LOOP;
  END IF;
  INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                     pending_after, available_after, held_after, owed_after, cause_id, occurred_at, recorded_at)
  SELECT t, r.kind, r.account_id, r.version, r.from_bucket, r.to_bucket, r.points,
         r.pending, r.available, r.held, r.owed, r.cause_id, r.occurred_at, r.recorded_at
  FROM json_to_recordset(entries) AS r(
    kind entry_kind, account_id bigint, version bigint, from_bucket bucket, to_bucket bucket, points bigint,
    pending bigint, available bigint, held bigint, owed bigint,
    cause_id uuid, occurred_at timestamptz, recorded_at timestamptz);
  FOR one IN
    SELECT r.id AS account_id, l.id, l.idle_days, r.active_at
    FROM json_to_recordset(accounts) AS r(id bigint, active_at timestamptz, at timestamptz)
    CROSS JOIN LATERAL (SELECT x.id, x.idle_days FROM lot x
                        WHERE x.tenant_id = t AND x.account_id = r.id AND x.open AND x.idle_days IS NOT NULL
                          AND x.expires_at > r.at) l
    WHERE r.active_at IS NOT NULL
  LOOP
    UPDATE lot l
    SET expires_at = greatest(l.expires_at, idle_until(t, one.account_id, one.active_at, one.idle_days))
    WHERE l.tenant_id = t AND l.account_id = one.account_id AND l.id = one.id;
  END LOOP;
END $$;

-- The midnight, in the program's zone, after the last of so many days without an earn or burn; see
-- loyalty.ledger.validity.
CREATE FUNCTION idle_until(t integer, account bigint, active_at timestamptz, days integer) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT (date_trunc('day', active_at AT TIME ZONE p.time_zone) + make_interval(days => days + 1)) AT TIME ZONE p.time_zone
  FROM account a JOIN program p ON p.tenant_id = t AND p.id = a.program_id
  WHERE a.tenant_id = t AND a.id = account
$$;

-- The lots of locked accounts that are due by `at`: pending ones that activate, active ones that expire.
CREATE FUNCTION due_lots(t integer, accounts bigint[], at timestamptz)
RETURNS TABLE (account_id bigint, id bigint, remaining bigint, expires_at timestamptz, activates_at timestamptz,
               active boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT l.account_id, l.id, l.remaining::bigint, l.expires_at, l.activates_at, l.active
    FROM unnest(accounts) a(id)
    CROSS JOIN LATERAL (
      SELECT x.* FROM lot x
      WHERE x.tenant_id = t AND x.account_id = a.id AND x.open AND x.active AND x.expires_at <= at
      UNION ALL
      SELECT x.* FROM lot x
      WHERE x.tenant_id = t AND x.account_id = a.id AND x.open AND NOT x.active AND x.activates_at <= at
    ) l;
END $$;

-- Beat's tidying up: the `most` lots of a tenant that have been due the longest, after the one named by `after_*`
-- (the last of the batch before: what it left in the index need not be read again). Accounts that somebody else has
-- in hand are passed over, so nobody waits for anybody, and what was settled meanwhile is no longer due. The entries
-- are those of loyalty.ledger.rules.due; the trigger entries_continue_their_accounts proves the figures.
CREATE TYPE due_turn AS (account_id bigint, lot_id bigint, points bigint, kind entry_kind, at timestamptz,
                         version bigint, pending bigint, available bigint, held bigint, owed bigint);
CREATE FUNCTION settle_due_lots(t integer, at timestamptz, after_due timestamptz, after_account bigint, after_lot bigint,
                                most integer)
RETURNS TABLE (activated bigint, expired bigint, last_due timestamptz, last_account bigint, last_lot bigint)
LANGUAGE plpgsql ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  account_ids bigint[];
  lot_ids bigint[];
  turns due_turn[];
  one record;
BEGIN
  SELECT array_agg(account_id ORDER BY n), array_agg(id ORDER BY n), max(due_at) INTO account_ids, lot_ids, last_due
  FROM (
    SELECT row_number() OVER () AS n, x.* FROM (
      SELECT l.account_id, l.id, l.due_at FROM lot l JOIN account a ON a.tenant_id = t AND a.id = l.account_id
      WHERE l.tenant_id = t AND l.open AND l.due_at <= at
        AND (l.due_at, l.account_id, l.id) > (after_due, after_account, after_lot)
      ORDER BY l.due_at, l.account_id, l.id LIMIT most FOR UPDATE OF a SKIP LOCKED
    ) x
  ) picked;
  last_account := account_ids[cardinality(account_ids)];
  last_lot := lot_ids[cardinality(lot_ids)];

  SELECT array_agg((w.account_id, w.id, w.remaining, w.kind, w.due, a.version + w.n, a.pending - w.gone,
                    a.available + w.gone - w.lost, a.held, a.owed)::due_turn) INTO turns
  FROM (
    SELECT d.*, dense_rank() OVER so_far AS n,
           sum(CASE WHEN d.kind = 'activate' THEN d.remaining ELSE 0 END) OVER so_far AS gone,
           sum(CASE WHEN d.kind = 'expire' THEN d.remaining ELSE 0 END) OVER so_far AS lost
    FROM (
      SELECT l.account_id, l.id, l.remaining, e.kind, e.due
      FROM unnest(account_ids, lot_ids) p(account_id, id)
      CROSS JOIN LATERAL (SELECT * FROM lot x WHERE x.tenant_id = t AND x.account_id = p.account_id AND x.id = p.id
                            AND x.open AND x.due_at <= at LIMIT 1) l
      CROSS JOIN LATERAL (
        SELECT 'activate'::entry_kind AS kind, l.due_at AS due WHERE NOT l.active
        UNION ALL
        SELECT 'expire', greatest(l.expires_at, l.due_at) WHERE l.expires_at <= at
      ) e
    ) d
    WINDOW so_far AS (PARTITION BY d.account_id ORDER BY d.due, d.kind)
  ) w
  CROSS JOIN LATERAL (SELECT * FROM account x WHERE x.tenant_id = t AND x.id = w.account_id LIMIT 1) a;

  FOR one IN
    SELECT r.account_id, r.lot_id, bool_or(r.kind = 'expire') AS expires
    FROM unnest(turns) r GROUP BY r.account_id, r.lot_id
  LOOP
    UPDATE lot l
    SET active = true, remaining = CASE WHEN one.expires THEN 0 ELSE l.remaining END, open = NOT one.expires
    WHERE l.tenant_id = t AND l.account_id = one.account_id AND l.id = one.lot_id;
  END LOOP;
  FOR one IN SELECT DISTINCT ON (r.account_id) r.* FROM unnest(turns) r ORDER BY r.account_id, r.version DESC LOOP
    UPDATE account a SET pending = one.pending, available = one.available, version = one.version
    WHERE a.tenant_id = t AND a.id = one.account_id;
  END LOOP;
  INSERT INTO lot_draw (tenant_id, account_id, entry_version, lot_id, points)
  SELECT t, r.account_id, r.version, r.lot_id, r.points FROM unnest(turns) r;
  INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                     pending_after, available_after, held_after, owed_after, cause_id, occurred_at, recorded_at)
  SELECT t, r.kind, r.account_id, r.version,
         (CASE r.kind WHEN 'activate' THEN 'pending' ELSE 'available' END)::bucket,
         (CASE r.kind WHEN 'activate' THEN 'available' ELSE 'expired' END)::bucket,
         sum(r.points), r.pending, r.available, r.held, r.owed, gen_random_uuid(), r.at, at
  FROM unnest(turns) r
  GROUP BY r.account_id, r.version, r.kind, r.at, r.pending, r.available, r.held, r.owed;
  SELECT count(*) FILTER (WHERE r.kind = 'activate'), count(*) FILTER (WHERE r.kind = 'expire')
  INTO activated, expired FROM unnest(turns) r;
  RETURN NEXT;
END $$;

-- A member in a program as they stand at `at`; who was merged is the survivor. What time has done by then is counted,
-- whether or not it has been written to the ledger yet; `expiring` are [points, expires_at], the soonest first, 100 at
-- most. Apps ask for it all day, so what is seldom so is asked for apart: that somebody was merged, that points wait,
-- that something is due.
DROP FUNCTION member_answer(integer, integer, text, timestamptz);
CREATE FUNCTION member_answer(t integer, program integer, named_member text, at timestamptz)
RETURNS TABLE (member_id text, name text, birthday date, time_zone text, attributes jsonb, member_version integer,
               status text, tier_key text, tier_since timestamptz, tier_until timestamptz, joined_at timestamptz,
               left_at timestamptz, available bigint, pending bigint, held bigint, owed bigint, lifetime bigint,
               tier_points bigint, expiring json)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  account bigint;
  survivor text;
  due boolean;
BEGIN
  SELECT m.member_id, m.name, m.birthday, m.time_zone, m.attributes, m.version,
         ms.status, ms.tier_key, ms.tier_since, ms.tier_until, ms.joined_at, ms.left_at,
         a.id, a.available, a.pending, a.held, a.owed, a.lifetime, a.tier_points, soon.expiring, soon.due
  INTO member_id, name, birthday, time_zone, attributes, member_version,
       status, tier_key, tier_since, tier_until, joined_at, left_at,
       account, available, pending, held, owed, lifetime, tier_points, expiring, due
  FROM member m
  JOIN membership ms ON ms.tenant_id = t AND ms.program_id = program AND ms.member_id = m.id
  JOIN account a ON a.tenant_id = t AND a.id = ms.account_id
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(l.points, l.expires_at) ORDER BY l.expires_at) AS expiring,
           bool_or(l.expires_at <= at) AS due
    FROM (SELECT x.expires_at, sum(x.remaining) AS points FROM lot x
          WHERE x.tenant_id = t AND x.account_id = a.id AND x.open AND x.active AND x.expires_at IS NOT NULL
          GROUP BY x.expires_at ORDER BY x.expires_at LIMIT 100) l
  ) soon
  WHERE m.tenant_id = t AND m.member_id = named_member;
  IF NOT FOUND OR status = 'merged' THEN
    SELECT s.member_id INTO survivor FROM member m JOIN member s ON s.tenant_id = t AND s.id = m.merged_into
    WHERE m.tenant_id = t AND m.member_id = named_member;
    IF FOUND THEN
      RETURN QUERY SELECT * FROM member_answer(t, program, survivor, at);
    END IF;
    RETURN;
  END IF;
  IF pending > 0 OR due THEN
    SELECT available - lapsed.points + ripe.points - ripe.gone, pending - ripe.points, soon.expiring
    INTO available, pending, expiring
    FROM (
      SELECT coalesce(sum(x.remaining), 0) AS points FROM lot x
      WHERE x.tenant_id = t AND x.account_id = account AND x.open AND x.active AND x.expires_at <= at
    ) lapsed, (
      SELECT coalesce(sum(x.remaining), 0) AS points,
             coalesce(sum(x.remaining) FILTER (WHERE x.expires_at <= at), 0) AS gone
      FROM lot x
      WHERE x.tenant_id = t AND x.account_id = account AND x.open AND NOT x.active AND x.activates_at <= at
    ) ripe, (
      SELECT json_agg(json_build_array(l.points, l.expires_at) ORDER BY l.expires_at) AS expiring
      FROM (SELECT x.expires_at, sum(x.remaining) AS points FROM lot x
            WHERE x.tenant_id = t AND x.account_id = account AND x.open AND x.expires_at > at
              AND (x.active OR x.activates_at <= at)
            GROUP BY x.expires_at ORDER BY x.expires_at LIMIT 100) l
    ) soon;
  END IF;
  RETURN NEXT;
END $$;
