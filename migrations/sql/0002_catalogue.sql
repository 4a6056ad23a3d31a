-- Tables of the catalogue, of segments and of the promotions desk; the GRANTs stand at the end.
-- A purchase names a retailer and SKUs as text: what is unknown, or deleted since, breaks nothing.
CREATE TABLE retailer (
  tenant_id integer NOT NULL REFERENCES tenant,
  id text NOT NULL,  -- the tenant's own; a purchase names it as `retailer`
  number bigint GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  region text,       -- NULL: in no region
  time_zone text,    -- NULL: the program's
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX retailer_newest ON retailer (tenant_id, number);
CREATE TABLE product (
  tenant_id integer NOT NULL REFERENCES tenant,
  sku text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  category text,     -- its place in the tree, from the root: `food/bread/rye`
  brand text,
  price numeric(19, 4) CHECK (price >= 0),
  currency text,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, sku),
  CHECK ((price IS NULL) = (currency IS NULL))
);
CREATE UNIQUE INDEX product_newest ON product (tenant_id, number);

CREATE TABLE segment (
  tenant_id integer NOT NULL,
  program_id integer NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY,
  key text NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL,
  condition jsonb,                -- who is in it; NULL: those of segment_member
  size bigint NOT NULL CHECK (size >= 0),
  counted_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, program_id, key),
  FOREIGN KEY (tenant_id, program_id) REFERENCES program
);
CREATE TABLE segment_member (  -- of uploaded lists alone
  tenant_id integer NOT NULL,
  segment_id integer NOT NULL,
  membership_id bigint NOT NULL,
  PRIMARY KEY (tenant_id, segment_id, membership_id),
  FOREIGN KEY (tenant_id, segment_id) REFERENCES segment ON DELETE CASCADE
);
CREATE INDEX segments_of_membership ON segment_member (tenant_id, membership_id);

-- The least UUIDv7 that can have been made at an instant: rows whose ids sort by time are found by it.
CREATE FUNCTION least_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(greatest(0, floor(extract(epoch FROM at) * 1000))::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The desk: a draft may be changed; what was published only ever ends.
ALTER TABLE promotion ADD COLUMN revision integer NOT NULL DEFAULT 1;          -- what If-Match asks for
ALTER TABLE promotion_version ADD COLUMN fixtures jsonb NOT NULL DEFAULT '[]'; -- purchases and what they must give
CREATE UNIQUE INDEX one_draft ON promotion_version (tenant_id, promotion_id) WHERE status = 'draft';
CREATE FUNCTION published_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.rule, NEW.fixtures, NEW.starts_at, NEW.published_at) IS DISTINCT FROM
     (OLD.rule, OLD.fixtures, OLD.starts_at, OLD.published_at) OR NEW.status = 'draft' OR NEW.ends_at > OLD.ends_at THEN
    RAISE EXCEPTION 'a published version of a promotion only ends';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER published_stays BEFORE UPDATE ON promotion_version
  FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION published_stays();

GRANT INSERT, UPDATE, DELETE ON retailer, product, segment TO loyalty_app;
GRANT INSERT, DELETE ON segment_member TO loyalty_app;
