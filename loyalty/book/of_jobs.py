"""What must hold of jobs; see checks.py, which asks."""

from __future__ import annotations

from typing import Final

_REFUSALS_ARE_NAMED = """
    SELECT format('job %s', j.id) FROM job j
    WHERE j.tenant_id = :tenant AND j.program_id = :program
      AND j.refused <> (SELECT count(*) FROM job_refusal r
                        WHERE r.tenant_id = :tenant AND r.job_id = j.id)
    LIMIT 1
"""
_BULK_ACTS_ARE_FOR_THOSE_MEANT = """
    SELECT format('job %s', j.id) FROM job j
    LEFT JOIN LATERAL (SELECT sum(cardinality(b.membership_ids)) AS members FROM bulk_act_batch b
                       WHERE b.tenant_id = :tenant AND b.job_id = j.id) meant ON true
    WHERE j.tenant_id = :tenant AND j.program_id = :program AND j.kind = 'bulk_act'
      AND (coalesce(j.total, 0) <> coalesce(meant.members, 0)
           OR j.status = 'done' AND j.done <> j.total)
    LIMIT 1
"""

OF_PROGRAMS: Final[dict[str, str]] = {
    "a job names whom it refused": _REFUSALS_ARE_NAMED,
    "a bulk act is for those who were meant": _BULK_ACTS_ARE_FOR_THOSE_MEANT,
}
