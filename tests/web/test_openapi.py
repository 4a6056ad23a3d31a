"""Every operation, called as the OpenAPI document says and as it does not, over real HTTP."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from loyalty.tenants.roles import Role
from loyalty.web.app import create_app
from loyalty.web.fields import Code, MemberId, Slug
from tests.stack import Stack
from tests.tenant import TestTenant

_EXAMPLES = 12
#: Real ones, so that what comes after the path is put to the test and not only the 404.
_EXISTING = {
    "program": "wine",
    "member_id": "m-1",
    "retailer_id": "r-1",
    "sku": "s-1",
    "key": "k-1",
}
_FORM = re.compile(f"{Slug.form.pattern}|{MemberId.form.pattern}|{Code.form.pattern}")
#: Answer item by item: one that keeps to no schema is told so within a 202 or 200.
_ITEM_BY_ITEM = {
    "earns_create_batch",
    "retailers_upsert_batch",
    "products_upsert_batch",
    "imports_create",
}


@schemathesis.serializer("text/csv")
def _csv(_: object, value: Any) -> bytes:
    """Whatever it is, as text."""
    return str(value).encode(errors="replace")


@schemathesis.serializer("application/x-ndjson")
def _lines(_: object, value: Any) -> bytes:
    """One JSON value a line."""
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


def _document() -> dict[str, Any]:
    """The document, without what says that a token is needed: every call here brings one."""
    told: dict[str, Any] = create_app().test_client().get("/openapi.json").get_json()
    for path in told["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                del operation["security"]
    return told


#: 412 comes before the body is looked at: what was read is not what is there.
_REFUSED = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429]
api = schemathesis.openapi.from_dict(
    _document(),
    config=SchemathesisConfig.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}}}
    ),
)
#: Without the cases that try each limit of each field: who may call does not depend on those.
api_of_roles = schemathesis.openapi.from_dict(
    _document(), config=SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
)


def _of_what_exists(case: schemathesis.Case[Any]) -> None:
    """Puts real names into the path, where those of the case have the right form."""
    if case.operation.definition.raw["operationId"] == "erasures_forget":
        return  # the others need the member
    for name, value in _EXISTING.items():
        if _FORM.fullmatch(str(case.path_parameters.get(name, "/"))):
            case.path_parameters[name] = value


_KEEPS_TO_THE_DOCUMENT = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> TestTenant:
    """A tenant with a program and a member."""
    tenant = stack.tenant()
    for path, body in (
        (
            "/v1/programs",
            {
                "slug": "wine",
                "name": "Wine",
                "unit": "points",
                "earn_rate": {"points": 1, "per": "1"},
            },
        ),
        ("/v1/programs/wine/members", {"member_id": "m-1"}),
        ("/v1/retailers", {"id": "r-1", "name": "R"}),
        ("/v1/products", {"sku": "s-1", "name": "S"}),
        ("/v1/programs/wine/segments", {"key": "k-1", "name": "K"}),
        (
            "/v1/programs/wine/promotions",
            {"key": "k-1", "name": "K", "rule": {"multiplier": "2"}},
        ),
        ("/v1/programs/wine/goals", {"key": "k-1", "name": "K", "kind": "visit"}),
        (
            "/v1/programs/wine/campaigns",
            {
                "key": "k-1",
                "name": "K",
                "goals": ["k-1"],
                "rewards": [{"kind": "points", "points": 1}],
            },
        ),
    ):
        made = requests.post(
            f"{stack.base_url}{path}", json=body, headers=tenant.headers(), timeout=10
        )
        assert made.status_code == 201, made.text
    return tenant


@api.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.timeout(300)
def test_every_operation_keeps_to_the_document(
    case: schemathesis.Case[Any], stack: Stack, shop: TestTenant
) -> None:
    _of_what_exists(case)
    expected = [*_KEEPS_TO_THE_DOCUMENT]
    if case.operation.definition.raw["operationId"] not in _ITEM_BY_ITEM:
        expected.append(checks.negative_data_rejection)
    case.call_and_validate(
        base_url=stack.base_url, headers=shop.headers(), checks=expected, timeout=10
    )


@api_of_roles.parametrize()
@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.timeout(300)
def test_every_role_may_do_what_the_document_says(
    case: schemathesis.Case[Any], stack: Stack, shop: TestTenant
) -> None:
    """Who may not is told so before anything is read; who may is told whatever the document says.

    That the document says what was meant is held by tests/tenants/test_roles.py.
    """
    _of_what_exists(case)
    may = case.operation.definition.raw.get("x-roles", list(Role))
    for role in Role:
        member = "m-1" if role is Role.MEMBER else None
        headers = shop.headers(role, member)
        answer = case.call(base_url=stack.base_url, headers=headers, timeout=10)
        case.validate_response(answer, checks=_KEEPS_TO_THE_DOCUMENT)
        if role not in may and answer.status_code != 404:  # no such path
            assert answer.status_code == 403, f"{role}, not one of {may}"
            assert answer.json()["code"] == "forbidden"
