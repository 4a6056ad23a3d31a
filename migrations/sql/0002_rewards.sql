-- Tables and functions of rewards; its GRANTs stand at its end.

CREATE TABLE reward (  -- what points buy
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  key text NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  kind text NOT NULL CHECK (kind IN ('points_off', 'voucher', 'goods')),
  points points NOT NULL CHECK (points > 0),
  money numeric(19, 4) CHECK (money > 0),  -- what is paid besides, in the program's currency
  worth numeric(19, 4) CHECK (worth > 0),  -- what it is worth to the member
  texts jsonb NOT NULL,                    -- {language: {name, description, terms}}
  images jsonb NOT NULL,                   -- URLs
  eligible jsonb,                          -- a tree of conditions; NULL: every member
  limits jsonb NOT NULL,                   -- [{most, per}] for each member
  vouchers jsonb,                          -- {from: pool | generated, prefix, length, valid_days}
  starts_at timestamptz,
  ends_at timestamptz,
  low_at bigint,                           -- as few left: the event stock.low
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,                    -- taken off the catalogue; what was redeemed stays
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program,
  CHECK ((kind = 'voucher') = (vouchers IS NOT NULL)),
  CHECK (starts_at < ends_at)
);
CREATE UNIQUE INDEX reward_key ON reward (tenant_id, program_id, key) WHERE ended_at IS NULL;
CREATE INDEX reward_of_program ON reward (tenant_id, program_id, id);

CREATE TABLE reward_stock (  -- of a reward that is limited; total - remaining = handed out or set aside
  tenant_id integer NOT NULL,
  reward_id uuid NOT NULL,
  total bigint NOT NULL CHECK (total >= 0),
  remaining bigint NOT NULL,
  PRIMARY KEY (tenant_id, reward_id),
  FOREIGN KEY (tenant_id, reward_id) REFERENCES reward,
  CHECK (remaining BETWEEN 0 AND total)
) WITH (fillfactor = 50);

CREATE TABLE voucher (  -- a code of its own; each is handed out once
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  reward_id uuid NOT NULL,
  code text NOT NULL,
  status text NOT NULL CHECK (status IN ('free', 'held', 'given', 'void')),
  redemption_id uuid,
  added_at timestamptz NOT NULL,
  given_at timestamptz,
  expires_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, reward_id) REFERENCES reward,
  CHECK ((status = 'free') = (redemption_id IS NULL)),
  CHECK (status <> 'given' OR given_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX voucher_free ON voucher (tenant_id, reward_id, id) WHERE status = 'free';
CREATE INDEX voucher_of_reward ON voucher (tenant_id, reward_id, status);
CREATE UNIQUE INDEX one_voucher_a_redemption ON voucher (tenant_id, redemption_id) WHERE redemption_id IS NOT NULL;

-- `released` of the points came back from a hold, `cancelled` of those that were spent: the rest is spent, or held.
ALTER TABLE redemption
  ADD COLUMN reward_id uuid,
  ADD COLUMN money numeric(19, 4),
  ADD COLUMN took_stock boolean NOT NULL DEFAULT false,  -- one of the reward's stock is with this redemption
  ADD COLUMN fulfilment text CHECK (fulfilment IN ('ordered', 'shipped', 'delivered')),
  ADD COLUMN tracking text,
  ADD COLUMN released points NOT NULL DEFAULT 0,
  ADD COLUMN cancelled points NOT NULL DEFAULT 0,
  ADD CONSTRAINT redemption_stands CHECK (CASE status
    WHEN 'redeemed' THEN released = 0 AND cancelled = 0 AND hold_expires_at IS NULL
    WHEN 'held' THEN released = 0 AND cancelled = 0 AND hold_expires_at IS NOT NULL
    WHEN 'captured' THEN released < points AND cancelled = 0
    WHEN 'released' THEN released = points AND cancelled = 0
    WHEN 'lapsed' THEN released = points AND cancelled = 0
    WHEN 'partly_cancelled' THEN cancelled > 0 AND released + cancelled < points
    WHEN 'cancelled' THEN released + cancelled = points AND (cancelled > 0 OR points = 0)
    ELSE false END);
CREATE INDEX redemption_hold_due ON redemption (tenant_id, hold_expires_at) WHERE status = 'held';
CREATE INDEX redemption_held ON redemption (tenant_id, account_id, id) WHERE status = 'held';
CREATE INDEX redemption_of_reward ON redemption (tenant_id, reward_id, account_id, occurred_at) WHERE reward_id IS NOT NULL;
CREATE INDEX redemption_for_reward ON redemption (tenant_id, account_id, id) WHERE reward_id IS NOT NULL;

CREATE TABLE redemption_step (  -- what became of a redemption after it was made; append-only
  tenant_id integer NOT NULL,
  redemption_id uuid NOT NULL,
  step smallint NOT NULL CHECK (step > 0),
  kind text NOT NULL CHECK (kind IN ('capture', 'release', 'lapse', 'cancel', 'ship', 'deliver')),
  points points,            -- of the entry it made
  entry_version bigint,     -- NULL: it moved no points
  reason text,
  actor text NOT NULL,
  request_id text,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, redemption_id, step),
  CHECK ((points IS NULL) = (entry_version IS NULL)),
  CHECK (CASE WHEN kind IN ('ship', 'deliver') THEN points IS NULL
              ELSE points IS NOT NULL OR kind = 'cancel' END)  -- what cost nothing gives nothing back
);
CREATE TRIGGER redemption_step_append_only BEFORE UPDATE OR DELETE ON redemption_step FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER redemption_step_no_truncate BEFORE TRUNCATE ON redemption_step FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- A burn reads in one call and writes in one call, so that the account is locked late and briefly.
-- `earlier_*` is what stands under the key already; then nothing is locked and nothing else is told. The key's own
-- lock lives in memory and ends with the transaction: who comes second waits for the first for at most a second, and
-- the row of the key is written once, with its answer. Who changes a membership holds its account's lock, so what is
-- read after the lock is as it stands. `lots` are all that is due by `at`, and those that pay `wanted` points, as
-- [id, remaining, expires_at, activates_at, active]. `lapsing`: a hold's time is over, and it is still held.
DROP FUNCTION open_burn(integer, text, text, bytea, integer, text, bigint, timestamptz);
CREATE FUNCTION open_burn(t integer, named_operation text, named_key text, program integer, named_member text,
                          wanted bigint, at timestamptz)
RETURNS TABLE (earlier_hash bytea, earlier_status smallint, earlier_body text,
               membership_id bigint, membership_status text, account_id bigint, pending bigint, available bigint,
               held bigint, owed bigint, lifetime bigint, tier_points bigint, version bigint, lots json, lapsing boolean)
LANGUAGE plpgsql ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  own_key bigint := hashtextextended(named_operation || ' ' || named_key, t);
  who bigint;
  own account%ROWTYPE;
  could bigint;
  missing bigint := wanted;
  one lot%ROWTYPE;
  found_lots json[] := '{}';
BEGIN
  IF NOT pg_try_advisory_xact_lock(own_key) THEN
    SET LOCAL lock_timeout = '1s';
    PERFORM pg_advisory_xact_lock(own_key);
    SET LOCAL lock_timeout TO DEFAULT;
  END IF;
  SELECT i.input_hash, i.status, i.body INTO earlier_hash, earlier_status, earlier_body FROM idempotency i
  WHERE i.tenant_id = t AND i.operation = named_operation AND i.key = named_key;
  IF FOUND THEN
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT ms.id, ms.account_id INTO membership_id, account_id
  FROM (SELECT coalesce(x.merged_into, x.id) AS id FROM member x
        WHERE x.tenant_id = t AND x.member_id = named_member OFFSET 0) m
  CROSS JOIN LATERAL (SELECT x.id, x.account_id FROM membership x WHERE x.tenant_id = t AND x.program_id = program
                      AND x.member_id = m.id LIMIT 1) ms;
  FOR attempt IN 1..3 LOOP
    SELECT * INTO own FROM account a WHERE a.tenant_id = t AND a.id = account_id FOR UPDATE;
    SELECT ms.status, ms.account_id INTO membership_status, account_id FROM membership ms
    WHERE ms.tenant_id = t AND ms.id = membership_id;
    IF membership_status = 'merged' THEN  -- while we waited for the lock: the survivor's is the one
      SELECT ms.id, ms.account_id INTO membership_id, account_id FROM member m
      JOIN membership ms ON ms.tenant_id = t AND ms.program_id = program AND ms.member_id = m.merged_into
      WHERE m.tenant_id = t AND m.member_id = named_member;
    END IF;
    EXIT WHEN account_id IS NULL OR account_id = own.id;  -- else it moved while we waited for the lock
    membership_status := NULL;
  END LOOP;
  pending := own.pending; available := own.available; held := own.held; owed := own.owed;
  lifetime := own.lifetime; tier_points := own.tier_points; version := own.version;
  could := own.available;
  IF own.pending > 0 THEN
    FOR one IN
      SELECT * FROM lot l WHERE l.tenant_id = t AND l.account_id = own.id AND l.open AND NOT l.active
                            AND l.activates_at <= at
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
    IF one.expires_at IS NULL OR one.expires_at > at THEN
      EXIT WHEN missing <= 0 OR wanted > could;
      missing := missing - one.remaining;
    END IF;
    found_lots := found_lots
      || json_build_array(one.id, one.remaining, one.expires_at, one.activates_at, one.active);
  END LOOP;
  lots := array_to_json(found_lots);
  lapsing := own.held > 0 AND EXISTS (
    SELECT FROM redemption r WHERE r.tenant_id = t AND r.account_id = own.id AND r.status = 'held'
                               AND r.hold_expires_at <= at);
  RETURN NEXT;
END $$;

-- `redeemed` NULL: a refusal, of which only the answer is written.
DROP FUNCTION close_burn(integer, json, json, json, json, text, text, smallint, text);
CREATE FUNCTION close_burn(t integer, accounts json, entries json, lots json, draws json, redeemed json,
                           named_operation text, named_key text, hash bytea, answered smallint, answer text,
                           at timestamptz) RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF redeemed IS NOT NULL THEN
    PERFORM post_entries(t, accounts, entries, lots, draws);
    INSERT INTO redemption (tenant_id, id, program_id, account_id, status, points, amount, currency, entry_version,
                            hold_expires_at, reward_id, money, took_stock, fulfilment, actor, request_id, occurred_at)
    SELECT t, r.id, r.program_id, r.account_id, r.status, r.points, r.amount, r.currency, r.entry_version,
           r.hold_expires_at, r.reward_id, r.money, coalesce(r.took_stock, false), r.fulfilment, r.actor, r.request_id, at
    FROM json_to_record(redeemed) AS r(
      id uuid, program_id integer, account_id bigint, status text, points bigint, amount numeric, currency text,
      entry_version bigint, hold_expires_at timestamptz, reward_id uuid, money numeric, took_stock boolean,
      fulfilment text, actor text, request_id text);
  END IF;
  INSERT INTO idempotency (tenant_id, operation, key, input_hash, status, body, created_at)
  VALUES (t, named_operation, named_key, hash, answered, answer, at);
END $$;

-- Codes are worth money: the system role audits vouchers without seeing them.
ALTER TABLE voucher ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON voucher TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON voucher TO loyalty_system USING (true);
GRANT SELECT (tenant_id, id, program_id, reward_id, status, redemption_id) ON voucher TO loyalty_system;
GRANT SELECT, INSERT, UPDATE ON voucher TO loyalty_app;
GRANT INSERT, UPDATE ON reward, reward_stock TO loyalty_app;
GRANT INSERT ON redemption_step TO loyalty_app;
