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
