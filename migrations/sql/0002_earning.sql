-- As in 0001, with the retailer, which conditions ask for.
DROP FUNCTION claim_activities;
CREATE FUNCTION claim_activities(t integer, named uuid[], top_up integer, alone_from integer)
RETURNS TABLE (id uuid, program_id integer, kind text, member_id text, identifier_kind text, identifier_value text,
               amount numeric, currency text, retailer text, occurred_at timestamptz, recorded_at timestamptz, body jsonb,
               membership_id bigint, account_id bigint)
LANGUAGE plpgsql ROWS 200
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  paused integer[] := ARRAY(SELECT p.id FROM program p WHERE p.tenant_id = t AND p.paused_at IS NOT NULL);
  claimed uuid[];
BEGIN
  claimed := ARRAY(
    SELECT u.activity_id FROM unsettled u
    WHERE u.tenant_id = t AND u.activity_id = ANY (named) AND u.program_id <> ALL (paused)
    ORDER BY u.activity_id FOR UPDATE SKIP LOCKED);
  IF top_up > 0 THEN
    claimed := claimed || ARRAY(
      SELECT u.activity_id FROM unsettled u
      WHERE u.tenant_id = t AND u.tries < alone_from AND u.program_id <> ALL (paused)
        AND u.activity_id <> ALL (claimed)
      ORDER BY u.activity_id LIMIT top_up FOR UPDATE SKIP LOCKED);
  END IF;
  RETURN QUERY
    SELECT a.id, a.program_id, a.kind, a.member_id, a.identifier_kind, a.identifier_value, a.amount, a.currency,
           a.retailer, a.occurred_at, a.recorded_at, a.body, ms.id, ms.account_id
    FROM unnest(claimed) c(id)
    CROSS JOIN LATERAL (SELECT * FROM activity x WHERE x.tenant_id = t AND x.id = c.id LIMIT 1) a
    LEFT JOIN LATERAL (SELECT x.member_id FROM identifier x WHERE x.tenant_id = t AND x.kind = a.identifier_kind
                       AND x.value = a.identifier_value LIMIT 1) i ON true
    LEFT JOIN LATERAL (SELECT coalesce(x.merged_into, x.id) AS id FROM member x WHERE x.tenant_id = t
                       AND x.member_id = a.member_id LIMIT 1) m ON true
    -- OFFSET 0 keeps coalesce() out of the look-up: behind row-level security it would not use the index.
    CROSS JOIN LATERAL (SELECT coalesce(m.id, i.member_id) AS id OFFSET 0) who
    LEFT JOIN LATERAL (SELECT x.id, x.account_id FROM membership x WHERE x.tenant_id = t
                       AND x.program_id = a.program_id AND x.member_id = who.id LIMIT 1) ms ON true;
END $$;

-- What the rules may ask of an account's past: whether it was ever awarded a purchase, and when the latest activity
-- occurred, of the hundred that were awarded last.
CREATE FUNCTION earning_history(t integer, accounts bigint[])
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
      (SELECT max(a.occurred_at) FROM
         (SELECT x.activity_id FROM award x WHERE x.tenant_id = t AND x.account_id = c.id
          ORDER BY x.activity_id DESC LIMIT 100) w
       CROSS JOIN LATERAL (SELECT x.occurred_at, x.kind FROM activity x WHERE x.tenant_id = t
                           AND x.id = w.activity_id LIMIT 1) a
       WHERE a.kind <> 'bonus')
    FROM unnest(accounts) c(id);
END $$;

-- Who replays awards finds those of a time by it.
CREATE INDEX award_awarded ON award USING brin (awarded_at) WITH (pages_per_range = 32);
CREATE TABLE replay_check (  -- how far beat has replayed awards, and what it found
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  replayed_until timestamptz NOT NULL DEFAULT '-infinity',
  replayed bigint NOT NULL DEFAULT 0,
  miscounted bigint NOT NULL DEFAULT 0
);
INSERT INTO replay_check DEFAULT VALUES;
GRANT SELECT, UPDATE ON replay_check TO loyalty_system;
