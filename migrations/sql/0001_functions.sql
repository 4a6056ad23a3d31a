-- Sets go in as JSON, in one call, with plans that Postgres keeps: no decision is made here, rows are only written.
-- Each function says how it is planned: few rows found by index, whatever the statistics say of a table that was
-- empty a minute ago. LATERAL … LIMIT 1 is a look-up by key that stays one; a loop of updates by key is one too,
-- where a join read the whole tenant (a burn cost 3.1 ms of Postgres instead of 0.7).

-- The ledger's one door. The caller holds the accounts' locks and has worked out every figure; the trigger
-- entries_continue_their_accounts proves them. `draws.sign` is -1 where points leave a lot, 1 where they return.
CREATE FUNCTION post_entries(t integer, accounts json, entries json, lots json, draws json) RETURNS void LANGUAGE plpgsql
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
    INSERT INTO lot (tenant_id, account_id, id, points, remaining, activates_at, expires_at, active, open)
    SELECT t, r.account_id, r.id, r.points, r.points, r.activates_at, r.expires_at, r.active, true
    FROM json_to_recordset(lots) AS r(account_id bigint, id bigint, points bigint,
                                      activates_at timestamptz, expires_at timestamptz, active boolean);
  END IF;
  IF draws IS NOT NULL THEN
    INSERT INTO lot_draw (tenant_id, account_id, entry_version, lot_id, points)
    SELECT t, r.account_id, r.version, r.lot_id, r.points
    FROM json_to_recordset(draws) AS r(account_id bigint, version bigint, lot_id bigint, points bigint);
    FOR one IN
      SELECT d.account_id, d.lot_id, sum(d.points * d.sign) AS points
      FROM json_to_recordset(draws) AS d(account_id bigint, lot_id bigint, points bigint, sign integer)
      GROUP BY d.account_id, d.lot_id
    LOOP
      UPDATE lot l SET remaining = l.remaining + one.points, open = l.remaining + one.points > 0
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
END $$;

-- Intake: what is new is stored and queued; what was there is compared. The first of a key wins, also within one
-- call. `idx` is the caller's number of the row; rows come sorted by key, so that two callers cannot deadlock.
CREATE FUNCTION accept_activities(t integer, request json)
RETURNS TABLE (idx integer, id uuid, fresh boolean, same boolean)
LANGUAGE plpgsql
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
  RETURN QUERY
    SELECT r.idx, a.id, a.id = r.id, a.input_hash = decode(r.input_hash, 'hex')
    FROM json_to_recordset(request) AS r(idx integer, id uuid, program_id integer, source text,
                                         transaction_id text, input_hash text)
    CROSS JOIN LATERAL (SELECT x.id, x.input_hash FROM activity x WHERE x.tenant_id = t
                        AND x.program_id = r.program_id AND x.source = r.source
                        AND x.transaction_id = r.transaction_id LIMIT 1) a
    WHERE r.id <> ALL (coalesce(stored, '{}'))
    UNION ALL
    SELECT r.idx, r.id, true, true
    FROM json_to_recordset(request) AS r(idx integer, id uuid)
    WHERE r.id = ANY (stored);
END $$;

-- The verdicts of one batch: awards and setbacks are written, and what is judged is no longer open.
CREATE FUNCTION settle_activities(t integer, awards json, setbacks json) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO award (tenant_id, program_id, activity_id, account_id, account_version, entries, points,
                     awarded_at, explanation)
  SELECT t, r.program_id, r.activity_id, r.account_id, r.account_version, r.entries, r.points,
         r.awarded_at, r.explanation
  FROM json_to_recordset(awards) AS r(
    program_id integer, activity_id uuid, account_id bigint, account_version bigint, entries smallint,
    points bigint, awarded_at timestamptz, explanation jsonb);
  INSERT INTO setback (tenant_id, program_id, activity_id, status, reason, detail, member_id,
                       identifier_kind, identifier_value, at, until)
  SELECT t, r.program_id, r.activity_id, r.status, r.reason, r.detail, r.member_id,
         r.identifier_kind, r.identifier_value, r.at, r.until
  FROM json_to_recordset(setbacks) AS r(
    program_id integer, activity_id uuid, status text, reason text, detail text, member_id text,
    identifier_kind text, identifier_value text, at timestamptz, until timestamptz);
  DELETE FROM unsettled u
  WHERE u.tenant_id = t AND u.activity_id = ANY (ARRAY(
    SELECT r.activity_id FROM json_to_recordset(awards) AS r(activity_id uuid)
    UNION ALL SELECT r.activity_id FROM json_to_recordset(setbacks) AS r(activity_id uuid)));
END $$;

-- The open purchases that a worker judges now: those named, and others of the tenant up to `top_up`. What another
-- worker holds is skipped; what belongs to a paused program stays open; what was re-sent often is left to go alone.
CREATE FUNCTION claim_activities(t integer, named uuid[], top_up integer, alone_from integer)
RETURNS TABLE (id uuid, program_id integer, kind text, member_id text, identifier_kind text, identifier_value text,
               amount numeric, currency text, occurred_at timestamptz, recorded_at timestamptz, body jsonb,
               membership_id bigint, account_id bigint)
LANGUAGE plpgsql ROWS 200
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  paused integer[] := ARRAY(SELECT p.id FROM program p WHERE p.tenant_id = t AND p.paused_at IS NOT NULL);
  claimed uuid[];
BEGIN
  claimed := ARRAY(
    SELECT u.activity_id FROM unsettled u
    WHERE u.tenant_id = t AND u.activity_id = ANY (named) AND u.program_id <> ALL (paused)
    ORDER BY u.activity_id FOR UPDATE SKIP LOCKED);
  IF top_up > 0 THEN
    claimed := claimed || ARRAY(
      SELECT u.activity_id FROM unsettled u
      WHERE u.tenant_id = t AND u.tries < alone_from AND u.program_id <> ALL (paused)
        AND u.activity_id <> ALL (claimed)
      ORDER BY u.activity_id LIMIT top_up FOR UPDATE SKIP LOCKED);
  END IF;
  RETURN QUERY
    SELECT a.id, a.program_id, a.kind, a.member_id, a.identifier_kind, a.identifier_value, a.amount, a.currency,
           a.occurred_at, a.recorded_at, a.body, ms.id, ms.account_id
    FROM unnest(claimed) c(id)
    CROSS JOIN LATERAL (SELECT * FROM activity x WHERE x.tenant_id = t AND x.id = c.id LIMIT 1) a
    LEFT JOIN LATERAL (SELECT x.member_id FROM identifier x WHERE x.tenant_id = t AND x.kind = a.identifier_kind
                       AND x.value = a.identifier_value LIMIT 1) i ON true
    LEFT JOIN LATERAL (SELECT x.id FROM member x WHERE x.tenant_id = t AND x.member_id = a.member_id LIMIT 1) m ON true
    -- OFFSET 0 keeps coalesce() out of the look-up: behind row-level security it would not use the index.
    CROSS JOIN LATERAL (SELECT coalesce(m.id, i.member_id) AS id OFFSET 0) who
    LEFT JOIN LATERAL (SELECT x.id, x.account_id FROM membership x WHERE x.tenant_id = t
                       AND x.program_id = a.program_id AND x.member_id = who.id LIMIT 1) ms ON true;
END $$;

-- A burn reads in one call and writes in one call, so that the account is locked late and briefly.
-- `earlier_*` is what stands under the key: of an earlier request, or (status NULL) of this one just now. Who comes
-- second with a key waits for the first for at most a second. Who changes a membership holds its account's lock, so
-- what is read after the lock is as it stands. `lots` are those that pay `wanted` points, in burn order.
CREATE FUNCTION open_burn(t integer, named_operation text, named_key text, hash bytea, program integer, named_member text,
                          wanted bigint, at timestamptz)
RETURNS TABLE (earlier_hash bytea, earlier_status smallint, earlier_body text,
               membership_status text, account_id bigint, pending bigint, available bigint, held bigint, owed bigint,
               lifetime bigint, tier_points bigint, version bigint, lots json)
LANGUAGE plpgsql ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  who bigint;
  own account%ROWTYPE;
  missing bigint := wanted;
  one lot%ROWTYPE;
  found_lots json[] := '{}';
BEGIN
  SET LOCAL lock_timeout = '1s';
  INSERT INTO idempotency (tenant_id, operation, key, input_hash, created_at)
  VALUES (t, named_operation, named_key, hash, at) ON CONFLICT DO NOTHING;
  SET LOCAL lock_timeout TO DEFAULT;
  SELECT i.input_hash, i.status, i.body INTO earlier_hash, earlier_status, earlier_body FROM idempotency i
  WHERE i.tenant_id = t AND i.operation = named_operation AND i.key = named_key;
  IF earlier_status IS NOT NULL OR earlier_hash <> hash THEN
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT m.id INTO who FROM member m WHERE m.tenant_id = t AND m.member_id = named_member;
  SELECT ms.account_id INTO account_id FROM membership ms
  WHERE ms.tenant_id = t AND ms.program_id = program AND ms.member_id = who;
  FOR attempt IN 1..3 LOOP
    SELECT * INTO own FROM account a WHERE a.tenant_id = t AND a.id = account_id FOR UPDATE;
    SELECT ms.status, ms.account_id INTO membership_status, account_id FROM membership ms
    WHERE ms.tenant_id = t AND ms.program_id = program AND ms.member_id = who;
    EXIT WHEN account_id IS NULL OR account_id = own.id;  -- else it moved while we waited for the lock
    membership_status := NULL;
  END LOOP;
  pending := own.pending; available := own.available; held := own.held; owed := own.owed;
  lifetime := own.lifetime; tier_points := own.tier_points; version := own.version;
  FOR one IN
    SELECT * FROM lot l WHERE l.tenant_id = t AND l.account_id = own.id AND l.open AND l.active
    ORDER BY l.expires_at, l.id
  LOOP
    EXIT WHEN missing <= 0 OR wanted > available;
    found_lots := found_lots || json_build_array(one.id, one.remaining, one.expires_at);
    IF one.expires_at IS NULL OR one.expires_at > at THEN missing := missing - one.remaining; END IF;
  END LOOP;
  lots := array_to_json(found_lots);
  RETURN NEXT;
END $$;

CREATE FUNCTION close_burn(t integer, accounts json, entries json, draws json, redeemed json,
                           named_operation text, named_key text, answered smallint, answer text) RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  PERFORM post_entries(t, accounts, entries, NULL, draws);
  INSERT INTO redemption (tenant_id, id, program_id, account_id, status, points, amount, currency, entry_version,
                          actor, request_id, occurred_at)
  SELECT t, r.id, r.program_id, r.account_id, r.status, r.points, r.amount, r.currency, r.entry_version,
         r.actor, r.request_id, r.occurred_at
  FROM json_to_record(redeemed) AS r(id uuid, program_id integer, account_id bigint, status text, points bigint,
                                     amount numeric, currency text, entry_version bigint, actor text,
                                     request_id text, occurred_at timestamptz);
  UPDATE idempotency i SET status = answered, body = answer
  WHERE i.tenant_id = t AND i.operation = named_operation AND i.key = named_key;
END $$;
