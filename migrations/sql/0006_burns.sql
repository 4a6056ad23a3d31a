-- Burns of one tenant that come at the same time are one transaction (docs/decisions/0024-burns-share-a-transaction.md):
-- one statement opens them all, one closes them all. Of one alone it is the same, but that it may wait.

-- For each burn, in their order, either what it decides with, as JSON:
--   [null, null, null, membership, its status, account, pending, available, held, owed, lifetime, tier points, version,
--    [[lot, remaining, expires at, activates at, active], ...], whether a hold is due to lapse];
-- or what was answered under its key before: [input hash in hex, status, body];
-- or null, where the key or the account is in other hands. One that `waits` waits for its account, and for its key for a
-- second; those that are opened together wait for nobody, and hold up nobody in a circle.
-- The key's lock is an advisory one; the account is locked until the transaction ends.
CREATE FUNCTION open_burns(t integer, operations text[], keys text[], programs integer[], members text[], wanted bigint[],
                           instants timestamptz[], waits boolean) RETURNS SETOF json
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  own_key bigint;
  got boolean;
  earlier idempotency%ROWTYPE;
  membership_id bigint;
  membership_status text;
  account_id bigint;
  own account%ROWTYPE;
  could bigint;
  missing bigint;
  one lot%ROWTYPE;
  found_lots json[];
  lapsing boolean;
BEGIN
  <<burns>>
  FOR n IN 1..cardinality(keys) LOOP
    own_key := hashtextextended(operations[n] || ' ' || keys[n], t);
    got := pg_try_advisory_xact_lock(own_key);
    IF waits AND NOT got THEN
      BEGIN
        SET LOCAL lock_timeout = '1s';
        PERFORM pg_advisory_xact_lock(own_key);
        SET LOCAL lock_timeout TO DEFAULT;
        got := true;
      EXCEPTION WHEN lock_not_available THEN NULL;
      END;
    END IF;
    IF NOT got THEN
      RETURN NEXT NULL;
      CONTINUE burns;
    END IF;
    SELECT * INTO earlier FROM idempotency i
    WHERE i.tenant_id = t AND i.operation = operations[n] AND i.key = keys[n];
    IF FOUND THEN
      RETURN NEXT json_build_array(encode(earlier.input_hash, 'hex'), earlier.status, earlier.body);
      CONTINUE burns;
    END IF;
    SELECT ms.id, ms.account_id INTO membership_id, account_id
    FROM (SELECT coalesce(x.merged_into, x.id) AS id FROM member x
          WHERE x.tenant_id = t AND x.member_id = members[n] OFFSET 0) m
    CROSS JOIN LATERAL (SELECT x.id, x.account_id FROM membership x WHERE x.tenant_id = t AND x.program_id = programs[n]
                        AND x.member_id = m.id LIMIT 1) ms;
    FOR attempt IN 1..3 LOOP
      IF waits THEN
        SELECT * INTO own FROM account a WHERE a.tenant_id = t AND a.id = account_id FOR UPDATE;
      ELSE
        SELECT * INTO own FROM account a WHERE a.tenant_id = t AND a.id = account_id FOR UPDATE SKIP LOCKED;
        IF NOT FOUND AND account_id IS NOT NULL THEN
          RETURN NEXT NULL;
          CONTINUE burns;
        END IF;
      END IF;
      SELECT ms.status, ms.account_id INTO membership_status, account_id FROM membership ms
      WHERE ms.tenant_id = t AND ms.id = membership_id;
      IF membership_status = 'merged' THEN  -- while we waited for the lock: the survivor's is the one
        SELECT ms.id, ms.account_id INTO membership_id, account_id FROM member m
        JOIN membership ms ON ms.tenant_id = t AND ms.program_id = programs[n] AND ms.member_id = m.merged_into
        WHERE m.tenant_id = t AND m.member_id = members[n];
      END IF;
      EXIT WHEN account_id IS NULL OR account_id = own.id;  -- else it moved while we waited for the lock
      membership_status := NULL;
    END LOOP;
    missing := wanted[n];
    could := own.available;
    found_lots := '{}';
    IF own.pending > 0 THEN
      FOR one IN
        SELECT * FROM lot l WHERE l.tenant_id = t AND l.account_id = own.id AND l.open AND NOT l.active
                              AND l.activates_at <= instants[n]
      LOOP
        found_lots := found_lots
          || json_build_array(one.id, one.remaining, one.expires_at, one.activates_at, one.active);
        could := could + one.remaining;
      END LOOP;
    END IF;
    FOR one IN
      SELECT * FROM lot l WHERE l.tenant_id = t AND l.account_id = own.id AND l.open AND l.active
      ORDER BY l.expires_at, l.id
    LOOP
      IF one.expires_at IS NULL OR one.expires_at > instants[n] THEN
        EXIT WHEN missing <= 0 OR wanted[n] > could;
        missing := missing - one.remaining;
      END IF;
      found_lots := found_lots
        || json_build_array(one.id, one.remaining, one.expires_at, one.activates_at, one.active);
    END LOOP;
    lapsing := own.held > 0 AND EXISTS (
      SELECT FROM redemption r WHERE r.tenant_id = t AND r.account_id = own.id AND r.status = 'held'
                                 AND r.hold_expires_at <= instants[n]);
    RETURN NEXT json_build_array(
      NULL, NULL, NULL, membership_id, membership_status, account_id, own.pending, own.available, own.held, own.owed,
      own.lifetime, own.tier_points, own.version, array_to_json(found_lots), lapsing);
  END LOOP;
END $$;

-- What burns moved, their redemptions and the answers under their keys; `redemptions` is null where all are refusals.
CREATE FUNCTION close_burns(t integer, accounts json, entries json, lots json, draws json, redemptions json, answers json)
RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF redemptions IS NOT NULL THEN
    PERFORM post_entries(t, accounts, entries, lots, draws);
    INSERT INTO redemption (tenant_id, id, program_id, account_id, status, points, amount, currency, entry_version,
                            hold_expires_at, reward_id, money, took_stock, fulfilment, actor, request_id, occurred_at)
    SELECT t, r.id, r.program_id, r.account_id, r.status, r.points, r.amount, r.currency, r.entry_version,
           r.hold_expires_at, r.reward_id, r.money, coalesce(r.took_stock, false), r.fulfilment, r.actor, r.request_id,
           r.occurred_at
    FROM json_to_recordset(redemptions) AS r(
      id uuid, program_id integer, account_id bigint, status text, points bigint, amount numeric, currency text,
      entry_version bigint, hold_expires_at timestamptz, reward_id uuid, money numeric, took_stock boolean,
      fulfilment text, actor text, request_id text, occurred_at timestamptz);
  END IF;
  INSERT INTO idempotency (tenant_id, operation, key, input_hash, status, body, created_at)
  SELECT t, r.operation, r.key, decode(r.hash, 'hex'), r.status, r.body, r.at
  FROM json_to_recordset(answers) AS r(operation text, key text, hash text, status smallint, body text, at timestamptz);
END $$;
