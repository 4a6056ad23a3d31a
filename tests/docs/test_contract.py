"""The contract is checked in as text, so that a change of it shows in review.

`make docs` writes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from loyalty.web.app import create_app
from loyalty.web.graphql.schema import schema
from tests.architecture import sources
from tests.docs.examples import shown


def _openapi() -> str:
    document = create_app().test_client().get("/openapi.json").get_json()
    return shown("json", json.dumps(document, sort_keys=True))


def _graphql() -> str:
    return f"{schema(introspection=True).as_str()}\n"


_CONTRACTS: dict[str, Callable[[], str]] = {
    "docs/openapi.json": _openapi,
    "docs/schema.graphql": _graphql,
}


@pytest.mark.parametrize("path", _CONTRACTS)
def test_the_contract_is_the_one_that_was_reviewed(path: str) -> None:
    told = _CONTRACTS[path]()
    file = sources.ROOT / path
    if os.environ.get("WRITE_DOCS"):
        file.write_text(told)
    assert file.read_text().splitlines() == told.splitlines(), "make docs, then review its diff"
