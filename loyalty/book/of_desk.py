"""What must hold of promotions' versions and of segments; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

_VERSIONS_FOLLOW_EACH_OTHER = """
    SELECT format('promotion %s, versions %s and %s', p.key, one.version, other.version)
    FROM promotion p
    JOIN promotion_version one ON one.tenant_id = :tenant AND one.promotion_id = p.id
    JOIN promotion_version other ON other.tenant_id = :tenant AND other.promotion_id = p.id
    WHERE p.tenant_id = :tenant AND p.program_id = :program AND one.version < other.version
      AND one.status <> 'draft' AND other.status <> 'draft'
      AND tstzrange(one.starts_at, one.ends_at) && tstzrange(other.starts_at, other.ends_at)
    LIMIT 1
"""
_LISTS_ARE_AS_LONG_AS_THEY_SAY = """
    SELECT format('segment %s', s.key) FROM segment s
    WHERE s.tenant_id = :tenant AND s.program_id = :program AND s.condition IS NULL
      AND s.size <> (SELECT count(*) FROM segment_member m
                     WHERE m.tenant_id = :tenant AND m.segment_id = s.id)
    LIMIT 1
"""

OF_PROGRAMS: Final[dict[str, str]] = {
    "versions of a promotion follow each other": _VERSIONS_FOLLOW_EACH_OTHER,
    "an uploaded list is as long as it says": _LISTS_ARE_AS_LONG_AS_THEY_SAY,
}
