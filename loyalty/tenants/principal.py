"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from loyalty.errors import Forbidden, Problem
from loyalty.tenants.roles import ALLOWED, Role


class Unauthenticated(Problem):
    """401: nobody, or nobody any more."""

    status = 401
    code = "unauthenticated"
    title = "Nobody is signed in"
    cure = "Send `Authorization: Bearer …` with an API key or a token that is valid now."


class ScopeMissing(Forbidden):
    """403: the role may, this key or token may not."""

    code = "scope_missing"
    title = "This key may not do that"
    cure = "Use a key whose scopes name this operation."


class SourceNotAllowed(Forbidden):
    """403: the key is bound to other sources."""

    code = "source_not_allowed"
    title = "This key may not speak for that source"
    cure = "Use a key that is bound to this source, or to none."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `member_id` is set for members; None in `sources` or `scopes` means any."""

    tenant_id: int
    role: Role
    actor: str
    member_id: str | None = None
    sources: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    key_id: UUID | None = None

    def require(self, operation: str) -> None:
        """Raises Forbidden or ScopeMissing when this principal may not do `operation`."""
        if self.role not in ALLOWED[operation]:
            raise Forbidden(f"The role {self.role} may not do {operation}.")
        if not self._covers(operation):
            raise ScopeMissing(f"The scope {operation} is missing.")

    def require_source(self, source: str) -> None:
        """Raises SourceNotAllowed when the key is bound to other sources than `source`."""
        if self.sources is not None and source not in self.sources:
            raise SourceNotAllowed(f"This key may not speak for the source {source!r}.")

    def require_no_more(
        self, scopes: Collection[str] | None, sources: Collection[str] | None
    ) -> None:
        """Raises ScopeMissing or SourceNotAllowed when a key with these could do more than this."""
        if self.scopes is not None and (scopes is None or not all(map(self._covers, scopes))):
            raise ScopeMissing("A key gives no other key more scopes than its own.")
        if self.sources is not None and (sources is None or not self.sources.issuperset(sources)):
            raise SourceNotAllowed("A key gives no other key more sources than its own.")

    def _covers(self, scope: str) -> bool:
        return self.scopes is None or not self.scopes.isdisjoint((scope, scope.partition(".")[0]))

    def require_member(self, member_id: str) -> None:
        """Raises Forbidden when this is a member, and not this one."""
        if not self.speaks_for(member_id):
            raise Forbidden("This token speaks for another member.")

    def speaks_for(self, member_id: str) -> bool:
        """Whether what is `member_id`'s may be shown: to the staff, and to the member."""
        return self.member_id is None or self.member_id == member_id
