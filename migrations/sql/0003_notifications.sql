-- Members are written to. What is worth a mail is found from what happened, once for ever: `cause` says so. A mail that
-- has ended (sent, failed, skipped, or nobody knows) never begins again: at most once, whatever is killed.
CREATE TABLE notification (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  membership_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('tier_reached', 'milestone', 'points_expiring', 'reward_redeemed')),
  cause text NOT NULL,    -- `redemption 018f…`, `milestone 17 1000`: what happened, which happens once
  data jsonb NOT NULL,    -- what it is about: ids, keys and numbers; what they are called is read when it is written
  status text NOT NULL CHECK (status IN ('waiting', 'sending', 'sent', 'unknown', 'failed', 'skipped')),
  reason text,            -- why not, or why not yet
  tries smallint NOT NULL DEFAULT 0,
  try_at timestamptz,     -- waiting: not before then; sending: since then. The world's time
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, cause),
  CHECK ((status IN ('waiting', 'sending')) = (try_at IS NOT NULL)),
  CHECK ((status IN ('waiting', 'sending')) = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX notification_open ON notification (tenant_id, try_at) WHERE try_at IS NOT NULL;
CREATE INDEX notification_of_member ON notification (tenant_id, membership_id, id);

CREATE FUNCTION notification_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'notification % of tenant % has ended: it is never sent again', OLD.id, OLD.tenant_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER notification_ends_once BEFORE UPDATE ON notification
  FOR EACH ROW EXECUTE FUNCTION notification_ends_once();

CREATE TABLE mail_template (  -- a tenant's own words; what is not here has the words that the house brings
  tenant_id integer NOT NULL REFERENCES tenant,
  kind text NOT NULL CHECK (kind IN ('tier_reached', 'milestone', 'points_expiring', 'reward_redeemed')),
  language text NOT NULL,
  subject text NOT NULL,
  text text NOT NULL,
  html text,              -- NULL: plain text alone
  version integer NOT NULL DEFAULT 1,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, kind, language)
);

CREATE TABLE mail_reader (  -- how far what happened was read, and what will expire was looked at
  tenant_id integer PRIMARY KEY REFERENCES tenant,
  after text NOT NULL,      -- the feed's own word for where it was
  read_at timestamptz NOT NULL,  -- the world's time
  round_began_at timestamptz,    -- of the look at what expires, by the tenant's clock
  after_due timestamptz,         -- the lot that was looked at last; NULL: the round is over
  after_account bigint,
  after_lot bigint
);

-- A program that begins to write to its members tells them what happens from then on; see loyalty.events.feed.Place.
CREATE FUNCTION mail_is_wanted(mail jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(mail @> '{"tier_reached": true}' OR mail @> '{"reward_redeemed": true}'
                  OR mail->>'milestone_every' IS NOT NULL OR jsonb_array_length(mail->'milestones') > 0
                  OR (mail->>'expiring_days')::integer > 0, false)
$$;
CREATE FUNCTION mail_reader_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mail_reader AS r (tenant_id, after, read_at)
  VALUES (NEW.tenant_id, lpad(to_hex(feed_horizon()), 16, '0') || repeat('7fffffffffffffff', 2), clock_timestamp())
  ON CONFLICT (tenant_id) DO UPDATE SET after = excluded.after, read_at = excluded.read_at
  WHERE r.read_at < excluded.read_at - interval '3 days';  -- nobody reads: mail was off
  RETURN NULL;
END $$;
CREATE TRIGGER mail_reader_begins AFTER INSERT OR UPDATE OF settings ON program
  FOR EACH ROW WHEN (mail_is_wanted(NEW.settings->'mail')) EXECUTE FUNCTION mail_reader_begins();

CREATE TABLE mail_refusal (  -- who wants no mail of a program any more
  tenant_id integer NOT NULL,
  membership_id bigint NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, membership_id),
  FOREIGN KEY (tenant_id, membership_id) REFERENCES membership
);

CREATE TABLE mail_key (  -- signs the links to unsubscribe; the system role has no business with it
  tenant_id integer PRIMARY KEY REFERENCES tenant,
  secret bytea NOT NULL CHECK (length(secret) = 32),
  created_at timestamptz NOT NULL
);
ALTER TABLE mail_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON mail_key TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON mail_key TO loyalty_system USING (true);
GRANT SELECT, INSERT ON mail_key TO loyalty_app;

-- Reads, planned as those of 0001_functions: few rows found by index, whatever the statistics say of a young table.

-- Of entries that went past a milestone, those after which so many points were there for the first time: neither the
-- account nor one that was merged into it has ever held as many before.
CREATE FUNCTION milestones_passed_first(t integer, steps json) RETURNS TABLE (account bigint, version bigint)
LANGUAGE plpgsql STABLE ROWS 10
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT s.account, s.version
    FROM json_to_recordset(steps) AS s(account bigint, version bigint, milestone bigint)
    WHERE NOT EXISTS (
      SELECT FROM own_accounts(t, s.account) own(id)
      CROSS JOIN LATERAL (
        SELECT FROM entry e WHERE e.tenant_id = t AND e.account_id = own.id AND e.available_after >= s.milestone
          AND (own.id <> s.account OR e.version < s.version) LIMIT 1
      ) earlier);
END $$;

-- The memberships of accounts; of one that was merged into another, the heir's.
CREATE FUNCTION mail_memberships(t integer, accounts bigint[]) RETURNS TABLE (account bigint, membership_id bigint)
LANGUAGE plpgsql STABLE ROWS 10
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT a.id, ms.id FROM unnest(accounts) a(id)
    CROSS JOIN LATERAL (
      SELECT a.id AS account UNION ALL
      SELECT h.into_account FROM merged_account h
      WHERE h.tenant_id = t AND h.from_account = a.id AND NOT h.undone
    ) heir
    CROSS JOIN LATERAL (
      SELECT x.id FROM membership x
      WHERE x.tenant_id = t AND x.account_id = heir.account AND x.status <> 'merged' LIMIT 1
    ) ms;
END $$;

-- The memberships of named members in programs; who was merged is the survivor.
CREATE FUNCTION mail_memberships_named(t integer, named json)
RETURNS TABLE (member_id text, program_id integer, membership_id bigint)
LANGUAGE plpgsql STABLE ROWS 10
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT r.member_id, r.program_id, ms.id
    FROM json_to_recordset(named) AS r(member_id text, program_id integer)
    CROSS JOIN LATERAL (SELECT coalesce(m.merged_into, m.id) AS id FROM member m
                        WHERE m.tenant_id = t AND m.member_id = r.member_id LIMIT 1) who
    CROSS JOIN LATERAL (SELECT x.id FROM membership x WHERE x.tenant_id = t AND x.program_id = r.program_id
                          AND x.member_id = who.id LIMIT 1) ms;
END $$;

-- The next lots in the order in which they expire, up to `horizon`, with whose they are (of nobody who is not active).
CREATE FUNCTION lots_that_expire(t integer, horizon timestamptz, after_due timestamptz, after_account bigint,
                                 after_lot bigint, most integer)
RETURNS TABLE (due_at timestamptz, account_id bigint, lot_id bigint, active boolean, program_id integer,
               membership_id bigint)
LANGUAGE plpgsql STABLE ROWS 1000
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT l.due_at, l.account_id, l.id, l.active, a.program_id, ms.id
    FROM (
      SELECT x.due_at, x.account_id, x.id, x.active FROM lot x
      WHERE x.tenant_id = t AND x.open AND x.due_at <= horizon
        AND (x.due_at, x.account_id, x.id) > (after_due, after_account, after_lot)
      ORDER BY x.due_at, x.account_id, x.id LIMIT most
    ) l
    CROSS JOIN LATERAL (SELECT x.program_id FROM account x WHERE x.tenant_id = t AND x.id = l.account_id LIMIT 1) a
    LEFT JOIN LATERAL (SELECT x.id FROM membership x
                       WHERE x.tenant_id = t AND x.account_id = l.account_id AND x.status = 'active' LIMIT 1) ms ON true
    ORDER BY l.due_at, l.account_id, l.id;
END $$;

-- The memberships in the same program of whoever has this one, by all names that are theirs since merges.
CREATE FUNCTION own_memberships(t integer, membership bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 2
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  who bigint;
  program integer;
BEGIN
  SELECT coalesce(m.merged_into, m.id), ms.program_id INTO who, program FROM membership ms
  JOIN member m ON m.tenant_id = t AND m.id = ms.member_id
  WHERE ms.tenant_id = t AND ms.id = membership;
  RETURN QUERY
    SELECT own.id
    FROM (SELECT who AS id UNION ALL SELECT x.id FROM member x WHERE x.tenant_id = t AND x.merged_into = who) names
    JOIN membership own ON own.tenant_id = t AND own.program_id = program AND own.member_id = names.id;
END $$;

-- What is written on a mail: who it is for as they are now. Who was merged meanwhile is the survivor; who has refused
-- mail by any of their names has refused.
CREATE FUNCTION mail_about(t integer, notification_id uuid)
RETURNS TABLE (kind text, data jsonb, program_id integer, created_at timestamptz, membership_id bigint,
               account_id bigint, status text, member_id text, name text, language text, known text, told text,
               refused boolean)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE who bigint;
BEGIN
  SELECT coalesce(m.merged_into, m.id) INTO who FROM notification n
  JOIN membership ms ON ms.tenant_id = t AND ms.id = n.membership_id
  JOIN member m ON m.tenant_id = t AND m.id = ms.member_id
  WHERE n.tenant_id = t AND n.id = notification_id;
  RETURN QUERY
    SELECT n.kind, n.data, n.program_id, n.created_at, ms.id, ms.account_id, ms.status, m.member_id, m.name,
           m.attributes->>'language', email.value, m.attributes->>'email',
           EXISTS (SELECT FROM own_memberships(t, n.membership_id) own(id)
                   JOIN mail_refusal r ON r.tenant_id = t AND r.membership_id = own.id)
    FROM notification n
    JOIN member m ON m.tenant_id = t AND m.id = who
    LEFT JOIN membership ms ON ms.tenant_id = t AND ms.program_id = n.program_id AND ms.member_id = who
    LEFT JOIN LATERAL (SELECT i.value FROM identifier i WHERE i.tenant_id = t AND i.member_id = who AND i.kind = 'email'
                       ORDER BY i.value LIMIT 1) email ON true
    WHERE n.tenant_id = t AND n.id = notification_id;
END $$;

GRANT INSERT, UPDATE ON notification, mail_reader TO loyalty_app;
GRANT INSERT, UPDATE, DELETE ON mail_template TO loyalty_app;
GRANT INSERT, DELETE ON mail_refusal TO loyalty_app;
