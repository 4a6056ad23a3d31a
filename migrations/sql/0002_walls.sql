-- Row-level security on every table that has none yet; see 0001_walls.
DO $$
DECLARE t record;
BEGIN
  FOR t IN
    SELECT c.relname AS name
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND NOT c.relrowsecurity
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
    EXECUTE format(
      'CREATE POLICY own_tenant ON %I TO loyalty_app USING (tenant_id = (SELECT nullif(current_setting(''loyalty.tenant'', true), '''')::int))',
      t.name);
    EXECUTE format('CREATE POLICY every_tenant ON %I TO loyalty_system USING (true)', t.name);
    EXECUTE format('GRANT SELECT ON %I TO loyalty_app, loyalty_system', t.name);
  END LOOP;
END $$;
