-- A return takes back what a purchase earned. It is stored as told, waits in a narrow table until it is settled,
-- and then has one verdict: the three tables of a purchase (activity, unsettled, award) once more.

CREATE TABLE give_back (  -- what the outside told us, as received, for ever
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  id uuid NOT NULL,
  source text NOT NULL,
  transaction_id text NOT NULL,  -- of the purchase, which may come later than its return
  return_id text NOT NULL,
  lines jsonb,                   -- [[line_id, quantity]]; neither lines nor amount: all that is left
  amount numeric(19, 4),
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  input_hash bytea NOT NULL,
  actor text NOT NULL,
  request_id text,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, source, return_id),
  CHECK (num_nonnulls(lines, amount) <= 1)
);
CREATE INDEX give_back_of_purchase ON give_back (tenant_id, program_id, source, transaction_id, id);
CREATE TABLE unsettled_give_back (  -- accepted, not yet settled
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  give_back_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('accepted', 'waiting', 'failed')),
  reason text,
  detail text,
  accepted_at timestamptz NOT NULL,
  sent_at timestamptz,                -- when the sweep last re-sent it
  tries smallint NOT NULL DEFAULT 0,  -- re-sends: each waits longer than the one before
  PRIMARY KEY (tenant_id, give_back_id)
) WITH (fillfactor = 80);
CREATE TABLE give_back_verdict (  -- what a return took back, or why it was refused
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  give_back_id uuid NOT NULL,
  activity_id uuid,                 -- NULL: its purchase never came
  status text NOT NULL CHECK (status IN ('settled', 'refused')),
  reason text,
  detail text,
  account_id bigint,                -- NULL: nothing was earned
  account_version bigint,           -- the version the decision was made on; its entries follow it
  entries smallint NOT NULL DEFAULT 0,
  points points NOT NULL DEFAULT 0,  -- of the award, given back
  taken points NOT NULL DEFAULT 0,   -- of them, moved by entries; the rest was gone, or is let be by policy
  worth numeric(19, 4) NOT NULL DEFAULT 0,  -- of the purchase's amount
  whole boolean NOT NULL DEFAULT false,     -- nothing of the purchase is left
  settled_at timestamptz NOT NULL,
  explanation jsonb NOT NULL,
  PRIMARY KEY (tenant_id, give_back_id),
  CHECK (taken <= points),
  CHECK (status = 'settled' OR (points = 0 AND entries = 0 AND NOT whole))
);
CREATE INDEX give_back_verdict_of_activity ON give_back_verdict (tenant_id, activity_id, give_back_id)
  WHERE status = 'settled';
CREATE INDEX give_back_verdict_of_account ON give_back_verdict (tenant_id, account_id, give_back_id)
  WHERE account_id IS NOT NULL;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['give_back', 'give_back_verdict'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION append_only()', name || '_append_only', name);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION append_only()', name || '_no_truncate', name);
  END LOOP;
END $$;

-- The returns that wait for one of these purchases.
CREATE FUNCTION give_backs_waiting_for(t integer, settled uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY
    SELECT u.give_back_id
    FROM unnest(settled) s(id)
    JOIN activity a ON a.tenant_id = t AND a.id = s.id
    JOIN give_back g ON g.tenant_id = t AND g.program_id = a.program_id AND g.source = a.source
                    AND g.transaction_id = a.transaction_id
    JOIN unsettled_give_back u ON u.tenant_id = t AND u.give_back_id = g.id;
END $$;

GRANT INSERT ON give_back, give_back_verdict TO loyalty_app;
GRANT INSERT, UPDATE, DELETE ON unsettled_give_back TO loyalty_app;
GRANT UPDATE (sent_at, tries) ON unsettled_give_back TO loyalty_system;

-- What a source says it sent on a day, so that what got lost on the way is found.
CREATE TABLE source_total (
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  source text NOT NULL,
  day date NOT NULL,
  currency text NOT NULL,
  count integer NOT NULL CHECK (count >= 0),
  amount numeric(24, 4) NOT NULL CHECK (amount >= 0),
  actor text NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, program_id, source, day, currency)
);
GRANT INSERT, UPDATE ON source_total TO loyalty_app;

-- A rule was wrong: what purchases of a time earned by it is worked out again, in bounded batches, each purchase once.
CREATE TABLE re_evaluation (
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  id uuid NOT NULL,
  reason text NOT NULL,
  promotion_id integer,             -- whose `version` judges instead of those that were in force; NULL: none
  version integer,
  source text,                      -- NULL: any
  occurred_from timestamptz NOT NULL,
  occurred_until timestamptz NOT NULL,
  dry_run boolean NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'failed')),
  detail text,
  at_id uuid NOT NULL,              -- how far it is: purchases up to this id are done
  last_id uuid NOT NULL,            -- those after it were recorded too late
  looked bigint NOT NULL DEFAULT 0,     -- purchases that were worked out again
  corrected bigint NOT NULL DEFAULT 0,  -- of them, worth something else now
  skipped bigint NOT NULL DEFAULT 0,    -- of these, let be: who has left is given nothing
  given points NOT NULL DEFAULT 0,
  taken points NOT NULL DEFAULT 0,
  actor text NOT NULL,
  request_id text,
  started_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  CHECK (num_nonnulls(promotion_id, version) IN (0, 2)),
  CHECK (occurred_from < occurred_until)
);
CREATE INDEX re_evaluation_of_program ON re_evaluation (tenant_id, program_id, id);
CREATE INDEX re_evaluation_running ON re_evaluation (moved_at) WHERE status = 'running';
CREATE TABLE correction (  -- what a purchase is worth since it was worked out again
  tenant_id integer NOT NULL,
  id uuid NOT NULL,  -- and of the adjustment that gave or took the points
  re_evaluation_id uuid NOT NULL,
  program_id integer NOT NULL,
  activity_id uuid NOT NULL,
  account_id bigint NOT NULL,
  points points NOT NULL,            -- what it earns now
  difference bigint NOT NULL CHECK (difference <> 0),  -- to what it had earned, less what returns make of both
  moved bigint NOT NULL,             -- of the difference, given (or below zero, taken) by entries
  account_version bigint NOT NULL,
  entries smallint NOT NULL,
  corrected_at timestamptz NOT NULL,
  explanation jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, re_evaluation_id, activity_id),
  CHECK (sign(moved) IN (0, sign(difference)) AND abs(moved) <= abs(difference))
);
CREATE INDEX correction_of_activity ON correction (tenant_id, activity_id, id);
CREATE INDEX correction_of_account ON correction (tenant_id, account_id, id);
CREATE TRIGGER correction_append_only BEFORE UPDATE OR DELETE ON correction
  FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER correction_no_truncate BEFORE TRUNCATE ON correction
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();
GRANT INSERT ON correction TO loyalty_app;
GRANT INSERT, UPDATE ON re_evaluation TO loyalty_app;
GRANT UPDATE (moved_at) ON re_evaluation TO loyalty_system;
