"""GraphiQL in a real browser."""

from __future__ import annotations

from tests.stack import Stack
from tests.web import browser


@browser.needed
def test_the_page_draws_itself_and_reads_the_schema(stack: Stack) -> None:
    token = stack.tenant().token("server")
    page = browser.drawn(f"{stack.base_url}/graphql#token={token}")
    assert "graphiql-query-editor" in page
    assert "graphiql-doc-explorer-root-type" in page  # told by the schema that it has read
