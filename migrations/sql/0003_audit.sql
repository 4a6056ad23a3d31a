-- The beat audits a stretch of time some accounts at a time, and what it has found broken stands until it is mended.
ALTER TABLE book_check
  ADD COLUMN auditing_until timestamptz,               -- the end of the stretch that is being audited
  ADD COLUMN after_account bigint NOT NULL DEFAULT 0,  -- how far it is in it
  ADD COLUMN broken_at timestamptz;                    -- when that was found
