-- What happened, told once, in the transaction that did it. Transactions commit in another order than they begin:
-- a reader takes only what is older than every transaction still at work (`xact`), so that it never misses one.
CREATE TABLE event (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  type text NOT NULL,     -- `tier.changed`, `campaign.completed` …
  subject text NOT NULL,  -- what it is about: `member m-1`
  program_id integer,     -- NULL: of no single program
  data jsonb NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX event_in_order ON event (tenant_id, xact, seq);
CREATE TRIGGER event_append_only BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION append_only();
GRANT INSERT ON event TO loyalty_app;
