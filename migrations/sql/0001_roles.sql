-- The application owns nothing and may not bypass row-level security.
-- The system role sees every tenant, reads what sweep, audit and look-ups need, and changes almost nothing.
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['loyalty_app', 'loyalty_system'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
      EXCEPTION
        WHEN duplicate_object THEN NULL;  -- another database of this server made it just now
        WHEN unique_violation THEN NULL;
      END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted AND (rolsuper OR rolbypassrls)) THEN
      RAISE EXCEPTION 'role % may bypass row-level security; ALTER ROLE % NOSUPERUSER NOBYPASSRLS', wanted, wanted;
    END IF;
    IF current_user <> wanted THEN
      BEGIN
        -- Where one user is owner and application, it takes these parts; since Postgres 16 making a role is not enough.
        EXECUTE format('GRANT %I TO %I', wanted, current_user);
      EXCEPTION
        WHEN insufficient_privilege THEN NULL;  -- the roles were made by somebody else and have users of their own
      END;
    END IF;
  END LOOP;
END $$;
