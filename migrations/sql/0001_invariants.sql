-- What Postgres itself keeps, whatever the code does.

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: correct by adding', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['entry', 'lot_draw', 'award', 'activity', 'adjustment', 'audit_record'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION append_only()', name || '_append_only', name);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION append_only()', name || '_no_truncate', name);
  END LOOP;
END $$;

-- How much a movement of `points` changes the stored figure of bucket `b`. `owed` is a contra bucket:
-- points that leave it (owed -> reversed) raise the debt, points that reach it (issued -> owed) pay it.
CREATE FUNCTION moved(b bucket, from_bucket bucket, to_bucket bucket, points bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN b = 'owed' THEN -1 ELSE 1 END
     * (CASE WHEN to_bucket = b THEN points ELSE 0 END - CASE WHEN from_bucket = b THEN points ELSE 0 END);

-- Each new entry continues its account: no gap in `version`, balances-after equal the balances before plus the
-- movement, and the account's row stands exactly at its last entry. Checked once per statement, in sets.
CREATE FUNCTION entries_continue_their_accounts() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE bad record;
BEGIN
  WITH chain AS (
    SELECT n.*,
      lag(n.version) OVER w AS v, lag(n.pending_after) OVER w AS p, lag(n.available_after) OVER w AS a,
      lag(n.held_after) OVER w AS h, lag(n.owed_after) OVER w AS o,
      lead(n.version) OVER w AS following
    FROM added n WINDOW w AS (PARTITION BY n.tenant_id, n.account_id ORDER BY n.version)
  )
  SELECT c.tenant_id, c.account_id, c.version INTO bad
  FROM chain c
  LEFT JOIN LATERAL (SELECT * FROM entry x WHERE x.tenant_id = c.tenant_id AND x.account_id = c.account_id
                     AND x.version = c.version - 1 LIMIT 1) e ON c.v IS NULL
  LEFT JOIN LATERAL (SELECT * FROM account x WHERE x.tenant_id = c.tenant_id AND x.id = c.account_id LIMIT 1) t
    ON c.following IS NULL
  WHERE c.version <> coalesce(c.v, e.version, 0) + 1
     OR c.pending_after <> coalesce(c.p, e.pending_after, 0) + moved('pending', c.from_bucket, c.to_bucket, c.points)
     OR c.available_after <> coalesce(c.a, e.available_after, 0) + moved('available', c.from_bucket, c.to_bucket, c.points)
     OR c.held_after <> coalesce(c.h, e.held_after, 0) + moved('held', c.from_bucket, c.to_bucket, c.points)
     OR c.owed_after <> coalesce(c.o, e.owed_after, 0) + moved('owed', c.from_bucket, c.to_bucket, c.points)
     OR (c.following IS NULL AND (t.version, t.pending, t.available, t.held, t.owed)
         IS DISTINCT FROM (c.version, c.pending_after, c.available_after, c.held_after, c.owed_after))
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %.% of tenant % does not continue its account', bad.account_id, bad.version, bad.tenant_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER entry_continues AFTER INSERT ON entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION entries_continue_their_accounts();
