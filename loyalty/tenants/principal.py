"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from loyalty.errors import FieldError, Forbidden, Problem
from loyalty.tenants.roles import ALLOWED, STAFF, Role


class Unauthenticated(Problem):
    """401: nobody, or nobody any more."""

    status = 401
    code = "unauthenticated"
    title = "Nobody is signed in"
    cure = "Send `Authorization: Bearer …` with an API key or a token that is valid now."


class TenantSuspended(Forbidden):
    """403: the platform has shut the tenant's doors."""

    code = "tenant_suspended"
    title = "The tenant is suspended"
    cure = "Ask whoever runs this platform; what was accepted is kept."


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


class KeyOutlived(Forbidden):
    """403: the new key would be valid for longer than the one that makes it."""

    code = "key_outlived"
    title = "A key may not outlive the one that makes it"
    cure = "Give `expires_at`, no later than the end of the key that you use."


def person_of(actor: str) -> str:
    """The person in `role:person`, as an actor is written down."""
    return actor.partition(":")[2]


def is_staff(actor: str) -> bool:
    """Whether a person of the tenant acts: no server, no member, and not the house itself."""
    return actor.partition(":")[0] in STAFF


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `member_id` is set for members; None in `sources` or `scopes` means any.

    `retailers` are those of its sources that are retailers: what such a key tells was sold there.
    `expires_at` is when a key ends, None for a key that does not and for tokens. `operator_id` is
    whose log-in a token is of.
    """

    tenant_id: int
    role: Role
    actor: str
    member_id: str | None = None
    sources: frozenset[str] | None = None
    retailers: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    key_id: UUID | None = None
    expires_at: datetime | None = None
    operator_id: UUID | None = None

    @property
    def person(self) -> str | None:
        """Who it is, whatever role they speak in; None for a key, which anybody may hold."""
        return None if self.key_id else person_of(self.actor)

    def require(self, operation: str) -> None:
        """Raises Forbidden or ScopeMissing when this principal may not do `operation`."""
        if self.role not in ALLOWED[operation]:
            raise Forbidden(f"The role {self.role} may not do {operation}.")
        if not self._covers(operation):
            raise ScopeMissing(f"The scope {operation} is missing.")

    def require_source(self, source: str) -> None:
        """Raises SourceNotAllowed when the key is bound to other sources than `source`."""
        if not self.speaks_for_source(source):
            raise SourceNotAllowed(f"This key may not speak for the source {source!r}.")

    def require_retailer(self, retailer: str | None) -> None:
        """Raises SourceNotAllowed when the key is a retailer's own, and `retailer` another."""
        if self.retailers and retailer is not None and retailer not in self.retailers:
            why = f"This key is a retailer's own, and may not name the retailer {retailer!r}."
            raise SourceNotAllowed(why, errors=[FieldError("/retailer", "not_yours", why)])

    def speaks_for_source(self, source: str) -> bool:
        """Whether what `source` told may be seen: a key bound to sources sees its own."""
        return self.sources is None or source in self.sources

    def require_no_more(
        self,
        scopes: Collection[str] | None,
        sources: Collection[str] | None,
        expires_at: datetime | None,
    ) -> None:
        """Raises ScopeMissing, SourceNotAllowed or KeyOutlived when a key with these could do more
        than this one, or for longer."""
        if self.scopes is not None and (scopes is None or not all(map(self._covers, scopes))):
            raise ScopeMissing("A key gives no other key more scopes than its own.")
        if self.sources is not None and (sources is None or not self.sources.issuperset(sources)):
            raise SourceNotAllowed("A key gives no other key more sources than its own.")
        if self.expires_at is not None and (expires_at is None or expires_at > self.expires_at):
            raise KeyOutlived("A key makes no other key that ends after it.")

    def require_unrestricted(self) -> None:
        """Raises ScopeMissing for a key or token that is restricted: who lets others in could let
        in somebody who may do more."""
        if (self.scopes, self.sources, self.expires_at) != (None, None, None):
            raise ScopeMissing("Only a key or token that nothing restricts lets others in.")

    def _covers(self, scope: str) -> bool:
        return self.scopes is None or not self.scopes.isdisjoint((scope, scope.partition(".")[0]))

    def require_member(self, member_id: str) -> None:
        """Raises Forbidden when this is a member, and not this one."""
        if not self.speaks_for(member_id):
            raise Forbidden("This token speaks for another member.")

    def speaks_for(self, member_id: str) -> bool:
        """Whether what is `member_id`'s may be shown: to the staff, and to the member."""
        return self.member_id is None or self.member_id == member_id
