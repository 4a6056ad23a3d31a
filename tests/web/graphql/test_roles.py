"""Who may what is the table of REST, for each field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from loyalty.tenants.roles import ALLOWED, Role
from loyalty.web.graphql.form import Operation
from loyalty.web.graphql.schema import Mutation, Query
from tests.web.graphql.asked import Graph
from tests.web.rest.caller import Caller

#: Each field of the roots: what it is in REST, and how it is asked for.
_FIELDS = {
    "member": ("members.read", '(program: "wine", memberId: "ann") { memberId }'),
    "memberBy": (
        "members.search",
        '(program: "wine", identifier: {kind: "card", value: "1"}) { memberId }',
    ),
    "purchase": ("earns.read", '(id: "01a1ff1b-1d5c-7000-9fc7-045f80d5eaea") { id }'),
    "purchases": ("earns.read", '(program: "wine") { next }'),
    "promotion": ("promotions.read", '(program: "wine", key: "earn-rate") { key }'),
    "promotions": ("promotions.read", '(program: "wine") { next }'),
    "retailer": ("retailers.read", '(id: "r-1") { id }'),
    "retailers": ("retailers.read", "{ next }"),
    "product": ("products.read", '(sku: "s-1") { sku }'),
    "products": ("products.read", "{ next }"),
}
_ID = '"01a1ff1b-1d5c-7000-9fc7-045f80d5eaea"'
_ACTS = {
    "purchase": (
        "earns.create",
        '(input: {program: "wine", transactionId: "t", memberId: "ann", amount: "1",'
        ' currency: "USD", occurredAt: "2020-01-01T00:00:00Z", source: "s"})',
    ),
    "redeem": (
        "redemptions.create",
        '(input: {program: "wine", memberId: "ann", points: 1}, idempotencyKey: "k")',
    ),
    "captureRedemption": ("redemptions.change", f'(id: {_ID}, idempotencyKey: "k")'),
    "releaseRedemption": ("redemptions.change", f'(id: {_ID}, idempotencyKey: "k")'),
    "cancelRedemption": ("redemptions.change", f'(id: {_ID}, idempotencyKey: "k")'),
}


def _fields(root: Any) -> list[Any]:
    fields: list[Any] = root.__strawberry_definition__.fields
    return fields


def _operations(root: Any) -> Iterator[tuple[str, str]]:
    for field in _fields(root):
        [operation] = field.extensions
        assert isinstance(operation, Operation)
        head, *rest = field.python_name.split("_")
        yield head + "".join(map(str.capitalize, rest)), operation.name


def test_every_field_of_the_roots_has_its_operation() -> None:
    assert dict(_operations(Query)) == {name: what for name, (what, _) in _FIELDS.items()}
    assert dict(_operations(Mutation)) == {name: what for name, (what, _) in _ACTS.items()}


def test_only_mutations_act() -> None:
    for root, acts in ((Query, False), (Mutation, True)):
        assert {field.extensions[0].acts for field in _fields(root)} == {acts}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.MEMBER])
def test_who_may_not_is_told_so_and_nothing_else(graph: Graph, role: Role) -> None:
    for kind, fields in (("query", _FIELDS), ("mutation", _ACTS)):
        for name, (operation, asked) in fields.items():
            rest = "" if kind == "query" else " { __typename }"
            told = graph(f"{kind} {{ {name}{asked}{rest} }}", role=role)
            refused = (told.errors if "errors" in told.body else []) == [(403, "forbidden")]
            assert refused == (role not in ALLOWED[operation]), (name, told.body)


def test_a_key_does_what_its_scopes_say(graph: Graph, wine: Caller) -> None:
    key = wine(
        "POST", "/api-keys", {"name": "k", "role": "server", "scopes": ["products.read"]}
    ).body["key"]
    assert graph("{ products { next } }", bearer=key).data == {"products": {"next": None}}
    told = graph("{ retailers { next } products { next } }", bearer=key)
    assert told.errors == [(403, "scope_missing")]


def test_members_see_their_own(graph: Graph, wine: Caller) -> None:
    assert wine("POST", "/programs/wine/members", {"member_id": "bob"}).status == 201
    ask = 'query ($id: String!) { member(program: "wine", memberId: $id) { memberId } }'
    assert graph(ask, {"id": "ann"}, member="ann").data["member"] == {"memberId": "ann"}
    assert graph(ask, {"id": "bob"}, member="ann").errors == [(403, "forbidden")]
    theirs = 'query ($id: String) { purchases(program: "wine", memberId: $id) { next } }'
    assert graph(theirs, member="ann").data == {"purchases": {"next": None}}
    assert graph(theirs, {"id": "bob"}, member="ann").errors == [(403, "forbidden")]
    spend = (
        'mutation ($id: String!) { redeem(input: {program: "wine", memberId: $id, points: 1},'
        ' idempotencyKey: "k") { ... on Refused { code } } }'
    )
    assert graph(spend, {"id": "bob"}, member="ann").errors == [(403, "forbidden")]
    assert graph(spend, {"id": "ann"}, member="ann").data == {
        "redeem": {"code": "insufficient_points"}
    }


def test_another_tenant_sees_nothing(graph: Graph, stranger: Caller) -> None:
    other = Graph(stranger)
    assert other('{ member(program: "wine", memberId: "ann") { memberId } }').errors == [
        (404, "not_found")
    ]
