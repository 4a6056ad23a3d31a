-- Who gets in: operators with passwords, keys that follow each other, identity providers that a tenant trusts.

ALTER TABLE tenant
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  ADD COLUMN suspended_at timestamptz,  -- since then nobody of it gets in; its book goes on
  ADD COLUMN suspended_reason text,
  ADD CHECK ((suspended_at IS NULL) = (suspended_reason IS NULL));

ALTER TABLE api_key
  ADD COLUMN replaced_by uuid,          -- the key that follows it; it ends itself after the overlap
  ADD COLUMN last_used_at timestamptz,  -- to the minute
  ADD FOREIGN KEY (tenant_id, replaced_by) REFERENCES api_key;

CREATE TABLE operator (  -- a person of the tenant, who logs in by a password
  tenant_id integer NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('admin', 'marketing', 'support', 'finance', 'operator')),
  password_hash text NOT NULL,
  generation integer NOT NULL DEFAULT 1,  -- tokens of an earlier one are void
  disabled_at timestamptz,
  last_log_in_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);

CREATE TABLE key_set (  -- an identity provider whose tokens the tenant believes
  tenant_id integer NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  iss text NOT NULL,
  audience text NOT NULL,
  url text,                      -- where its keys are read again and again; NULL: they were given
  roles text[] NOT NULL,         -- no token of it speaks in another
  role_claim text NOT NULL,
  subject_claim text NOT NULL,
  leeway_s smallint NOT NULL CHECK (leeway_s BETWEEN 0 AND 300),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  fetched_at timestamptz,        -- when the keys were last what the URL says
  tried_at timestamptz,
  trouble text,                  -- why they could not be read the last time
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, iss),
  CHECK ((url IS NULL) = (fetched_at IS NULL))
);
CREATE INDEX key_set_of_iss ON key_set (iss);
-- Each key of a set is an issuer's row: iss and kid find the tenant and fix the algorithm, as they do for the
-- tenant's own secret.
ALTER TABLE issuer
  ADD COLUMN key_set_id uuid,
  ADD COLUMN expires_at timestamptz,  -- what it has signed is believed until then
  ADD FOREIGN KEY (tenant_id, key_set_id) REFERENCES key_set ON DELETE CASCADE,
  ADD CHECK ((algorithm = 'HS256') = (key_set_id IS NULL));
CREATE INDEX issuer_of_key_set ON issuer (tenant_id, key_set_id) WHERE key_set_id IS NOT NULL;

CREATE INDEX audit_record_of_actor ON audit_record (tenant_id, actor, id);
CREATE INDEX audit_record_of_subject ON audit_record (tenant_id, subject, id);
CREATE INDEX audit_record_of_act ON audit_record (tenant_id, act, id);

-- Passwords are not the system role's business: its walls are built here, not by 0002_walls.
ALTER TABLE operator ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON operator TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON operator TO loyalty_system USING (true);
GRANT SELECT, INSERT, UPDATE ON operator TO loyalty_app;
GRANT SELECT (tenant_id, id, name, role, generation, disabled_at) ON operator TO loyalty_system;

GRANT INSERT, UPDATE, DELETE ON key_set TO loyalty_app;
GRANT UPDATE (name, version, suspended_at, suspended_reason) ON tenant TO loyalty_system;
GRANT UPDATE (last_used_at) ON api_key TO loyalty_system;
GRANT INSERT ON audit_record TO loyalty_system;  -- what the platform does to a tenant stands in the tenant's own log
