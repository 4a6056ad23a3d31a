"""GraphiQL in a real browser that reaches no host but ours."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.stack import Stack

_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(_BROWSER is None, reason="there is no Chromium")
def test_the_page_draws_itself_and_reads_the_schema(stack: Stack) -> None:
    token = stack.tenant().token("server")
    assert _BROWSER is not None
    drawn = subprocess.run(
        [
            _BROWSER,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"{stack.base_url}/graphql#token={token}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert "CONSOLE" not in drawn.stderr, drawn.stderr  # nothing was refused by the page's policy
    assert "graphiql-query-editor" in drawn.stdout
    assert "graphiql-doc-explorer-root-type" in drawn.stdout  # told by the schema that it has read
