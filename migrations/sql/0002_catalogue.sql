-- Tables of the catalogue and of segments; the GRANTs stand at the end.
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

GRANT INSERT, UPDATE, DELETE ON retailer, product TO loyalty_app;
