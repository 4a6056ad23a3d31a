"""The page of the API in a real browser."""

from __future__ import annotations

from tests.stack import Stack
from tests.web import browser


@browser.needed
def test_the_page_draws_itself_and_reads_the_document(stack: Stack) -> None:
    page = browser.drawn(f"{stack.base_url}/docs#token={stack.tenant().token('admin')}")
    assert 'id="operations-programs-programs_create"' in page
    assert "Authorize" in page
