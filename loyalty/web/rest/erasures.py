"""Erasure: who a member was is forgotten for ever; what they did stays in the book."""

from __future__ import annotations

from loyalty.audit.by import By
from loyalty.care.erase import Erased, erase
from loyalty.clock import now
from loyalty.transaction import transaction
from loyalty.web.auth import allow, principal
from loyalty.web.fields import Integer, Schema
from loyalty.web.program_schema import ReasonSchema
from loyalty.web.resource import Resource

erasures = Resource("erasures", description="Personal data of a member, erased for ever.")


class ErasedSchema(Schema):
    """How many programs they were in, and how many names they had (more than one by merges)."""

    programs = Integer(required=True)
    names = Integer(required=True)


@erasures.route("/members/<member:member_id>/erase", methods=["POST"])
@allow("members.erase")
@erasures.arguments(ReasonSchema)
@erasures.response(200, ErasedSchema)
def forget(wanted: dict[str, str], member_id: str) -> Erased:
    """Erase a member: they leave every program, and nothing tells any more who they were.

    There is no way back. The second time it is a 404, for nobody can tell that they ever were;
    so a repeat needs no key, and the answer does not say under which name their history stands.
    """
    who = principal()
    with transaction(who.tenant_id) as session:  # no request id: it would lead to the logs
        return erase(session, member_id, wanted["reason"], By(who.actor, None, now(session)))
