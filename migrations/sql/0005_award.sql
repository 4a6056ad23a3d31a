-- What every batch of awards asks, whatever its size: as functions, whose plans are kept with the connection. Planning took longer
-- than reading. Measured in docs/decisions/0022-a-young-database.md.

-- The programs as the award needs them. `rules` is null, or the first half of a lock's key: then no rule of these programs is
-- put in force until the transaction ends. Each statement sees what was committed when it began, so the programs are read
-- as they are once the lock is there. `ids` are sorted.
CREATE FUNCTION programs_to_judge(t integer, ids integer[], rules integer)
RETURNS TABLE (id integer, unknown_member text, park_window_days integer, has_campaigns boolean, has_referrals boolean,
               unknown_retailer text, unknown_product text, pending jsonb, expiry jsonb, time_zone text, currency text,
               tier_epoch integer, tier_policy jsonb, tiers json)
LANGUAGE plpgsql ROWS 1
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  IF rules IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(rules, own.id) FROM unnest(ids) AS own(id);
  END IF;
  RETURN QUERY
    SELECT p.id, p.settings->>'unknown_member', (p.settings->>'park_window_days')::integer,
           EXISTS (SELECT FROM campaign c WHERE c.tenant_id = t AND c.program_id = p.id AND c.status <> 'draft'),
           EXISTS (SELECT FROM referral r WHERE r.tenant_id = t AND r.program_id = p.id AND r.completed_at IS NULL),
           p.settings->>'unknown_retailer', p.settings->>'unknown_product', p.settings->'pending', p.settings->'expiry',
           p.time_zone, p.currency, p.tier_epoch, p.settings->'tier_policy',
           (SELECT json_agg(json_build_array(x.key, x.name, x.threshold)) FROM tier x
            WHERE x.tenant_id = t AND x.program_id = p.id)
    FROM program p WHERE p.tenant_id = t AND p.id = ANY (ids);
END $$;

-- Every version that was ever in force, by the programs' ids.
CREATE FUNCTION published_versions(t integer, programs integer[])
RETURNS TABLE (program_id integer, standing boolean, name text, promotion_id integer, version integer, rule text,
               starts_at timestamptz, ends_at timestamptz)
LANGUAGE plpgsql ROWS 10
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT p.program_id, p.standing, p.name, v.promotion_id, v.version, v.rule::text,
           nullif(v.starts_at, '-infinity'), nullif(v.ends_at, 'infinity')
    FROM promotion p JOIN promotion_version v ON v.tenant_id = t AND v.promotion_id = p.id
    WHERE p.tenant_id = t AND p.program_id = ANY (programs) AND v.status IN ('published', 'ended');
END $$;

-- As in 0004, and answers whether any return waits for its purchase: nearly never, and nobody need ask for it by itself.
DROP FUNCTION settle_activities(integer, json, json);

CREATE FUNCTION settle_activities(t integer, awards json, setbacks json) RETURNS boolean LANGUAGE plpgsql
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
  RETURN EXISTS (SELECT FROM unsettled_give_back b WHERE b.tenant_id = t);
END $$;
