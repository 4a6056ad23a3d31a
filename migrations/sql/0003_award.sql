-- What was used of limits: a batch's counters of members in one statement, guarded by their accounts' locks; then the
-- budgets, each locked by this in the order of their keys, and answered as they now stand.
DROP FUNCTION count_promotion_uses(integer, json);

CREATE FUNCTION count_promotion_uses(t integer, added json)
RETURNS TABLE (promotion_id integer, period text, points points, uses integer)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE one record;
BEGIN
  WITH given AS (
    SELECT r.* FROM json_to_recordset(added) AS r(promotion_id integer, account_id bigint, period text,
                                                  points bigint, uses integer)
    WHERE r.account_id <> 0
  ), counted AS (
    UPDATE promotion_use u SET points = u.points + g.points, uses = u.uses + g.uses
    FROM given g
    WHERE u.tenant_id = t AND u.account_id = g.account_id AND u.promotion_id = g.promotion_id AND u.period = g.period
    RETURNING u.account_id, u.promotion_id, u.period
  )
  INSERT INTO promotion_use (tenant_id, account_id, promotion_id, period, points, uses)
  SELECT t, g.account_id, g.promotion_id, g.period, g.points, g.uses FROM given g
  WHERE (g.account_id, g.promotion_id, g.period) NOT IN (SELECT c.account_id, c.promotion_id, c.period FROM counted c);

  FOR one IN
    SELECT r.* FROM json_to_recordset(added) AS r(promotion_id integer, account_id bigint, period text,
                                                  points bigint, uses integer)
    WHERE r.account_id = 0 ORDER BY r.promotion_id, r.period
  LOOP
    INSERT INTO promotion_budget VALUES (t, one.promotion_id, one.period, 0, 0) ON CONFLICT DO NOTHING;
    RETURN QUERY
      UPDATE promotion_budget b SET points = b.points + one.points, uses = b.uses + one.uses
      WHERE b.tenant_id = t AND b.promotion_id = one.promotion_id AND b.period = one.period
      RETURNING b.promotion_id, b.period, b.points, b.uses;
  END LOOP;
END $$;

-- What was earned before; when the latest of it occurred only if that is asked for: it takes a look at a hundred awards.
DROP FUNCTION earning_history(integer, bigint[]);

CREATE FUNCTION earning_history(t integer, accounts bigint[], latest boolean)
RETURNS TABLE (account_id bigint, purchased boolean, last_at timestamptz)
LANGUAGE plpgsql ROWS 200
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT c.id,
      EXISTS (SELECT FROM own_accounts(t, c.id) own(id) CROSS JOIN LATERAL (
                SELECT FROM award w CROSS JOIN LATERAL (SELECT x.kind FROM activity x WHERE x.tenant_id = t
                  AND x.id = w.activity_id LIMIT 1) a
                WHERE w.tenant_id = t AND w.account_id = own.id AND a.kind = 'purchase' LIMIT 1) bought),
      CASE WHEN latest THEN (SELECT max(a.occurred_at) FROM
         (SELECT x.activity_id FROM award x WHERE x.tenant_id = t AND x.account_id = c.id
          ORDER BY x.activity_id DESC LIMIT 100) w
       CROSS JOIN LATERAL (SELECT x.occurred_at, x.kind FROM activity x WHERE x.tenant_id = t
                           AND x.id = w.activity_id LIMIT 1) a
       WHERE a.kind <> 'bonus') END
    FROM unnest(accounts) c(id);
END $$;

-- Verdicts are written, and what they are on is no longer open: in one statement, so that they are read once.
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
      points bigint, awarded_at timestamptz, explanation jsonb)
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
