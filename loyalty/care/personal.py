"""Where personal data stand, table by table, and what is left of them when a member is erased.

Each statement takes `tenant`; `ids` and `names` of the member and of all who were merged into
them, the `fresh` names for those, their `own`; their `accounts` and `memberships`; the
`activities` that are theirs; the ids that were `made` for them; and what may be `told` of them in
a sentence, with as many `blank` words. A test walks every table: what is not here holds nothing
that is personal.
"""

from __future__ import annotations

from typing import Final

_RANDOM = "sha256(uuid_send(gen_random_uuid()))"  # no guess can be tried on it

#: Rows that are found by an index.
KEYED: Final[tuple[str, ...]] = (
    """
    UPDATE segment s SET size = s.size - gone.count FROM (
      SELECT segment_id, count(*) FROM segment_member
      WHERE tenant_id = :tenant AND membership_id = ANY(:memberships) GROUP BY segment_id
    ) gone WHERE s.tenant_id = :tenant AND s.id = gone.segment_id
    """,
    "DELETE FROM segment_member WHERE tenant_id = :tenant AND membership_id = ANY(:memberships)",
    "DELETE FROM referral_code WHERE tenant_id = :tenant AND member_id = ANY(:ids)",
    # What the rules saw of the person. Such an award cannot be worked out again, and says so.
    """
    UPDATE award w
    SET explanation = CAST(CAST(w.explanation AS jsonb) #- '{member,attributes}'
                           #- '{member,days_from_birthday}' || '{"erased": true}' AS json)
    FROM activity a
    WHERE w.tenant_id = :tenant AND w.account_id = ANY(:accounts)
      AND a.tenant_id = :tenant AND a.id = w.activity_id
      AND (CAST(w.explanation->'member' AS jsonb) ?| ARRAY['attributes', 'days_from_birthday']
           OR a.body ? 'attributes')
    """,
    # A purchase stays what it was for its figures; who bought is nobody, and what the tenant had
    # added is gone. It keeps the shop's own number, so that it never counts twice.
    f"""
    UPDATE activity
    SET member_id = :own, identifier_kind = NULL, identifier_value = NULL,
        input_hash = {_RANDOM}, request_id = NULL, body = body - 'attributes'
    WHERE tenant_id = :tenant AND id = ANY(CAST(:activities AS uuid[]))
    """,  # noqa: S608 - a constant
    """
    UPDATE setback
    SET member_id = :own, identifier_kind = NULL, identifier_value = NULL,
        detail = CASE status WHEN 'failed' THEN 'erased' ELSE detail END
    WHERE tenant_id = :tenant AND activity_id = ANY(CAST(:activities AS uuid[]))
    """,
    """
    UPDATE correction
    SET explanation = explanation #- '{award,member,attributes}'
                                  #- '{award,member,days_from_birthday}'
    WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    """,
    f"""
    UPDATE opening_balance
    SET reference = 'erased-' || id, input_hash = {_RANDOM}, request_id = NULL
    WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    """,  # noqa: S608 - a constant
    """
    UPDATE redemption SET actor = renamed(actor, :names, :fresh), tracking = NULL, request_id = NULL
    WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    """,
    """
    UPDATE redemption_step s
    SET actor = renamed(s.actor, :names, :fresh), reason = NULL, request_id = NULL
    FROM redemption r
    WHERE r.tenant_id = :tenant AND r.account_id = ANY(:accounts)
      AND s.tenant_id = :tenant AND s.redemption_id = r.id
    """,
    """
    UPDATE adjustment
    SET reason = 'erased', actor = renamed(actor, :names, :fresh), request_id = NULL
    WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    """,
    """
    UPDATE adjustment_request
    SET reason = 'erased', request_id = NULL,
        decision_reason = CASE WHEN decision_reason IS NOT NULL THEN 'erased' END
    WHERE tenant_id = :tenant AND member_id = ANY(:ids)
    """,
    """
    UPDATE transfer
    SET reason = 'erased', actor = renamed(actor, :names, :fresh), request_id = NULL
    WHERE tenant_id = :tenant AND (from_account = ANY(:accounts) OR to_account = ANY(:accounts))
    """,
    # A merge that has forgotten how the two stood cannot be undone: it says that they were touched.
    """
    UPDATE member_merge
    SET before = '{}', after = '{}', reason = NULL, request_id = NULL,
        undo_reason = CASE WHEN undo_reason IS NOT NULL THEN 'erased' END
    WHERE tenant_id = :tenant AND (from_member = ANY(:ids) OR into_member = ANY(:ids))
    """,
)

#: What may name them anywhere: read once, whole. The members themselves come last.
SCANNED: Final[tuple[str, ...]] = (
    """
    UPDATE event
    SET subject = renamed(subject, :names, :fresh),
        data = renamed_json(data, NULL, :names, :fresh)
    WHERE tenant_id = :tenant
      AND (renamed(subject, :names, :fresh), renamed_json(data, NULL, :names, :fresh))
        IS DISTINCT FROM (subject, data)
    """,
    """
    UPDATE webhook_delivery
    SET subject = renamed(subject, :names, :fresh),
        body = renamed_json(body::jsonb, NULL, :names, :fresh)::text
    WHERE tenant_id = :tenant
      AND (renamed(subject, :names, :fresh) <> subject
           OR renamed_json(body::jsonb, NULL, :names, :fresh) <> body::jsonb)
    """,
    # Of an act upon them there stays who did it, what and when.
    """
    UPDATE audit_record
    SET subject = renamed(subject, :names, :fresh),
        before = NULL, after = NULL, reason = NULL, request_id = NULL
    WHERE tenant_id = :tenant AND renamed(subject, :names, :fresh) <> subject
    """,
    """
    UPDATE audit_record r
    SET actor = x.actor, before = x.before, after = x.after, reason = x.reason
    FROM (
      SELECT id, renamed(actor, :names, :fresh) AS actor, retold(reason, :told, :blank) AS reason,
        renamed_json(renamed_json(before, NULL, :names, :fresh), NULL, :told, :blank) AS before,
        renamed_json(renamed_json(after, NULL, :names, :fresh), NULL, :told, :blank) AS after
      FROM audit_record WHERE tenant_id = :tenant
    ) x
    WHERE r.tenant_id = :tenant AND r.id = x.id
      AND (x.actor, x.before, x.after, x.reason)
        IS DISTINCT FROM (r.actor, r.before, r.after, r.reason)
    """,
    # The key is taken for ever; who sends it again is told that it came with other content.
    f"""
    UPDATE idempotency
    SET input_hash = {_RANDOM}, status = 410, body = '{{}}',
        key = CASE WHEN EXISTS (SELECT FROM unnest(CAST(:told AS text[])) one(value)
                                WHERE strpos(key, one.value) > 0)
                   THEN 'erased-' || gen_random_uuid() ELSE key END
    WHERE tenant_id = :tenant AND (
      EXISTS (SELECT FROM unnest(CAST(:names AS text[])) one(name)
              WHERE strpos(body, '"member_id":"' || one.name || '"') > 0)
      OR substring(body FROM '"id":"([0-9a-f-]{{36}})"') = ANY(CAST(:made AS text[])))
    """,  # noqa: S608 - a constant
    """
    UPDATE job
    SET input = renamed_json(renamed_json(input, NULL, :names, :fresh), NULL, :told, :blank),
        cursor = renamed_json(cursor, NULL, :names, :fresh),
        reason = retold(reason, :told, :blank), detail = retold(detail, :told, :blank)
    WHERE tenant_id = :tenant AND (
      renamed_json(renamed_json(input, NULL, :names, :fresh), NULL, :told, :blank),
      renamed_json(cursor, NULL, :names, :fresh),
      retold(reason, :told, :blank), retold(detail, :told, :blank)
    ) IS DISTINCT FROM (input, cursor, reason, detail)
    """,
    """
    UPDATE job_refusal SET subject = 'erased', detail = 'erased'
    WHERE tenant_id = :tenant AND (
      retold(subject, :told, :blank) <> subject OR retold(detail, :told, :blank) <> detail)
    """,
    "DELETE FROM identifier WHERE tenant_id = :tenant AND member_id = ANY(:ids)",
    """
    UPDATE member m
    SET member_id = one.fresh, name = NULL, birthday = NULL, time_zone = NULL, attributes = '{}',
        version = m.version + 1, erased_at = :at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:fresh AS text[])) one(id, fresh)
    WHERE m.tenant_id = :tenant AND m.id = one.id
    """,
)
