-- How much of a promotion that has limits was used, by period: 2026-07-14, 2026-W29, 2026-07, 2026, ever. Whoever
-- changes a member's row holds the account's lock; the row of everyone together (a budget) is locked last of all.
CREATE TABLE promotion_use (
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  promotion_id integer NOT NULL,
  period text NOT NULL,
  points points NOT NULL,
  uses integer NOT NULL CHECK (uses >= 0),
  PRIMARY KEY (tenant_id, account_id, promotion_id, period)
) WITH (fillfactor = 80);
CREATE TABLE promotion_budget (
  tenant_id integer NOT NULL,
  promotion_id integer NOT NULL,
  period text NOT NULL,
  points points NOT NULL,
  uses integer NOT NULL CHECK (uses >= 0),
  PRIMARY KEY (tenant_id, promotion_id, period)
) WITH (fillfactor = 50);

-- The name of the period that holds a time of the program's zone: as loyalty.promotions.allowance names it.
CREATE FUNCTION promotion_period(per text, local timestamp) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE per WHEN 'day' THEN to_char(local, 'YYYY-MM-DD') WHEN 'week' THEN to_char(local, 'IYYY"-W"IW')
                WHEN 'month' THEN to_char(local, 'YYYY-MM') WHEN 'year' THEN to_char(local, 'YYYY') ELSE 'ever' END;

-- What is used of these, by key; what stands in no row is 0. Rows of everyone together (account 0) are locked, in the
-- order of their keys, if so wished.
CREATE FUNCTION promotion_uses(t integer, wanted json, lock boolean)
RETURNS TABLE (promotion_id integer, account_id bigint, period text, points points, uses integer)
LANGUAGE plpgsql ROWS 500
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE one record;
BEGIN
  RETURN QUERY
    SELECT u.promotion_id, u.account_id, u.period, u.points, u.uses
    FROM json_to_recordset(wanted) AS r(promotion_id integer, account_id bigint, period text)
    CROSS JOIN LATERAL (SELECT * FROM promotion_use x WHERE x.tenant_id = t AND x.account_id = r.account_id
                        AND x.promotion_id = r.promotion_id AND x.period = r.period LIMIT 1) u
    WHERE r.account_id <> 0
    UNION ALL
    SELECT b.promotion_id, 0::bigint, b.period, b.points, b.uses
    FROM json_to_recordset(wanted) AS r(promotion_id integer, account_id bigint, period text)
    CROSS JOIN LATERAL (SELECT * FROM promotion_budget x WHERE x.tenant_id = t AND x.promotion_id = r.promotion_id
                        AND x.period = r.period LIMIT 1) b
    WHERE r.account_id = 0 AND NOT lock;
  FOR one IN
    SELECT r.promotion_id, r.period FROM json_to_recordset(wanted) AS r(promotion_id integer, account_id bigint, period text)
    WHERE r.account_id = 0 AND lock ORDER BY r.promotion_id, r.period
  LOOP
    INSERT INTO promotion_budget VALUES (t, one.promotion_id, one.period, 0, 0) ON CONFLICT DO NOTHING;
    RETURN QUERY
      SELECT b.promotion_id, 0::bigint, b.period, b.points, b.uses FROM promotion_budget b
      WHERE b.tenant_id = t AND b.promotion_id = one.promotion_id AND b.period = one.period FOR UPDATE;
  END LOOP;
END $$;

CREATE FUNCTION count_promotion_uses(t integer, added json) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE one record;
BEGIN
  FOR one IN
    SELECT * FROM json_to_recordset(added) AS r(promotion_id integer, account_id bigint, period text,
                                                points bigint, uses integer)
    ORDER BY r.account_id, r.promotion_id, r.period
  LOOP
    IF one.account_id <> 0 THEN
      UPDATE promotion_use u SET points = u.points + one.points, uses = u.uses + one.uses
      WHERE u.tenant_id = t AND u.account_id = one.account_id AND u.promotion_id = one.promotion_id
        AND u.period = one.period;
      IF NOT FOUND THEN
        INSERT INTO promotion_use VALUES (t, one.account_id, one.promotion_id, one.period, one.points, one.uses);
      END IF;
    ELSE
      UPDATE promotion_budget b SET points = b.points + one.points, uses = b.uses + one.uses
      WHERE b.tenant_id = t AND b.promotion_id = one.promotion_id AND b.period = one.period;
    END IF;
  END LOOP;
END $$;

GRANT INSERT, UPDATE ON promotion_use, promotion_budget TO loyalty_app;
