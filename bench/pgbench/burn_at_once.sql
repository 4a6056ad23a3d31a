-- Every row of a burn in one round trip: nothing waits for an answer while it holds the lock.
\set account random(:first, :last)
\set key random(1, 9000000000000000000)
\startpipeline
BEGIN;
SELECT set_config('loyalty.tenant', :tenant::text, true);
INSERT INTO idempotency (tenant_id, operation, key, input_hash, created_at)
  VALUES (:tenant, 'redemptions.create', :key::text, '\x00112233445566778899aabbccddeeff', now());
WITH own AS (
  SELECT id, available, version + 1 AS version, uuidv7() AS redemption FROM account
  WHERE tenant_id = :tenant AND id = :account FOR UPDATE
), paid AS (
  UPDATE account a SET available = own.available - 5, version = own.version
  FROM own WHERE a.tenant_id = :tenant AND a.id = own.id
), drawn AS (
  INSERT INTO lot_draw (tenant_id, account_id, entry_version, lot_id, points)
  SELECT :tenant, id, version, 1, 5 FROM own
), lessened AS (
  UPDATE lot l SET remaining = remaining - 5, open = remaining - 5 > 0
  FROM own WHERE l.tenant_id = :tenant AND l.account_id = own.id AND l.id = 1
), entered AS (
  INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                     pending_after, available_after, held_after, owed_after,
                     cause_id, occurred_at, recorded_at)
  SELECT :tenant, 'redeem', id, version, 'available', 'redeemed', 5,
         0, available - 5, 0, 0, redemption, now(), now() FROM own
)
INSERT INTO redemption (tenant_id, id, program_id, account_id, status, points, amount, currency,
                        entry_version, actor, request_id, occurred_at)
SELECT :tenant, redemption, :program, id, 'redeemed', 5, 0.05, 'USD',
       version, 'key:0123456789ab', redemption::text, now() FROM own;
UPDATE idempotency SET status = 201, body = :body
  WHERE tenant_id = :tenant AND operation = 'redemptions.create' AND key = :key::text;
COMMIT;
\endpipeline
