"""If-Match."""

from __future__ import annotations

import pytest
from flask import Flask

from loyalty.web.patch import PreconditionFailed, etag, if_match


@pytest.mark.parametrize("header", [None, "*", '"3"', ' "3" ', '"2", "3"'])
def test_what_was_read_may_be_changed(app: Flask, header: str | None) -> None:
    headers = {} if header is None else {"If-Match": header}
    with app.test_request_context(headers=headers):
        if_match(3)
    assert etag(3) == '"3"'


@pytest.mark.parametrize("header", ['"2"', "3", 'W/"3"', "", '"1", "2"'])
def test_what_was_changed_meanwhile_may_not(app: Flask, header: str) -> None:
    with app.test_request_context(headers={"If-Match": header}), pytest.raises(PreconditionFailed):
        if_match(3)
