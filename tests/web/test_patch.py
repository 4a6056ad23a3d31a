"""RFC 7396, by its own appendix, and If-Match."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from loyalty.web.patch import PreconditionFailed, etag, if_match, merged


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge(document: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    before = repr(document)
    assert merged(document, patch) == result
    assert repr(document) == before


@pytest.mark.parametrize("header", [None, "*", '"3"', ' "3" '])
def test_what_was_read_may_be_changed(app: Flask, header: str | None) -> None:
    headers = {} if header is None else {"If-Match": header}
    with app.test_request_context(headers=headers):
        if_match(3)
    assert etag(3) == '"3"'


@pytest.mark.parametrize("header", ['"2"', "3", 'W/"3"', ""])
def test_what_was_changed_meanwhile_may_not(app: Flask, header: str) -> None:
    with app.test_request_context(headers={"If-Match": header}), pytest.raises(PreconditionFailed):
        if_match(3)
