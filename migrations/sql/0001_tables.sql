-- Every table of a tenant starts its keys with tenant_id. Points are bigint in 0..2^53-1, money is numeric(19,4).
-- The rows written for every purchase (activity, unsettled, award, entry, lot, account) are the budget of the
-- house: narrow, insert-only where possible, no foreign keys (each costs a look-up and a row lock for every
-- purchase); what those would guard, the triggers of 0001_invariants and `loyalty audit` hold.

CREATE DOMAIN points AS bigint CHECK (VALUE BETWEEN 0 AND 9007199254740991);
CREATE TYPE bucket AS ENUM (
  'pending', 'available', 'held', 'owed',
  'issued', 'redeemed', 'expired', 'reversed', 'adjusted', 'forfeited', 'transferred');
CREATE TYPE entry_kind AS ENUM (
  'award', 'redeem', 'hold', 'capture', 'release', 'lapse', 'cancel', 'adjust',
  'activate', 'expire', 'forfeit', 'reverse', 'transfer', 'merge', 'settle');

-- tenants -----------------------------------------------------------------------------------------
CREATE TABLE tenant (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE TABLE issuer (  -- who signs the tenant's JWTs; iss + kid choose the tenant, a claim never does
  tenant_id integer NOT NULL REFERENCES tenant,
  iss text NOT NULL,
  kid text NOT NULL,
  algorithm text NOT NULL CHECK (algorithm IN ('HS256', 'RS256', 'ES256', 'EdDSA')),
  verification_key text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (iss, kid)
);
CREATE INDEX issuer_of_tenant ON issuer (tenant_id);
CREATE TABLE api_key (
  tenant_id integer NOT NULL REFERENCES tenant,
  id uuid NOT NULL,
  prefix text NOT NULL UNIQUE,
  secret_hash bytea NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  scopes text[],    -- NULL: all that the role may
  sources text[],   -- NULL: any source
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- programs ----------------------------------------------------------------------------------------
CREATE TABLE program (
  tenant_id integer NOT NULL REFERENCES tenant,
  id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL,
  unit text NOT NULL,
  currency text NOT NULL,
  time_zone text NOT NULL,
  settings jsonb NOT NULL,
  paused_at timestamptz,
  paused_reason text,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, slug)
);
CREATE TABLE tier (
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  threshold points NOT NULL,  -- tier-qualifying points from which the tier is reached
  PRIMARY KEY (tenant_id, program_id, key),
  UNIQUE (tenant_id, program_id, threshold),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program
);

-- promotions: versions are judged by when the purchase occurred ---------------------------------
CREATE TABLE promotion (
  tenant_id integer NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY,
  program_id integer NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  standing boolean NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, key),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program
);
CREATE UNIQUE INDEX one_standing_promotion ON promotion (tenant_id, program_id) WHERE standing;
CREATE TABLE promotion_version (
  tenant_id integer NOT NULL,
  promotion_id integer NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  status text NOT NULL CHECK (status IN ('draft', 'published', 'ended')),
  starts_at timestamptz NOT NULL DEFAULT '-infinity',
  ends_at timestamptz NOT NULL DEFAULT 'infinity',
  rule jsonb NOT NULL,  -- condition tree, rate, stacking, limits, validity
  published_at timestamptz,
  PRIMARY KEY (tenant_id, promotion_id, version),
  FOREIGN KEY (tenant_id, promotion_id) REFERENCES promotion,
  CHECK (starts_at <= ends_at)
);

-- members -----------------------------------------------------------------------------------------
CREATE TABLE member (
  tenant_id integer NOT NULL REFERENCES tenant,
  id bigint GENERATED ALWAYS AS IDENTITY,
  member_id text NOT NULL,  -- the tenant's own opaque id
  name text,
  birthday date,
  time_zone text,
  attributes jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, member_id)
);
CREATE TABLE identifier (
  tenant_id integer NOT NULL,
  kind text NOT NULL,
  value text NOT NULL,
  member_id bigint NOT NULL,
  PRIMARY KEY (tenant_id, kind, value),
  FOREIGN KEY (tenant_id, member_id) REFERENCES member
);
CREATE INDEX identifier_of_member ON identifier (tenant_id, member_id);

-- ledger: written by loyalty.ledger and nobody else ---------------------------------------------
CREATE TABLE account (
  tenant_id integer NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  program_id integer NOT NULL,
  pending points NOT NULL DEFAULT 0,
  available points NOT NULL DEFAULT 0,
  held points NOT NULL DEFAULT 0,
  owed points NOT NULL DEFAULT 0,       -- a debt: counted negative
  lifetime points NOT NULL DEFAULT 0,   -- all that ever came in from `issued`, and adjustments above zero; stops at the most
  tier_points points NOT NULL DEFAULT 0,  -- tier-qualifying points since joining; stops at the most
  version bigint NOT NULL DEFAULT 0,    -- the version of the account's last entry
  PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE entry (
  tenant_id integer NOT NULL,
  kind entry_kind NOT NULL,
  account_id bigint NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  from_bucket bucket NOT NULL,
  to_bucket bucket NOT NULL,
  points points NOT NULL CHECK (points > 0),
  pending_after points NOT NULL,
  available_after points NOT NULL,
  held_after points NOT NULL,
  owed_after points NOT NULL,
  cause_id uuid NOT NULL,  -- the activity, redemption, adjustment … that `kind` names
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id, version),
  CHECK (from_bucket <> to_bucket),
  CHECK (from_bucket <= 'owed' OR to_bucket <= 'owed')  -- one side at least is a bucket of the account
);
CREATE INDEX entry_recorded ON entry USING brin (recorded_at) WITH (pages_per_range = 32);

CREATE TABLE lot (  -- points earned together; its id is the version of the entry that made it
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  points points NOT NULL CHECK (points > 0),
  remaining points NOT NULL,
  activates_at timestamptz,  -- NULL: at once
  expires_at timestamptz,    -- NULL: never
  active boolean NOT NULL,   -- false: its points stand in `pending`
  open boolean NOT NULL,     -- remaining > 0; of its own, so that a partial draw rewrites no index
  PRIMARY KEY (tenant_id, account_id, id),
  CHECK (remaining <= points),
  CHECK (open = (remaining > 0))
) WITH (fillfactor = 90);
CREATE INDEX lot_open ON lot (tenant_id, account_id, expires_at, id) WHERE open;

CREATE TABLE lot_draw (  -- which lot paid which entry
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  entry_version bigint NOT NULL,
  lot_id bigint NOT NULL,
  points points NOT NULL CHECK (points > 0),
  PRIMARY KEY (tenant_id, account_id, entry_version, lot_id)
);

CREATE TABLE membership (
  tenant_id integer NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  program_id integer NOT NULL,
  member_id bigint NOT NULL,
  account_id bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('active', 'suspended', 'cancelled')),
  tier_key text NOT NULL,
  tier_since timestamptz NOT NULL,
  tier_until timestamptz,
  joined_at timestamptz NOT NULL,
  left_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, member_id),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program,
  FOREIGN KEY (tenant_id, member_id) REFERENCES member,
  FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
CREATE INDEX membership_of_member ON membership (tenant_id, member_id);
CREATE INDEX membership_of_account ON membership (tenant_id, account_id);

-- earning -----------------------------------------------------------------------------------------
CREATE TABLE activity (  -- what the outside told us, as received, for ever
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  source text NOT NULL,
  transaction_id text NOT NULL,
  member_id text,
  identifier_kind text,
  identifier_value text,
  amount numeric(19, 4),
  currency text,
  retailer text,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  input_hash bytea NOT NULL,  -- of the parsed values: the same purchase again, or another one
  request_id text,
  body jsonb,                 -- what is not a column: store, channel, tax, shipping, payments, items, attributes
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, source, transaction_id),
  CHECK (num_nonnulls(member_id, identifier_value) = 1)
);
CREATE TABLE unsettled (  -- accepted, not yet judged: what is open stands in a narrow table
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  activity_id uuid NOT NULL,
  accepted_at timestamptz NOT NULL,
  sent_at timestamptz,                  -- when the sweep last re-sent it
  tries smallint NOT NULL DEFAULT 0,    -- re-sends; from 3 on it goes alone
  claims smallint NOT NULL DEFAULT 0,   -- claims made alone; more than 5 and it is failed
  PRIMARY KEY (tenant_id, activity_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
        autovacuum_vacuum_cost_delay = 0);
CREATE TABLE award (  -- what the rules made of an activity; exactly one of unsettled, award, setback
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  activity_id uuid NOT NULL,
  account_id bigint NOT NULL,
  account_version bigint NOT NULL,  -- the version the decision was made on; its entries follow it
  entries smallint NOT NULL,        -- how many entries it made
  points points NOT NULL,
  awarded_at timestamptz NOT NULL,
  explanation jsonb NOT NULL,
  PRIMARY KEY (tenant_id, activity_id)
);
CREATE INDEX award_of_account ON award (tenant_id, account_id, activity_id);
CREATE TABLE setback (  -- not awarded: parked (may go on), rejected (a decision), failed (a bug; can be retried)
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  activity_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('parked', 'rejected', 'failed')),
  reason text NOT NULL,
  detail text NOT NULL,
  member_id text,
  identifier_kind text,
  identifier_value text,
  at timestamptz NOT NULL,
  until timestamptz,  -- parked: rejected(park_expired) after that
  PRIMARY KEY (tenant_id, activity_id)
);
CREATE INDEX setback_by_status ON setback (tenant_id, program_id, status, activity_id);
CREATE INDEX setback_of_member ON setback (tenant_id, program_id, member_id, activity_id) WHERE member_id IS NOT NULL;
CREATE INDEX parked_until ON setback (until) WHERE status = 'parked';

-- redemption and care -----------------------------------------------------------------------------
CREATE TABLE redemption (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  account_id bigint NOT NULL,
  status text NOT NULL,
  points points NOT NULL CHECK (points > 0),
  amount numeric(19, 4),
  currency text,
  entry_version bigint NOT NULL,
  hold_expires_at timestamptz,
  actor text NOT NULL,
  request_id text,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 90);
CREATE INDEX redemption_of_account ON redemption (tenant_id, account_id, id);
CREATE TABLE adjustment (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  account_id bigint NOT NULL,
  points bigint NOT NULL CHECK (points <> 0),  -- as asked for: above zero gives, below takes
  reason text NOT NULL,
  entry_version bigint NOT NULL,
  actor text NOT NULL,
  request_id text,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX adjustment_of_account ON adjustment (tenant_id, account_id, id);

-- keys and traces ---------------------------------------------------------------------------------
CREATE TABLE idempotency (
  tenant_id integer NOT NULL,
  operation text NOT NULL,
  key text NOT NULL,
  input_hash bytea NOT NULL,
  status smallint,  -- NULL only inside the transaction that is at work
  body text,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, operation, key)
) WITH (fillfactor = 70);
CREATE INDEX idempotency_age ON idempotency USING brin (created_at);
CREATE TABLE audit_record (  -- who did what
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  actor text NOT NULL,
  act text NOT NULL,
  subject text NOT NULL,
  before jsonb,
  after jsonb,
  reason text,
  request_id text,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE book_check (  -- how far the beat has audited, and what it found
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  audited_until timestamptz NOT NULL DEFAULT '-infinity',
  broken bigint NOT NULL DEFAULT 0,
  detail text
);
INSERT INTO book_check DEFAULT VALUES;
