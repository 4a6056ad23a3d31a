"""The table of roles, written down a second time: who may do what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from loyalty.errors import Forbidden
from loyalty.tenants.principal import Principal, ScopeMissing, SourceNotAllowed, is_staff
from loyalty.tenants.roles import ALLOWED, SCOPES, Role

#: a(dmin) m(arketing) s(upport) f(inance) o(perator) S(erver) M(ember) -(nobody: the platform)
_LETTERS = dict(zip("amsfoSM", Role, strict=True))
_TABLE = """
programs.create     a
programs.read       amsfoSM
programs.change     a
programs.pause      ao
retailers.read      amsfoS
retailers.change    am
products.read       amsfoS
products.change     am
promotions.read     amsfo
promotions.change   am
promotions.publish  am
segments.read       amsfo
segments.change     am
campaigns.read      amsfoS
campaigns.change    am
referrals.read      amsfoS
referrals.change    am
referrals.code      asSM
tiers.read          amsfoSM
tiers.change        a
tiers.assign        as
members.enrol       aSM
members.read        asoSM
members.change      asSM
members.suspend     as
members.leave       aSM
members.erase       aS
members.search      asoS
statement.read      asSM
earns.create        aSM
earns.read          asoSM
earns.retry         aoS
earns.activate      asS
returns.create      aS
returns.read        asoSM
returns.search      asoS
returns.retry       aoS
re_evaluations.start a
re_evaluations.read afo
re_evaluations.stop ao
bulk_acts.start     a
bulk_acts.read      aso
bulk_acts.stop      ao
mail_templates.read amsfo
mail_templates.change am
mails.read          asSM
mails.subscribe     asSM
totals.tell         aS
totals.read         asfoS
redemptions.create  aSM
redemptions.read    asSM
redemptions.change  asS
rewards.read        amsfoSM
rewards.change      am
adjustments.create  as
adjustments.read    asf
adjustments.approve a
transfers.create    asS
transfers.read      asfS
merges.create       asS
merges.read         as
merges.undo         as
exports.create      a
exports.member      asSM
imports.create      a
imports.read        ao
tokens.create       aS
api_keys.create     a
api_keys.read       a
api_keys.rotate     a
api_keys.revoke     a
operators.add       a
operators.read      a
operators.change    a
me.read             amsfoSM
me.change           amsfo
identity_providers.read a
identity_providers.change a
token_secrets.read  a
token_secrets.rotate a
tenants.create      -
tenants.read        -
tenants.change      -
audit_log.read      a
events.read         a
webhooks.read       a
webhooks.change     a
book.read           af
test_clock.read     amsfoS
test_clock.advance  aS
metrics.read        ao
"""
_EXPECTED = dict(line.split() for line in _TABLE.strip().splitlines())


def test_every_operation_stands_in_the_table() -> None:
    assert set(_EXPECTED) == set(ALLOWED)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("operation", sorted(ALLOWED))
def test_who_may_do_what(operation: str, role: Role) -> None:
    who = Principal(tenant_id=1, role=role, actor="x")
    if role in {_LETTERS[letter] for letter in _EXPECTED[operation].strip("-")}:
        who.require(operation)
    else:
        with pytest.raises(Forbidden):
            who.require(operation)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (None, True),
        (frozenset({"earns.create"}), True),
        (frozenset({"earns"}), True),
        (frozenset({"earns.read"}), False),
        (frozenset({"earn"}), False),
        (frozenset(), False),
    ],
)
def test_a_scope_is_an_operation_or_its_noun(scopes: frozenset[str] | None, may: bool) -> None:
    who = Principal(tenant_id=1, role=Role.SERVER, actor="x", scopes=scopes)
    if may:
        who.require("earns.create")
    else:
        with pytest.raises(ScopeMissing):
            who.require("earns.create")


def test_a_scope_never_gives_what_the_role_may_not() -> None:
    who = Principal(tenant_id=1, role=Role.SERVER, actor="x", scopes=SCOPES)
    with pytest.raises(Forbidden) as refused:
        who.require("programs.create")
    assert refused.value.code == "forbidden"


def test_a_key_bound_to_sources_speaks_for_those_only() -> None:
    bound = Principal(tenant_id=1, role=Role.SERVER, actor="x", sources=frozenset({"till-1"}))
    bound.require_source("till-1")
    with pytest.raises(SourceNotAllowed):
        bound.require_source("till-2")
    Principal(tenant_id=1, role=Role.SERVER, actor="x").require_source("till-2")


def test_a_member_speaks_for_nobody_else() -> None:
    member = Principal(tenant_id=1, role=Role.MEMBER, actor="x", member_id="m-1")
    member.require_member("m-1")
    assert not member.speaks_for("m-2")
    with pytest.raises(Forbidden):
        member.require_member("m-2")
    Principal(tenant_id=1, role=Role.SERVER, actor="x").require_member("m-2")


@pytest.mark.parametrize(
    "restricted",
    [
        {"scopes": frozenset({"operators"})},
        {"sources": frozenset({"till-1"})},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
    ],
)
def test_who_is_restricted_lets_nobody_in(restricted: dict[str, Any]) -> None:
    Principal(tenant_id=1, role=Role.ADMIN, actor="x").require_unrestricted()
    with pytest.raises(ScopeMissing):
        Principal(tenant_id=1, role=Role.ADMIN, actor="x", **restricted).require_unrestricted()


def test_no_key_is_restricted_to_what_is_the_platforms() -> None:
    assert {scope for scope in SCOPES if scope.startswith("tenants")} == set()


@pytest.mark.parametrize(
    ("actor", "staff"),
    [
        ("admin:anna", True),
        ("support:bob", True),
        ("operator:root", True),
        ("key:0123", False),
        ("member:ann", False),
        (":keys", False),
        ("platform", False),
    ],
)
def test_who_is_a_person_of_the_tenant(actor: str, staff: bool) -> None:
    assert is_staff(actor) is staff
