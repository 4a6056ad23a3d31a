-- One feed of all that happened, in one order and without gaps: what entries of the ledger tell, and table event.
-- A number is drawn for each INSERT, while the accounts it is about are locked: so what happened to a member stands in
-- the order in which it happened. Transactions commit in another order than they draw; each says first, by a lock of
-- its own, from which number on it may still write, and a reader stops before the lowest of those (feed_horizon).
-- No transaction waits for another, and none of another database or of a table beside holds the feed up, as it would
-- if the ids of transactions were the order.
CREATE SEQUENCE feed_place;  -- never CACHEd: a session's numbers must not be older than what it waited for
SELECT nextval('feed_place');
GRANT USAGE, SELECT ON SEQUENCE feed_place TO loyalty_app, loyalty_system;

-- The upper 16 bits of the locks' key; the others are the number.
CREATE FUNCTION feed_mark() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 27750;

-- Before each INSERT into what is fed: the lock first, then the number. One lock for a transaction is enough: its first.
CREATE FUNCTION draw_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE drawn bigint;
BEGIN
  IF coalesce(current_setting('loyalty.feeds', true), '') = '' THEN
    PERFORM pg_advisory_xact_lock_shared((feed_mark() << 48) | last_value) FROM feed_place;
    PERFORM set_config('loyalty.feeds', 'yes', true);
  END IF;
  drawn := nextval('feed_place');
  RETURN NULL;
END $$;

-- Up to which number all is there that will ever be there. What was drawn is read before the locks, and the rows are
-- read after both, by a statement of their own: who has let go of a lock in between is seen by then.
CREATE FUNCTION feed_horizon() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE drawn bigint; open_from bigint;
BEGIN
  SELECT last_value INTO drawn FROM feed_place;
  SELECT min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) INTO open_from
  FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = feed_mark()
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
  RETURN least(drawn, open_from);
END $$;

-- What was written before this migration stands at 0, and is not in the feed. All rows of an INSERT have one number;
-- among them the order is account and version, or seq.
ALTER TABLE entry ADD COLUMN place bigint NOT NULL DEFAULT 0;
ALTER TABLE entry ALTER COLUMN place SET DEFAULT currval('feed_place');
CREATE INDEX entry_in_feed ON entry (tenant_id, place);
CREATE TRIGGER entry_is_fed BEFORE INSERT ON entry FOR EACH STATEMENT EXECUTE FUNCTION draw_place();

ALTER TABLE event DROP COLUMN xact, ADD COLUMN place bigint NOT NULL DEFAULT 0;  -- and the index of xact with it
ALTER TABLE event ALTER COLUMN place SET DEFAULT currval('feed_place');
CREATE INDEX event_in_feed ON event (tenant_id, place, seq);
CREATE TRIGGER event_is_fed BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION draw_place();

-- Webhooks: who is told of what. `cursor` is how far the feed was laid out into deliveries; its text sorts as the feed.
CREATE TABLE webhook (
  tenant_id integer NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  url text NOT NULL,
  description text NOT NULL,
  types text[],           -- NULL: all
  program_ids integer[],  -- NULL: all
  status text NOT NULL CHECK (status IN ('active', 'paused', 'disabled')),
  secret bytea NOT NULL,      -- sealed: loyalty.webhooks.seal
  old_secret bytea,           -- signs beside the new one until then
  old_until timestamptz,
  cursor text COLLATE "C" NOT NULL,
  failing_since timestamptz,  -- the first of the tries since which none was a success
  failed_rounds integer NOT NULL DEFAULT 0,
  rests_until timestamptz,    -- nobody tries before
  held_by uuid,               -- who delivers now; whoever was killed lets go by time
  held_until timestamptz,
  disabled_reason text,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CHECK ((old_secret IS NULL) = (old_until IS NULL)),
  CHECK ((held_by IS NULL) = (held_until IS NULL))
);
-- One event for one webhook: laid out, tried until it is delivered, or dead. Of one subject (a member) the first that
-- is not delivered holds back the later ones; one that is being tried now is due only when its try must have ended.
CREATE TABLE webhook_delivery (
  tenant_id integer NOT NULL,
  webhook_id uuid NOT NULL,
  id uuid NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  subject text NOT NULL,
  cursor text COLLATE "C" NOT NULL,  -- its place in the feed
  body text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts smallint NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  tried_at timestamptz,
  answered smallint,  -- the HTTP status
  error text,
  took_ms integer,
  laid_out_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, webhook_id, id),
  UNIQUE (tenant_id, webhook_id, event_id),
  FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook ON DELETE CASCADE
);
CREATE INDEX delivery_in_order ON webhook_delivery (tenant_id, webhook_id, cursor) WHERE status = 'pending';
CREATE INDEX delivery_due ON webhook_delivery (tenant_id, webhook_id, due_at) WHERE status = 'pending';
CREATE INDEX delivery_of_subject ON webhook_delivery (tenant_id, webhook_id, subject, cursor) WHERE status = 'pending';
CREATE INDEX delivery_by_status ON webhook_delivery (tenant_id, webhook_id, status, id);
CREATE INDEX delivery_age ON webhook_delivery USING brin (laid_out_at);
GRANT INSERT, UPDATE, DELETE ON webhook, webhook_delivery TO loyalty_app;

-- The walls, here and not by 0002_walls: the system role, which finds what is to be done, sees no secret and no body.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['webhook', 'webhook_delivery'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY own_tenant ON %I TO loyalty_app USING (tenant_id = (SELECT nullif(current_setting(''loyalty.tenant'', true), '''')::int))',
      name);
    EXECUTE format('CREATE POLICY every_tenant ON %I TO loyalty_system USING (true)', name);
    EXECUTE format('GRANT SELECT ON %I TO loyalty_app', name);
  END LOOP;
END $$;
GRANT SELECT (tenant_id, id, status, cursor, rests_until, held_until) ON webhook TO loyalty_system;
GRANT SELECT (tenant_id, webhook_id, id, status, due_at, laid_out_at), DELETE ON webhook_delivery TO loyalty_system;

-- Points that will expire together were told of: once for each account and instant.
CREATE TABLE expiry_warning (
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id, expires_at)
);
CREATE INDEX expiry_warning_over ON expiry_warning (tenant_id, expires_at);
GRANT INSERT, DELETE ON expiry_warning TO loyalty_app;
