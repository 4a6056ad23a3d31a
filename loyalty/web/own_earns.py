"""What a member posts of themselves: only where the program lets them, and for nobody else."""

from __future__ import annotations

import hashlib

from loyalty.earning.accept import Earn
from loyalty.errors import FieldError, Forbidden
from loyalty.programs.queries import Program
from loyalty.tenants.principal import Principal
from loyalty.web.limits import limit_earns

_LONGEST = 93  # what a source has room for, after its prefix


class MembersDoNotPost(Forbidden):
    """403: in this program what earns points is told by others."""

    code = "members_do_not_post"
    title = "Members do not post this themselves"
    cure = "Let the tenant's server post it, or name its kind in the program's `member_earns`."


def require_own(who: Principal, book: Program, earn: Earn) -> None:
    """Lets a member post what the program allows, as their own source, so often a minute.

    No other source is theirs to speak for: a shop's transaction ids could be taken before it
    comes. Raises MembersDoNotPost, Forbidden, RateLimited.
    """
    allowed = book.settings.member_earns
    limit_earns(who, book.id, allowed.per_minute)
    if earn.kind not in allowed.kinds:
        raise MembersDoNotPost(f"Activities of kind {earn.kind} are not posted by members here.")
    if earn.member_id != who.member_id:
        raise _refused("/member_id", "This token speaks for another member.")
    if earn.source != own_source(who):
        raise _refused("/source", f"A member's own source is {own_source(who)!r}.")


def own_source(who: Principal) -> str:
    """The one source that a member speaks for; no two members share it."""
    told = str(who.member_id)
    if len(told) > _LONGEST:
        told = hashlib.sha256(told.encode()).hexdigest()
    return f"member:{told}"


def _refused(pointer: str, why: str) -> Forbidden:
    return Forbidden(why, errors=[FieldError(pointer, "not_yours", why)])
