-- Campaigns: goals that, met, pay rewards; and members who bring members. The GRANTs stand at the end.
-- Who writes progress, steps, completions or boosts holds the lock of the account.

CREATE TABLE goal (  -- an object of its own: two campaigns may share it
  tenant_id integer NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY,
  program_id integer NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  rule jsonb NOT NULL,  -- what counts, and how much of it is wanted; it never changes
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, key),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program
);
CREATE TABLE campaign (
  tenant_id integer NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY,
  program_id integer NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'published', 'ended')),
  starts_at timestamptz,  -- what occurs from then until `ends_at` counts; NULL: no such bound
  ends_at timestamptz,
  goals_needed smallint NOT NULL CHECK (goals_needed > 0),
  times integer NOT NULL CHECK (times > 0),  -- how often a member can complete it
  rewards jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  published_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, key),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program,
  CHECK (starts_at <= ends_at)
);
CREATE INDEX campaign_running ON campaign (tenant_id, program_id) WHERE status <> 'draft';
CREATE TABLE campaign_goal (
  tenant_id integer NOT NULL,
  campaign_id integer NOT NULL,
  position smallint NOT NULL CHECK (position > 0),
  goal_id integer NOT NULL,
  PRIMARY KEY (tenant_id, campaign_id, position),
  UNIQUE (tenant_id, campaign_id, goal_id),
  FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign,
  FOREIGN KEY (tenant_id, goal_id) REFERENCES goal
);
CREATE INDEX campaign_of_goal ON campaign_goal (tenant_id, goal_id);

CREATE TABLE campaign_progress (
  tenant_id integer NOT NULL,
  campaign_id integer NOT NULL,
  account_id bigint NOT NULL,
  counted numeric[] NOT NULL,  -- for each goal by its position: the sum of the steps
  completed integer NOT NULL CHECK (completed >= 0),  -- never falls
  PRIMARY KEY (tenant_id, campaign_id, account_id)
) WITH (fillfactor = 80);
CREATE INDEX campaign_progress_of_account ON campaign_progress (tenant_id, account_id);
CREATE TABLE campaign_step (  -- what an activity, or a return of it, added
  tenant_id integer NOT NULL,
  campaign_id integer NOT NULL,
  account_id bigint NOT NULL,
  activity_id uuid NOT NULL,
  cause_id uuid NOT NULL,  -- the activity itself, or the return
  counted numeric[] NOT NULL,
  PRIMARY KEY (tenant_id, account_id, activity_id, campaign_id, cause_id)
);
CREATE TABLE campaign_completion (
  tenant_id integer NOT NULL,
  campaign_id integer NOT NULL,
  account_id bigint NOT NULL,
  n integer NOT NULL CHECK (n > 0),
  cause_id uuid NOT NULL,  -- the activity that completed it
  occurred_at timestamptz NOT NULL,
  completed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, campaign_id, account_id, n)
);
CREATE TABLE boost (  -- a promotion of one member's own: what occurs in between earns `factor` times as much
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  campaign_id integer NOT NULL,
  n integer NOT NULL,
  position smallint NOT NULL,  -- of the reward in its campaign
  program_id integer NOT NULL,
  factor numeric(7, 4) NOT NULL CHECK (factor > 1),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id, campaign_id, n, position),
  CHECK (starts_at < ends_at)
);
CREATE INDEX boost_of_program ON boost (tenant_id, program_id, ends_at);

CREATE TABLE campaign_gift (  -- a reward of the catalogue that was won; it waits until it can be given
  tenant_id integer NOT NULL,
  id uuid NOT NULL,           -- the redemption that it becomes, for no points
  program_id integer NOT NULL,
  account_id bigint NOT NULL,
  campaign_id integer NOT NULL,
  n integer NOT NULL,
  position smallint NOT NULL,
  reward text NOT NULL,       -- its key
  won_at timestamptz NOT NULL,
  try_at timestamptz NOT NULL,
  why_not text,               -- what kept it from being given the last time
  given_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, account_id, campaign_id, n, position)
) WITH (fillfactor = 80);
CREATE INDEX campaign_gift_open ON campaign_gift (tenant_id, try_at) WHERE given_at IS NULL;
CREATE INDEX campaign_gift_of_campaign ON campaign_gift (tenant_id, campaign_id);
-- What is won costs the member no points: its redemption is of 0.
ALTER TABLE redemption DROP CONSTRAINT redemption_points_check;

-- What one batch furthered, in one call. The figures are worked out under the accounts' locks.
CREATE FUNCTION advance_campaigns(t integer, steps json, progress json, completions json, boosts json, gifts json)
RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO campaign_step (tenant_id, campaign_id, account_id, activity_id, cause_id, counted)
  SELECT t, r.campaign_id, r.account_id, r.activity_id, r.cause_id, r.counted
  FROM json_to_recordset(steps) AS r(campaign_id integer, account_id bigint, activity_id uuid, cause_id uuid,
                                     counted numeric[]);
  INSERT INTO campaign_progress AS p (tenant_id, campaign_id, account_id, counted, completed)
  SELECT t, r.campaign_id, r.account_id, r.counted, r.completed
  FROM json_to_recordset(progress) AS r(campaign_id integer, account_id bigint, counted numeric[], completed integer)
  ON CONFLICT (tenant_id, campaign_id, account_id)
  DO UPDATE SET counted = excluded.counted, completed = excluded.completed;
  INSERT INTO campaign_completion (tenant_id, campaign_id, account_id, n, cause_id, occurred_at, completed_at)
  SELECT t, r.campaign_id, r.account_id, r.n, r.cause_id, r.occurred_at, r.completed_at
  FROM json_to_recordset(completions) AS r(campaign_id integer, account_id bigint, n integer, cause_id uuid,
                                           occurred_at timestamptz, completed_at timestamptz);
  INSERT INTO boost (tenant_id, account_id, campaign_id, n, position, program_id, factor, starts_at, ends_at)
  SELECT t, r.account_id, r.campaign_id, r.n, r.position, r.program_id, r.factor, r.starts_at, r.ends_at
  FROM json_to_recordset(boosts) AS r(account_id bigint, campaign_id integer, n integer, position smallint,
                                      program_id integer, factor numeric, starts_at timestamptz, ends_at timestamptz);
  INSERT INTO campaign_gift (tenant_id, id, program_id, account_id, campaign_id, n, position, reward, won_at, try_at)
  SELECT t, r.id, r.program_id, r.account_id, r.campaign_id, r.n, r.position, r.reward, r.won_at, r.won_at
  FROM json_to_recordset(gifts) AS r(id uuid, program_id integer, account_id bigint, campaign_id integer, n integer,
                                     position smallint, reward text, won_at timestamptz);
END $$;

-- referrals ---------------------------------------------------------------------------------------
CREATE TABLE referral_rule (  -- what a program gives for bringing somebody; no row: nothing
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  active boolean NOT NULL,  -- whether codes can be used now
  referrer_points points NOT NULL,
  referred_points points NOT NULL,
  least_amount numeric(19, 4) NOT NULL,  -- what the first purchase must be worth, in the program's currency
  version integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, program_id),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program
);
CREATE TABLE referral_code (
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  code text NOT NULL,
  member_id bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, program_id, code),
  UNIQUE (tenant_id, program_id, member_id),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program,
  FOREIGN KEY (tenant_id, member_id) REFERENCES member
);
CREATE TABLE referral (  -- who brought whom: each is brought once, for ever
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  referrer_id bigint NOT NULL,
  referred_id bigint NOT NULL,
  referrer_points points NOT NULL,  -- as it was promised then
  referred_points points NOT NULL,
  least_amount numeric(19, 4) NOT NULL,
  created_at timestamptz NOT NULL,
  completed_at timestamptz,  -- NULL: the referred has not bought yet
  activity_id uuid,          -- the purchase that completed it
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, referred_id),
  FOREIGN KEY (tenant_id, referrer_id) REFERENCES member,
  FOREIGN KEY (tenant_id, referred_id) REFERENCES member,
  CHECK (referrer_id <> referred_id),
  CHECK ((completed_at IS NULL) = (activity_id IS NULL))
);
CREATE INDEX referral_open ON referral (tenant_id, program_id, referred_id) WHERE completed_at IS NULL;
CREATE INDEX referral_of_referrer ON referral (tenant_id, program_id, referrer_id, id);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['campaign_step', 'campaign_completion', 'boost'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION append_only()', name || '_append_only', name);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION append_only()', name || '_no_truncate', name);
  END LOOP;
END $$;
GRANT INSERT ON campaign_step, campaign_completion, boost, referral_code TO loyalty_app;
GRANT INSERT, UPDATE ON campaign_progress, campaign_gift, referral_rule, referral TO loyalty_app;
GRANT INSERT, DELETE, UPDATE (name) ON goal TO loyalty_app;  -- who may update nothing may not lock either
GRANT INSERT, UPDATE, DELETE ON campaign, campaign_goal TO loyalty_app;
