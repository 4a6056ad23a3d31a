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
