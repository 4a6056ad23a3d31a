"""Which role may do what: one table, tested row by row."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a key or a person is to the tenant."""

    ADMIN = "admin"
    MARKETING = "marketing"
    SUPPORT = "support"
    FINANCE = "finance"
    OPERATOR = "operator"  # looks, retries, pauses
    SERVER = "server"  # a shop system
    MEMBER = "member"  # and then only for what is their own


_ADMIN, _MARKETING, _SUPPORT, _FINANCE = Role.ADMIN, Role.MARKETING, Role.SUPPORT, Role.FINANCE
_OPERATOR, _SERVER, _MEMBER = Role.OPERATOR, Role.SERVER, Role.MEMBER
_STAFF = (_ADMIN, _MARKETING, _SUPPORT, _FINANCE, _OPERATOR)
#: What a person of the tenant can be.
STAFF = frozenset(_STAFF)

#: operation -> the roles that may do it. A key's scope is an operation or the noun before its dot.
ALLOWED: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        operation: frozenset(roles)
        for operation, roles in {
            "programs.create": (_ADMIN,),
            "programs.read": (*_STAFF, _SERVER, _MEMBER),
            "programs.change": (_ADMIN,),
            "programs.pause": (_ADMIN, _OPERATOR),
            "retailers.read": (*_STAFF, _SERVER),
            "retailers.change": (_ADMIN, _MARKETING),
            "products.read": (*_STAFF, _SERVER),
            "products.change": (_ADMIN, _MARKETING),
            "promotions.read": (*_STAFF,),
            "promotions.change": (_ADMIN, _MARKETING),
            "promotions.publish": (_ADMIN, _MARKETING),
            "segments.read": (*_STAFF,),
            "segments.change": (_ADMIN, _MARKETING),
            "campaigns.read": (*_STAFF, _SERVER),
            "campaigns.change": (_ADMIN, _MARKETING),
            "referrals.read": (*_STAFF, _SERVER),
            "referrals.change": (_ADMIN, _MARKETING),
            "referrals.code": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "rewards.read": (*_STAFF, _SERVER, _MEMBER),
            "rewards.change": (_ADMIN, _MARKETING),
            "tiers.read": (*_STAFF, _SERVER, _MEMBER),
            "tiers.change": (_ADMIN,),
            "tiers.assign": (_ADMIN, _SUPPORT),
            "members.enrol": (_ADMIN, _SERVER, _MEMBER),
            "members.read": (_ADMIN, _SUPPORT, _OPERATOR, _SERVER, _MEMBER),
            "members.change": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "members.suspend": (_ADMIN, _SUPPORT),
            "members.leave": (_ADMIN, _SERVER, _MEMBER),
            "members.erase": (_ADMIN, _SERVER),
            "members.search": (_ADMIN, _SUPPORT, _OPERATOR, _SERVER),
            "statement.read": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "earns.create": (_ADMIN, _SERVER, _MEMBER),  # where the program lets members
            "earns.read": (_ADMIN, _SUPPORT, _OPERATOR, _SERVER, _MEMBER),
            "earns.activate": (_ADMIN, _SUPPORT, _SERVER),
            "earns.retry": (_ADMIN, _OPERATOR, _SERVER),
            "returns.create": (_ADMIN, _SERVER),
            "returns.read": (_ADMIN, _SUPPORT, _OPERATOR, _SERVER, _MEMBER),
            "returns.search": (_ADMIN, _SUPPORT, _OPERATOR, _SERVER),
            "returns.retry": (_ADMIN, _OPERATOR, _SERVER),
            "re_evaluations.start": (_ADMIN,),
            "re_evaluations.read": (_ADMIN, _FINANCE, _OPERATOR),
            "re_evaluations.stop": (_ADMIN, _OPERATOR),
            "bulk_acts.start": (_ADMIN,),
            "bulk_acts.read": (_ADMIN, _SUPPORT, _OPERATOR),
            "bulk_acts.stop": (_ADMIN, _OPERATOR),
            "mail_templates.read": (*_STAFF,),
            "mail_templates.change": (_ADMIN, _MARKETING),
            "mails.read": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "mails.subscribe": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "totals.tell": (_ADMIN, _SERVER),
            "totals.read": (_ADMIN, _SUPPORT, _FINANCE, _OPERATOR, _SERVER),
            "redemptions.create": (_ADMIN, _SERVER, _MEMBER),
            "redemptions.change": (_ADMIN, _SUPPORT, _SERVER),
            "redemptions.read": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "adjustments.create": (_ADMIN, _SUPPORT),
            "adjustments.read": (_ADMIN, _SUPPORT, _FINANCE),
            "adjustments.approve": (_ADMIN,),
            "transfers.create": (_ADMIN, _SUPPORT, _SERVER),
            "transfers.read": (_ADMIN, _SUPPORT, _FINANCE, _SERVER),
            "merges.create": (_ADMIN, _SUPPORT, _SERVER),
            "merges.read": (_ADMIN, _SUPPORT),
            "merges.undo": (_ADMIN, _SUPPORT),
            "exports.create": (_ADMIN,),
            "exports.member": (_ADMIN, _SUPPORT, _SERVER, _MEMBER),
            "imports.create": (_ADMIN,),
            "imports.read": (_ADMIN, _OPERATOR),
            "tokens.create": (_ADMIN, _SERVER),
            "api_keys.create": (_ADMIN,),
            "api_keys.read": (_ADMIN,),
            "api_keys.rotate": (_ADMIN,),
            "api_keys.revoke": (_ADMIN,),
            "operators.add": (_ADMIN,),
            "operators.read": (_ADMIN,),
            "operators.change": (_ADMIN,),
            "me.read": (*_STAFF, _SERVER, _MEMBER),
            "me.change": (*_STAFF,),
            "identity_providers.read": (_ADMIN,),
            "identity_providers.change": (_ADMIN,),
            "token_secrets.read": (_ADMIN,),
            "token_secrets.rotate": (_ADMIN,),
            "tenants.create": (),  # the platform's, by a token of its own
            "tenants.read": (),
            "tenants.change": (),
            "audit_log.read": (_ADMIN,),
            "events.read": (_ADMIN,),
            "webhooks.read": (_ADMIN,),
            "webhooks.change": (_ADMIN,),
            "book.read": (_ADMIN, _FINANCE),
            "test_clock.read": (*_STAFF, _SERVER),
            "test_clock.advance": (_ADMIN, _SERVER),
            "metrics.read": (_ADMIN, _OPERATOR),
        }.items()
    }
)

#: What an API key may be restricted to.
SCOPES = frozenset(
    scope
    for operation, roles in ALLOWED.items()
    if roles
    for scope in (operation, operation.partition(".")[0])
)
