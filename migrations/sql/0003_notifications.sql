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

GRANT INSERT, UPDATE ON notification, mail_reader TO loyalty_app;
GRANT INSERT, UPDATE, DELETE ON mail_template TO loyalty_app;
GRANT INSERT, DELETE ON mail_refusal TO loyalty_app;
