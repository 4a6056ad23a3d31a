"""What the pages say is answered, is answered.

`make docs` runs the same and writes the answers into the pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import sources
from tests.docs.examples import (
    comparable,
    environment,
    examples,
    loyalty_command,
    run,
    shown,
    write,
)
from tests.stack import Stack

_PAGES = [
    path for path in sources.files() if path.suffix == ".md" and examples(sources.ROOT / path)
]


def _curl_knows_json() -> bool:
    """Since 7.82 of 2022."""
    if shutil.which("curl") is None:
        return False
    told = subprocess.run(["curl", "--help", "all"], capture_output=True, text=True, check=True)
    return "--json " in told.stdout


def test_there_are_examples() -> None:
    assert len(_PAGES) >= 5


@pytest.mark.skipif(not _curl_knows_json(), reason="the pages use curl 7.82 or newer")
@pytest.mark.timeout(300)  # every `loyalty` on a page is a process that loads the house
@pytest.mark.parametrize("path", _PAGES, ids=str)
def test_a_page_is_true(path: Path, stack: Stack, tmp_path: Path) -> None:
    page = sources.ROOT / path
    tenant = stack.tenant().slug
    if "--tenant demo" in page.read_text():
        tenant = "demo"
        show = "import sys; from loyalty.cli import demo; demo.show(sys.argv[1])"
        demo = [sys.executable, "-c", show, stack.base_url]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
    command = loyalty_command(tmp_path, tenant)
    printed = run(page, environment(stack.base_url, command), tmp_path)
    if os.environ.get("WRITE_DOCS"):
        write(page, printed)
    for example, said in zip(examples(page), printed, strict=True):
        if example.span is not None:
            assert comparable(shown(example.language, said)) == comparable(example.answer)
