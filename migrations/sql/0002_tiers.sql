-- Sandboxes, tiers in windows; the GRANTs stand at its end.

-- A sandbox has a clock of its own, which only goes forward, so that pending, expiry and tiers can be tried in a
-- minute. Who is live stays live, and who is a sandbox stays one: processes remember it for ever.
ALTER TABLE tenant
  ADD COLUMN sandbox boolean NOT NULL DEFAULT false,
  ADD COLUMN clock_offset interval NOT NULL DEFAULT '0',  -- how far its clock is ahead of the world's
  ADD CHECK (clock_offset >= '0' AND (sandbox OR clock_offset = '0'));
CREATE FUNCTION tenant_clock_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.sandbox <> OLD.sandbox THEN
    RAISE EXCEPTION 'a tenant is a sandbox for ever, or never';
  END IF;
  IF NEW.clock_offset < OLD.clock_offset THEN
    RAISE EXCEPTION 'the clock of a sandbox only goes forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tenant_clock_goes_forward BEFORE UPDATE ON tenant
  FOR EACH ROW EXECUTE FUNCTION tenant_clock_goes_forward();
-- What time makes due is asked for tenant by tenant: a sandbox's clock must not make others' rows be read.
DROP INDEX parked_until;
CREATE INDEX parked_until ON setback (tenant_id, until) WHERE status = 'parked';

GRANT UPDATE (clock_offset) ON tenant TO loyalty_app;
