-- Row-level security on every table of a tenant. A transaction says once whose it is: SET LOCAL loyalty.tenant.
DO $$
DECLARE t record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO loyalty_app, loyalty_system', current_schema());
  FOR t IN
    SELECT c.relname AS name, a.attname AS tenant_column
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = CASE c.relname WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
    EXECUTE format(
      'CREATE POLICY own_tenant ON %I TO loyalty_app USING (%I = (SELECT nullif(current_setting(''loyalty.tenant'', true), '''')::int))',
      t.name, t.tenant_column);
    EXECUTE format('CREATE POLICY every_tenant ON %I TO loyalty_system USING (true)', t.name);
    EXECUTE format('GRANT SELECT ON %I TO loyalty_system', t.name);
  END LOOP;
END $$;

-- What the application may do beyond reading its tenant's rows. It owns nothing; what is append-only it can only add.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO loyalty_app;
GRANT INSERT ON activity, award, entry, lot_draw, adjustment, audit_record TO loyalty_app;
GRANT INSERT, UPDATE ON program, promotion, promotion_version, member, account, membership, lot, redemption, api_key TO loyalty_app;
GRANT INSERT, UPDATE, DELETE ON tier, identifier, unsettled, setback, idempotency TO loyalty_app;
GRANT INSERT, UPDATE, DELETE ON issuer TO loyalty_app;

-- The system role: personal data are not its business; the sweep counts its re-sends, old keys are dropped.
REVOKE SELECT ON identifier, audit_record FROM loyalty_system;
REVOKE SELECT ON member FROM loyalty_system;
GRANT SELECT (tenant_id, id, member_id) ON member TO loyalty_system;
GRANT SELECT (tenant_id, kind, value, member_id) ON identifier TO loyalty_system;
GRANT UPDATE (sent_at, tries) ON unsettled TO loyalty_system;
GRANT DELETE ON idempotency TO loyalty_system;
GRANT INSERT ON tenant, issuer TO loyalty_system;
GRANT SELECT, UPDATE ON book_check TO loyalty_system;
