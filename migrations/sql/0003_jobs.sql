-- Long work that goes on wherever a worker was killed: each batch moves the cursor together with what it did.

CREATE TABLE job (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,        -- which step advances it; see loyalty/jobs/kinds.py
  program_id integer,        -- NULL: of the whole tenant
  status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  input jsonb NOT NULL,      -- what was asked for, as the kind understands it
  cursor jsonb,              -- how far it is, as the kind understands it; NULL: at the start
  total bigint,              -- rows there are to do; NULL while nobody has counted them
  done bigint NOT NULL DEFAULT 0,
  changed bigint NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  tries smallint NOT NULL DEFAULT 0,  -- times a worker took it up since its last batch
  reason text,
  detail text,               -- why it failed
  actor text NOT NULL,
  request_id text,
  started_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  CHECK (changed + refused <= done AND done <= coalesce(total, done)),
  CHECK ((ended_at IS NULL) = (status IN ('queued', 'running')))
) WITH (fillfactor = 70);
CREATE INDEX job_of_kind ON job (tenant_id, kind, id);
CREATE INDEX job_open ON job (moved_at) WHERE status IN ('queued', 'running');

CREATE TABLE job_refusal (  -- a row that could not be done, and why; its place within the job is there once
  tenant_id integer NOT NULL,
  job_id uuid NOT NULL,
  place bigint NOT NULL,
  subject text NOT NULL,     -- whom or what: a member id, a line
  code text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (tenant_id, job_id, place),
  FOREIGN KEY (tenant_id, job_id) REFERENCES job
);

GRANT INSERT, UPDATE ON job TO loyalty_app;
GRANT INSERT ON job_refusal TO loyalty_app;

-- Search. Behind row-level security Postgres uses an index only for what cannot leak another tenant's rows: equality
-- and order, and neither LIKE nor @>. So the words by which members are found stand in a table of their own, and what
-- begins with a word lies between two words. Nothing of this is written when points move.
CREATE FUNCTION folded(written text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
  trim(regexp_replace(regexp_replace(normalize(lower(written), NFKD), '[\u0300-\u036f]', '', 'g'),
                      '[^[:alnum:]]+', ' ', 'g'));
ALTER TABLE member ADD COLUMN name_folded text GENERATED ALWAYS AS (folded(name)) STORED;
CREATE TABLE member_word (  -- the words of a name; `=key=value` for an attribute, which is no word of a name
  tenant_id integer NOT NULL,
  word text COLLATE "C" NOT NULL,
  member_id bigint NOT NULL,
  PRIMARY KEY (tenant_id, word, member_id)
);
CREATE FUNCTION words_of(name_folded text, attributes jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT left(word, 100) FROM string_to_table(name_folded, ' ') word WHERE word <> ''
  UNION
  SELECT left('=' || a.key || '=' || (one #>> '{}'), 200)
  FROM jsonb_each(attributes) a,
       jsonb_array_elements(CASE jsonb_typeof(a.value) WHEN 'array' THEN a.value ELSE jsonb_build_array(a.value) END) one
  WHERE jsonb_typeof(one) IN ('string', 'number', 'boolean')
$$;
CREATE FUNCTION index_new_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO member_word (tenant_id, word, member_id)
  SELECT n.tenant_id, word, n.id FROM added n, words_of(n.name_folded, n.attributes) word;
  RETURN NULL;
END $$;
CREATE FUNCTION index_changed_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  earlier text[] := ARRAY(SELECT words_of(OLD.name_folded, OLD.attributes));
  present text[] := ARRAY(SELECT words_of(NEW.name_folded, NEW.attributes));
BEGIN
  DELETE FROM member_word w
  WHERE w.tenant_id = OLD.tenant_id AND w.member_id = OLD.id AND w.word = ANY (earlier) AND w.word <> ALL (present);
  INSERT INTO member_word (tenant_id, word, member_id)
  SELECT NEW.tenant_id, word, NEW.id FROM unnest(present) word WHERE word <> ALL (earlier);
  RETURN NULL;
END $$;
CREATE TRIGGER member_added AFTER INSERT ON member REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION index_new_members();
CREATE TRIGGER member_changed AFTER UPDATE ON member FOR EACH ROW
  WHEN ((OLD.name, OLD.attributes) IS DISTINCT FROM (NEW.name, NEW.attributes))
  EXECUTE FUNCTION index_changed_member();
INSERT INTO member_word (tenant_id, word, member_id)
  SELECT m.tenant_id, word, m.id FROM member m, words_of(m.name_folded, m.attributes) word;

CREATE INDEX member_by_name_of_own ON member (tenant_id, member_id COLLATE "C");  -- what a member id begins with
CREATE INDEX identifier_by_value ON identifier (tenant_id, value);
-- Gone through for a page: what is asked of each stands in the index, also where that is another table's.
CREATE INDEX membership_by_joining ON membership (tenant_id, program_id, joined_at, id) INCLUDE (account_id, status);
CREATE INDEX membership_by_tier ON membership (tenant_id, program_id, tier_key, joined_at, id);
CREATE INDEX membership_by_status ON membership (tenant_id, program_id, status, joined_at, id);
DROP INDEX membership_of_account;
CREATE INDEX membership_of_account ON membership (tenant_id, account_id) INCLUDE (id, program_id, tier_key, status);
CREATE INDEX account_by_points ON account (tenant_id, program_id, available, id);
CREATE INDEX account_owing ON account (tenant_id, program_id, owed, id) WHERE owed > 0;

-- Personal data are not the system role's business, so this table gets its wall here and not from 0002_walls.
ALTER TABLE member_word ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON member_word TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON member_word TO loyalty_system USING (true);
GRANT SELECT, INSERT, DELETE ON member_word TO loyalty_app;

-- Bulk acts: whom one is about is settled once, when it begins; each row is a batch of it.
CREATE TABLE bulk_act_batch (
  tenant_id integer NOT NULL,
  job_id uuid NOT NULL,
  batch integer NOT NULL,
  membership_ids bigint[] NOT NULL,
  PRIMARY KEY (tenant_id, job_id, batch),
  FOREIGN KEY (tenant_id, job_id) REFERENCES job
);
CREATE TRIGGER bulk_act_batch_append_only BEFORE UPDATE OR DELETE ON bulk_act_batch
  FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER bulk_act_batch_no_truncate BEFORE TRUNCATE ON bulk_act_batch
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();
GRANT INSERT ON bulk_act_batch TO loyalty_app;
