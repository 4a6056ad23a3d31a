-- Every row of a burn, one statement a round trip. The account is locked as late as it can be.
\set account random(:first, :last)
BEGIN;
SELECT set_config('loyalty.tenant', :tenant::text, true);
SELECT uuidv7()::text AS redemption, 'burn-' || uuidv7() AS key \gset
INSERT INTO idempotency (tenant_id, operation, key, input_hash, created_at)
  VALUES (:tenant, 'redemptions.create', :key, '\x00112233445566778899aabbccddeeff', now());
SELECT available, version + 1 AS version FROM account
  WHERE tenant_id = :tenant AND id = :account FOR UPDATE \gset
UPDATE account SET available = :available::bigint - 5, version = :version
  WHERE tenant_id = :tenant AND id = :account;
INSERT INTO lot_draw (tenant_id, account_id, entry_version, lot_id, points)
  VALUES (:tenant, :account, :version, 1, 5);
UPDATE lot SET remaining = remaining - 5, open = remaining - 5 > 0
  WHERE tenant_id = :tenant AND account_id = :account AND id = 1;
INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                   pending_after, available_after, held_after, owed_after,
                   cause_id, occurred_at, recorded_at)
  VALUES (:tenant, 'redeem', :account, :version, 'available', 'redeemed', 5,
          0, :available::bigint - 5, 0, 0, :redemption::uuid, now(), now());
INSERT INTO redemption (tenant_id, id, program_id, account_id, status, points, amount, currency,
                        entry_version, actor, request_id, occurred_at)
  VALUES (:tenant, :redemption::uuid, :program, :account, 'redeemed', 5, 0.05, 'USD',
          :version, 'key:0123456789ab', :redemption, now());
UPDATE idempotency SET status = 201, body = :body
  WHERE tenant_id = :tenant AND operation = 'redemptions.create' AND key = :key;
COMMIT;
