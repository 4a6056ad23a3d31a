-- What comes in from another system, and what goes out for ever; the GRANTs stand at the end.

-- opening balances --------------------------------------------------------------------------------
ALTER TYPE entry_kind ADD VALUE 'opening';
CREATE TABLE opening_balance (  -- points that a member brings along, as one lot; append-only
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  id uuid NOT NULL,         -- what its entries name as their cause
  reference text NOT NULL,  -- the tenant's own name of it: opened once, for ever
  account_id bigint NOT NULL,
  points points NOT NULL CHECK (points > 0),
  tier_points points NOT NULL CHECK (tier_points <= points),  -- of them, so many count for the tier
  input_hash bytea NOT NULL,
  actor text NOT NULL,
  request_id text,
  occurred_at timestamptz NOT NULL,  -- when they were earned
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, reference)
);
CREATE INDEX opening_balance_of_account ON opening_balance (tenant_id, account_id);
CREATE TRIGGER opening_balance_append_only BEFORE UPDATE OR DELETE ON opening_balance
  FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER opening_balance_no_truncate BEFORE TRUNCATE ON opening_balance
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- As in 0002_tiers, with what was brought along.
CREATE OR REPLACE FUNCTION tier_days_counted(t integer, accounts bigint[])
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
    UNION ALL
    SELECT who.account_id, (o.occurred_at AT TIME ZONE who.time_zone)::date, o.tier_points, 0
    FROM whose who
    JOIN opening_balance o ON o.tenant_id = t AND o.account_id = who.earned_on AND o.tier_points > 0
                          AND o.recorded_at >= who.joined_at
  )
  SELECT g.account_id, g.day, least(sum(g.points), 9007199254740991)::bigint,
         least(sum(g.spend), 999999999999999.9999)
  FROM gained g GROUP BY g.account_id, g.day;
END $$;

-- files that came over HTTP ------------------------------------------------------------------------
CREATE TABLE import_chunk (  -- lines of a file that were read and wait to be brought in; gone when they are
  tenant_id integer NOT NULL,
  upload_id uuid NOT NULL,
  n integer NOT NULL,      -- 0, 1, 2 …
  lines json NOT NULL,     -- of each its number, its subject, and what it says or why it says nothing
  added_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, upload_id, n)
);
CREATE INDEX import_chunk_age ON import_chunk (added_at);

-- Personal data are not the system role's business, so this table gets its wall here and not from 0002_walls.
ALTER TABLE import_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON import_chunk TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON import_chunk TO loyalty_system USING (true);
GRANT SELECT, INSERT, DELETE ON import_chunk TO loyalty_app;
GRANT SELECT (tenant_id, upload_id, n, added_at), DELETE ON import_chunk TO loyalty_system;

GRANT INSERT ON opening_balance TO loyalty_app;

-- erasure -----------------------------------------------------------------------------------------
-- Who is erased keeps a place in the book under a name that says nothing. Personal data stand in columns beside the
-- figures; they alone can be overwritten, and only by loyalty.care.erase, which says so for its transaction.
ALTER TABLE member ADD COLUMN erased_at timestamptz;
GRANT SELECT (erased_at) ON member TO loyalty_system;
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('loyalty.erasing', true) = 'yes' THEN
    RETURN NEW;  -- of the columns that are granted below; figures are not among them
  END IF;
  RAISE EXCEPTION '% is append-only: correct by adding', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
GRANT UPDATE (member_id, identifier_kind, identifier_value, input_hash, request_id, body) ON activity TO loyalty_app;
GRANT UPDATE (explanation) ON award, correction TO loyalty_app;
GRANT UPDATE (reference, input_hash, request_id) ON opening_balance TO loyalty_app;
GRANT UPDATE (reason, actor, request_id) ON adjustment, transfer, redemption_step TO loyalty_app;
GRANT UPDATE (subject, actor, before, after, reason, request_id) ON audit_record TO loyalty_app;
GRANT UPDATE (subject, data) ON event TO loyalty_app;
GRANT UPDATE (subject, detail) ON job_refusal TO loyalty_app;
GRANT DELETE ON referral_code TO loyalty_app;

-- One name, or a subject or actor that ends with it (`program wine member m-1`, `member:m-1`), under its other name.
CREATE FUNCTION renamed(told text, names text[], fresh text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE n integer;
BEGIN
  FOR n IN 1 .. cardinality(names) LOOP
    IF told = names[n] OR told = 'member:' || names[n] OR told = 'member ' || names[n]
       OR right(told, length(names[n]) + 8) = ' member ' || names[n] THEN
      RETURN left(told, length(told) - length(names[n])) || fresh[n];
    END IF;
  END LOOP;
  RETURN told;
END $$;
-- JSON in which members are named, by the fields that name them: a number that looks like a name is none.
CREATE FUNCTION renamed_json(told jsonb, field text, names text[], fresh text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM unnest(names) one(name) WHERE strpos(told::text, one.name || '"') > 0) THEN
    RETURN told;
  END IF;
  RETURN CASE jsonb_typeof(told)
    WHEN 'object' THEN (SELECT jsonb_object_agg(o.key, renamed_json(o.value, o.key, names, fresh)) FROM jsonb_each(told) o)
    WHEN 'array' THEN (SELECT jsonb_agg(renamed_json(a.value, field, names, fresh) ORDER BY a.n)
                       FROM jsonb_array_elements(told) WITH ORDINALITY a(value, n))
    WHEN 'string' THEN CASE
      WHEN field IN ('member_id', 'member_ids', 'members', 'member', 'subject', 'actor', 'from', 'to', 'into', 'absorbed',
                     'survivor', 'referred', 'referrer', 'q', 'identifier', 'partitionkey')
      THEN to_jsonb(renamed(told #>> '{}', names, fresh)) ELSE told END
    ELSE told END;
END $$;
-- A sentence that may name somebody: a name within a longer one is another's.
CREATE FUNCTION retold(told text, names text[], fresh text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE n integer;
BEGIN
  FOR n IN 1 .. cardinality(names) LOOP
    IF strpos(told, names[n]) > 0 THEN
      told := regexp_replace(
        told,
        '(?<![A-Za-z0-9._~:@+-])' || regexp_replace(names[n], '([][*.+?^$(){}|\\])', '\\\1', 'g')
          || '(?![A-Za-z0-9_~@+-]|[.:][A-Za-z0-9._~:@+-])',
        fresh[n], 'g');
    END IF;
  END LOOP;
  RETURN told;
END $$;
