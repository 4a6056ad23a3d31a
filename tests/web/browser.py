"""A real browser that reaches no host but ours."""

from __future__ import annotations

import shutil
import subprocess

import pytest

_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

needed = pytest.mark.skipif(_BROWSER is None, reason="there is no Chromium")


def drawn(url: str) -> str:
    """What a page has become, once its scripts have run. Fails if the console says anything."""
    assert _BROWSER is not None
    done = subprocess.run(
        [
            _BROWSER,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert "CONSOLE" not in done.stderr, done.stderr  # nothing was refused by the page's policy
    return done.stdout
