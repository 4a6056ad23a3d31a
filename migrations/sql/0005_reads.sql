-- A member in a program as they stand at `at`, as member_answer of 0002 tells it, in one value: its fields in the order in which
-- loyalty.people.answer takes them, or null where nobody of that name was ever enrolled. A row of nineteen columns costs
-- more to plan, to tell and to read. member_answer stays for processes that still run the code before this migration.
CREATE FUNCTION member_told(t integer, program integer, named_member text, at timestamptz) RETURNS json
LANGUAGE plpgsql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  own record;
  now_available bigint;
  now_pending bigint;
  soon json;
BEGIN
  SELECT m.member_id, m.name, m.birthday, m.time_zone, m.attributes, m.version,
         ms.status, ms.tier_key, ms.tier_since, ms.tier_until, ms.joined_at, ms.left_at,
         a.id AS account, a.available, a.pending, a.held, a.owed, a.lifetime, a.tier_points, later.expiring, later.due
  INTO own
  FROM member m
  JOIN membership ms ON ms.tenant_id = t AND ms.program_id = program AND ms.member_id = m.id
  JOIN account a ON a.tenant_id = t AND a.id = ms.account_id
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(l.points, l.expires_at) ORDER BY l.expires_at) AS expiring,
           bool_or(l.expires_at <= at) AS due
    FROM (SELECT x.expires_at, sum(x.remaining) AS points FROM lot x
          WHERE x.tenant_id = t AND x.account_id = a.id AND x.open AND x.active AND x.expires_at IS NOT NULL
          GROUP BY x.expires_at ORDER BY x.expires_at LIMIT 100) l
  ) later
  WHERE m.tenant_id = t AND m.member_id = named_member;
  IF NOT FOUND OR own.status = 'merged' THEN
    RETURN (SELECT member_told(t, program, s.member_id, at) FROM member m
            JOIN member s ON s.tenant_id = t AND s.id = m.merged_into
            WHERE m.tenant_id = t AND m.member_id = named_member);
  END IF;
  now_available := own.available;
  now_pending := own.pending;
  soon := own.expiring;
  IF own.pending > 0 OR own.due THEN
    SELECT own.available - lapsed.points + ripe.points - ripe.gone, own.pending - ripe.points, later.expiring
    INTO now_available, now_pending, soon
    FROM (
      SELECT coalesce(sum(x.remaining), 0) AS points FROM lot x
      WHERE x.tenant_id = t AND x.account_id = own.account AND x.open AND x.active AND x.expires_at <= at
    ) lapsed, (
      SELECT coalesce(sum(x.remaining), 0) AS points,
             coalesce(sum(x.remaining) FILTER (WHERE x.expires_at <= at), 0) AS gone
      FROM lot x
      WHERE x.tenant_id = t AND x.account_id = own.account AND x.open AND NOT x.active AND x.activates_at <= at
    ) ripe, (
      SELECT json_agg(json_build_array(l.points, l.expires_at) ORDER BY l.expires_at) AS expiring
      FROM (SELECT x.expires_at, sum(x.remaining) AS points FROM lot x
            WHERE x.tenant_id = t AND x.account_id = own.account AND x.open AND x.expires_at > at
              AND (x.active OR x.activates_at <= at)
            GROUP BY x.expires_at ORDER BY x.expires_at LIMIT 100) l
    ) later;
  END IF;
  RETURN json_build_array(
    own.member_id, own.name, own.birthday, own.time_zone, own.attributes, own.version,
    own.status, own.tier_key, own.tier_since, own.tier_until, own.joined_at, own.left_at,
    now_available, now_pending, own.held, own.owed, own.lifetime, own.tier_points, soon);
END $$;
