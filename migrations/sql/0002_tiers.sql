-- Sandboxes, tiers in windows; the GRANTs stand at its end.

-- A sandbox has a clock of its own, which only goes forward, so that pending, expiry and tiers can be tried in a
-- minute. Who is live stays live, and who is a sandbox stays one: processes remember it for ever.
ALTER TABLE tenant
  ADD COLUMN sandbox boolean NOT NULL DEFAULT false,
  ADD COLUMN clock_offset interval NOT NULL DEFAULT '0',  -- how far its clock is ahead of the world's
  ADD CHECK (clock_offset >= '0' AND (sandbox OR clock_offset = '0'));
CREATE FUNCTION tenant_clock_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.sandbox <> OLD.sandbox THEN
    RAISE EXCEPTION 'a tenant is a sandbox for ever, or never';
  END IF;
  IF NEW.clock_offset < OLD.clock_offset THEN
    RAISE EXCEPTION 'the clock of a sandbox only goes forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tenant_clock_goes_forward BEFORE UPDATE ON tenant
  FOR EACH ROW EXECUTE FUNCTION tenant_clock_goes_forward();
-- What time makes due is asked for tenant by tenant: a sandbox's clock must not make others' rows be read.
DROP INDEX parked_until;
CREATE INDEX parked_until ON setback (tenant_id, until) WHERE status = 'parked';

-- tiers -------------------------------------------------------------------------------------------
ALTER TABLE program
  ADD COLUMN tier_epoch integer NOT NULL DEFAULT 0,  -- the version since which tiers and what counts are as they are
  ADD COLUMN tier_recounted_to bigint;               -- members up to this one follow it; NULL: all do
ALTER TABLE membership
  ADD COLUMN tier_protected_until timestamptz,        -- somebody has promised the tier until then
  ADD COLUMN tier_review_at timestamptz,              -- when the review looks next: to warn, and at tier_until
  ADD COLUMN tier_epoch integer NOT NULL DEFAULT 0;   -- the program's, by which its days were counted
CREATE INDEX membership_tier_review ON membership (tenant_id, program_id, tier_review_at)
  WHERE tier_review_at IS NOT NULL;
CREATE TABLE tier_progress (  -- what counted for the tier on a day of the program's zone, since joining
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  day date NOT NULL,
  points points NOT NULL,  -- stops at the most
  spend numeric(19, 4) NOT NULL CHECK (spend >= 0),
  PRIMARY KEY (tenant_id, account_id, day)
) WITH (fillfactor = 90);

-- What one batch gained: one row for each account and day, sorted by the caller.
CREATE FUNCTION add_tier_days(t integer, gains json) RETURNS void LANGUAGE sql AS $$
  INSERT INTO tier_progress AS p (tenant_id, account_id, day, points, spend)
  SELECT t, r.account_id, r.day, least(r.points, 9007199254740991), least(r.spend, 999999999999999.9999)
  FROM json_to_recordset(gains) AS r(account_id bigint, day date, points numeric, spend numeric)
  ON CONFLICT (tenant_id, account_id, day) DO UPDATE
  SET points = least(p.points::numeric + excluded.points, 9007199254740991),
      spend = least(p.spend::numeric + excluded.spend, 999999999999999.9999);
$$;

-- What counts by day, from the awards, adjustments and returns themselves, of memberships on these accounts and of
-- the accounts that were merged into them. Slow beside tier_progress, and the truth that it is held to.
CREATE FUNCTION tier_days_counted(t integer, accounts bigint[])
RETURNS TABLE (account_id bigint, day date, points bigint, spend numeric)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH whose AS (
    SELECT ms.account_id, x.id AS earned_on, ms.joined_at, p.time_zone, p.currency
    FROM unnest(accounts) one(id)
    JOIN membership ms ON ms.tenant_id = t AND ms.account_id = one.id AND ms.status <> 'merged'
    JOIN program p ON p.tenant_id = t AND p.id = ms.program_id
    CROSS JOIN LATERAL (
      SELECT ms.account_id AS id
      UNION ALL
      SELECT h.from_account FROM merged_account h
      WHERE h.tenant_id = t AND h.into_account = ms.account_id AND NOT h.undone
    ) x
  ), gained AS (
    SELECT who.account_id, (a.occurred_at AT TIME ZONE who.time_zone)::date AS day,
           greatest(w.points - back.points, 0) AS points,
           CASE WHEN a.kind = 'purchase' AND a.currency = who.currency
                THEN round((a.amount - otherwise.paid) * (a.amount - back.worth) / a.amount, 4) ELSE 0 END AS spend
    FROM whose who
    JOIN award w ON w.tenant_id = t AND w.account_id = who.earned_on AND w.awarded_at >= who.joined_at
    JOIN activity a ON a.tenant_id = t AND a.id = w.activity_id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum((v.explanation->>'tier_points')::bigint), 0) AS points, coalesce(sum(v.worth), 0) AS worth
      FROM give_back_verdict v WHERE v.tenant_id = t AND v.activity_id = w.activity_id AND v.status = 'settled'
    ) back
    CROSS JOIN LATERAL (
      SELECT coalesce(sum((one.payment->>'amount')::numeric), 0) AS paid
      FROM jsonb_array_elements(a.body->'payments') AS one(payment)
      WHERE one.payment->>'kind' IN ('points', 'voucher')
    ) otherwise
    UNION ALL
    SELECT who.account_id, (j.occurred_at AT TIME ZONE who.time_zone)::date, j.points, 0
    FROM whose who
    JOIN adjustment j ON j.tenant_id = t AND j.account_id = who.earned_on AND j.points > 0
                     AND j.occurred_at >= who.joined_at
  )
  SELECT g.account_id, g.day, least(sum(g.points), 9007199254740991)::bigint,
         least(sum(g.spend), 999999999999999.9999)
  FROM gained g GROUP BY g.account_id, g.day;
END $$;

-- Counts the days of these locked accounts again. Of programs that need no days, none are kept.
CREATE FUNCTION count_tier_days_again(t integer, accounts bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  account bigint;
  own program%ROWTYPE;
  by_day bigint[] := '{}';
BEGIN
  DELETE FROM tier_progress d WHERE d.tenant_id = t AND d.account_id = ANY (accounts);
  FOREACH account IN ARRAY accounts LOOP
    SELECT p.* INTO own FROM program p WHERE p.tenant_id = t
      AND p.id = (SELECT a.program_id FROM account a WHERE a.tenant_id = t AND a.id = account);
    UPDATE membership ms SET tier_epoch = own.tier_epoch
    WHERE ms.tenant_id = t AND ms.account_id = account AND ms.tier_epoch <> own.tier_epoch;
    IF coalesce(own.settings->'tier_policy'->>'window', 'ever') <> 'ever'
       OR coalesce(own.settings->'tier_policy'->>'on', 'points') <> 'points' THEN
      by_day := by_day || account;
    END IF;
  END LOOP;
  INSERT INTO tier_progress (tenant_id, account_id, day, points, spend)
  SELECT t, c.account_id, c.day, c.points, c.spend FROM tier_days_counted(t, by_day) c;
END $$;

-- Puts memberships whose accounts are locked on their tiers; tells whose they are. A loop of look-ups by key, for a
-- join read the whole tenant while its tables were young: a million took half an hour.
CREATE FUNCTION change_tiers(t integer, changes json) RETURNS TABLE (membership_id bigint, member_id text)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  one record;
  who bigint;
BEGIN
  FOR one IN
    SELECT * FROM json_to_recordset(changes) AS r(membership_id bigint, key text, since timestamptz, until timestamptz,
                                                  protected_until timestamptz, review_at timestamptz)
  LOOP
    UPDATE membership ms
    SET tier_key = one.key, tier_since = one.since, tier_until = one.until,
        tier_protected_until = one.protected_until, tier_review_at = one.review_at
    WHERE ms.tenant_id = t AND ms.id = one.membership_id
    RETURNING ms.id, ms.member_id INTO membership_id, who;
    SELECT m.member_id INTO member_id FROM member m WHERE m.tenant_id = t AND m.id = who;
    RETURN NEXT;
  END LOOP;
END $$;

-- The memberships of a program that the review is to look at, longest due first, with their accounts locked. What
-- somebody else has locked is left to the next batch, so that any number of reviews may be at work.
CREATE FUNCTION claim_tier_reviews(t integer, program integer, at timestamptz, most integer)
RETURNS TABLE (id bigint, account_id bigint, status text, joined_at timestamptz, tier_key text, tier_since timestamptz,
               tier_until timestamptz, tier_protected_until timestamptz, tier_review_at timestamptz, tier_epoch integer,
               tier_points bigint)
LANGUAGE plpgsql ROWS 500
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  due bigint[] := ARRAY(
    SELECT ms.account_id FROM membership ms
    WHERE ms.tenant_id = t AND ms.program_id = program AND ms.tier_review_at <= at
    ORDER BY ms.tier_review_at LIMIT most);
  locked bigint[] := ARRAY(
    SELECT a.id FROM account a WHERE a.tenant_id = t AND a.id = ANY (due) ORDER BY a.id FOR UPDATE SKIP LOCKED);
BEGIN
  RETURN QUERY
    SELECT ms.id, ms.account_id, ms.status, ms.joined_at, ms.tier_key, ms.tier_since, ms.tier_until,
           ms.tier_protected_until, ms.tier_review_at, ms.tier_epoch, a.tier_points::bigint
    FROM unnest(locked) l(id)
    CROSS JOIN LATERAL (SELECT x.tier_points FROM account x WHERE x.tenant_id = t AND x.id = l.id LIMIT 1) a
    -- OFFSET 0: by the account, not by all that is due.
    CROSS JOIN LATERAL (SELECT * FROM membership x WHERE x.tenant_id = t AND x.account_id = l.id OFFSET 0) ms
    WHERE ms.program_id = program AND ms.tier_review_at <= at;  -- as it stands under the lock
END $$;

-- What counted for a member on each day: [[day, points, spend]].
CREATE FUNCTION tier_days_of(t integer, program integer, named_member text) RETURNS json LANGUAGE plpgsql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  who bigint := (SELECT coalesce(m.merged_into, m.id) FROM member m WHERE m.tenant_id = t AND m.member_id = named_member);
BEGIN
  RETURN (
    SELECT json_agg(json_build_array(d.day, d.points, d.spend::text))
    FROM membership ms JOIN tier_progress d ON d.tenant_id = t AND d.account_id = ms.account_id
    WHERE ms.tenant_id = t AND ms.program_id = program AND ms.member_id = who);
END $$;

GRANT INSERT, UPDATE, DELETE ON tier_progress TO loyalty_app;
GRANT UPDATE (clock_offset) ON tenant TO loyalty_app;
