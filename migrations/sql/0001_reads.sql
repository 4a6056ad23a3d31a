-- Reads that apps ask for all day, with plans that Postgres keeps: planning them anew costs ten times what they do.

-- A member in a program as they stand at `at`. What has expired by then is not counted, whether or not it has been
-- written to the ledger yet; `expiring` are [points, expires_at], the soonest first, 100 at most.
CREATE FUNCTION member_answer(t integer, program integer, named_member text, at timestamptz)
RETURNS TABLE (member_id text, name text, birthday date, time_zone text, attributes jsonb, member_version integer,
               status text, tier_key text, tier_since timestamptz, tier_until timestamptz, joined_at timestamptz,
               left_at timestamptz, available bigint, pending bigint, held bigint, owed bigint, lifetime bigint,
               tier_points bigint, expired bigint, expiring json)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT m.member_id, m.name, m.birthday, m.time_zone, m.attributes, m.version,
           ms.status, ms.tier_key, ms.tier_since, ms.tier_until, ms.joined_at, ms.left_at,
           a.available::bigint, a.pending::bigint, a.held::bigint, a.owed::bigint, a.lifetime::bigint,
           a.tier_points::bigint, due.expired, due.expiring
    FROM member m
    JOIN membership ms ON ms.tenant_id = t AND ms.program_id = program AND ms.member_id = m.id
    JOIN account a ON a.tenant_id = t AND a.id = ms.account_id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(l.points) FILTER (WHERE l.expires_at <= at), 0)::bigint AS expired,
             json_agg(json_build_array(l.points, l.expires_at) ORDER BY l.expires_at)
               FILTER (WHERE l.expires_at > at) AS expiring
      FROM (SELECT x.expires_at, sum(x.remaining) AS points FROM lot x
            WHERE x.tenant_id = t AND x.account_id = a.id AND x.open AND x.active AND x.expires_at IS NOT NULL
            GROUP BY x.expires_at ORDER BY x.expires_at LIMIT 100) l
    ) due
    WHERE m.tenant_id = t AND m.member_id = named_member;
END $$;
