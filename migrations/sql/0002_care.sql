-- What people do for a member: requests that a second person decides, transfers, merges.

CREATE TABLE adjustment_request (  -- above what one may do alone: waits for a second person until `expires_at`
  tenant_id integer NOT NULL,
  id uuid NOT NULL,  -- and of the adjustment that it becomes
  program_id integer NOT NULL,
  member_id bigint NOT NULL,
  points bigint NOT NULL CHECK (points <> 0),
  reason text NOT NULL,
  status text NOT NULL CHECK (status IN ('requested', 'approved', 'rejected')),
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  request_id text,
  PRIMARY KEY (tenant_id, id),
  CHECK ((status = 'requested') = (decided_by IS NULL)),
  CHECK (decided_by <> requested_by)
);
CREATE INDEX adjustment_request_of_program ON adjustment_request (tenant_id, program_id, id);

CREATE TABLE transfer (  -- points that one member gave to another
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  program_id integer NOT NULL,
  from_account bigint NOT NULL,
  to_account bigint NOT NULL,
  points points NOT NULL CHECK (points > 0),
  reason text NOT NULL,
  actor text NOT NULL,
  request_id text,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CHECK (from_account <> to_account)
);
CREATE INDEX transfer_sent ON transfer (tenant_id, from_account, occurred_at);
CREATE INDEX transfer_received ON transfer (tenant_id, to_account, occurred_at);
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE ON transfer
  FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER transfer_no_truncate BEFORE TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- A member who was merged is another name of the survivor; who survives is never merged themselves, so one step finds them.
ALTER TABLE member ADD COLUMN merged_into bigint,
  ADD FOREIGN KEY (tenant_id, merged_into) REFERENCES member,
  ADD CHECK (merged_into <> id);
CREATE INDEX member_merged ON member (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
ALTER TABLE membership DROP CONSTRAINT membership_status_check,
  ADD CONSTRAINT membership_status_check CHECK (status IN ('active', 'suspended', 'cancelled', 'merged'));

CREATE TABLE member_merge (  -- two members became one; undone only while `after` is still how they stand
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  from_member bigint NOT NULL,
  into_member bigint NOT NULL,
  reason text,
  actor text NOT NULL,
  request_id text,
  merged_at timestamptz NOT NULL,
  before jsonb NOT NULL,  -- the rows of both as they stood, to be put back
  after jsonb NOT NULL,
  undone_at timestamptz,
  undone_by text,
  undo_reason text,
  PRIMARY KEY (tenant_id, id),
  CHECK (from_member <> into_member),
  CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE UNIQUE INDEX member_merged_once ON member_merge (tenant_id, from_member) WHERE undone_at IS NULL;

CREATE TABLE merged_account (  -- an account that was emptied into another; who is merged later hands on their heirs
  tenant_id integer NOT NULL,
  merge_id uuid NOT NULL,
  program_id integer NOT NULL,
  from_account bigint NOT NULL,
  into_account bigint NOT NULL,
  undone boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, merge_id, program_id),
  CHECK (from_account <> into_account)
);
CREATE UNIQUE INDEX account_merged_once ON merged_account (tenant_id, from_account) WHERE NOT undone;
CREATE INDEX account_heirs ON merged_account (tenant_id, into_account) WHERE NOT undone;

CREATE TABLE moved_lot (  -- in which lot of the heir stands what stood in a lot of an account that was merged
  tenant_id integer NOT NULL,
  account_id bigint NOT NULL,
  lot_id bigint NOT NULL,
  into_account bigint NOT NULL,
  into_lot bigint NOT NULL,
  PRIMARY KEY (tenant_id, account_id, lot_id, into_account, into_lot)
);
CREATE TRIGGER moved_lot_append_only BEFORE UPDATE OR DELETE ON moved_lot
  FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER moved_lot_no_truncate BEFORE TRUNCATE ON moved_lot
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();
-- The lots that these entries of an account made, and those in which their points stand since merges.
CREATE FUNCTION lots_followed(t integer, account bigint, first bigint, last bigint)
RETURNS TABLE (account_id bigint, lot_id bigint) LANGUAGE sql STABLE ROWS 3 AS $$
  WITH RECURSIVE went AS (
    SELECT l.account_id, l.id AS lot_id FROM lot l
    WHERE l.tenant_id = t AND l.account_id = account AND l.id BETWEEN first AND last
    UNION
    SELECT m.into_account, m.into_lot FROM went w
    JOIN moved_lot m ON m.tenant_id = t AND m.account_id = w.account_id AND m.lot_id = w.lot_id
  )
  SELECT w.account_id, w.lot_id FROM went w
$$;

-- Personal data are not the system role's business, so this table gets its wall here and not from 0002_walls.
ALTER TABLE member_merge ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON member_merge TO loyalty_app
  USING (tenant_id = (SELECT nullif(current_setting('loyalty.tenant', true), '')::int));
CREATE POLICY every_tenant ON member_merge TO loyalty_system USING (true);
GRANT SELECT ON member_merge TO loyalty_app;
GRANT SELECT (tenant_id, id, from_member, into_member, merged_at, undone_at) ON member_merge TO loyalty_system;
GRANT SELECT (merged_into) ON member TO loyalty_system;

GRANT INSERT ON transfer, moved_lot TO loyalty_app;
GRANT INSERT, UPDATE ON adjustment_request, member_merge, merged_account TO loyalty_app;

-- What an account has counted for limits and campaigns counts for its heir too. Both are locked.
CREATE FUNCTION absorb_counted(t integer, absorbed bigint, heir bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO promotion_use AS u (tenant_id, account_id, promotion_id, period, points, uses)
  SELECT t, heir, x.promotion_id, x.period, x.points, x.uses
  FROM promotion_use x WHERE x.tenant_id = t AND x.account_id = absorbed
  ON CONFLICT (tenant_id, account_id, promotion_id, period) DO UPDATE
  SET points = least(u.points + excluded.points, 9007199254740991), uses = u.uses + excluded.uses;
  INSERT INTO campaign_progress AS p (tenant_id, campaign_id, account_id, counted, completed)
  SELECT t, x.campaign_id, heir, x.counted, x.completed
  FROM campaign_progress x WHERE x.tenant_id = t AND x.account_id = absorbed
  ON CONFLICT (tenant_id, campaign_id, account_id) DO UPDATE
  SET counted = ARRAY(SELECT one.own + one.more
                      FROM unnest(p.counted, excluded.counted) WITH ORDINALITY AS one(own, more, place) ORDER BY one.place),
      completed = least(p.completed + excluded.completed,
                        (SELECT c.times FROM campaign c WHERE c.tenant_id = t AND c.id = p.campaign_id));
END $$;
-- An account, and those that were merged into it, the latest first: whose history it is.
CREATE FUNCTION own_accounts(t integer, account bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT account UNION ALL
  (SELECT m.from_account FROM merged_account m WHERE m.tenant_id = t AND m.into_account = account AND NOT m.undone
   ORDER BY m.merge_id DESC)
$$;
-- Who a name means: the survivor, and all whose names are theirs by a merge. A name that nobody has joined with is its own.
CREATE FUNCTION known_as(t integer, named text) RETURNS TABLE (id bigint, member_id text) LANGUAGE plpgsql STABLE ROWS 2 AS $$
#variable_conflict use_column
DECLARE
  who bigint := (SELECT coalesce(m.merged_into, m.id) FROM member m WHERE m.tenant_id = t AND m.member_id = named);
BEGIN
  RETURN QUERY
    SELECT m.id, m.member_id FROM member m WHERE m.tenant_id = t AND m.id = who
    UNION ALL SELECT m.id, m.member_id FROM member m WHERE m.tenant_id = t AND m.merged_into = who
    UNION ALL SELECT NULL, named WHERE who IS NULL;
END $$;
GRANT DELETE ON promotion_use, campaign_progress TO loyalty_app;
