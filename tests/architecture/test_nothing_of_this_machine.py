"""What is in the repository works elsewhere: no path of a machine, no package registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture import sources

_PATHS = re.compile(r"(?<![\w.])/(home|Users|root|workspace|work)/\w+|(?<![\w.])/tmp/\w+")
_REGISTRIES = re.compile(
    r"pypi\.(org|python\.org)|pythonhosted\.org|--(extra-)?index-url|find-links", re.IGNORECASE
)
_PICTURES = {".png", ".ico"}


@pytest.mark.parametrize("form", [_PATHS, _REGISTRIES], ids=["paths", "registries"])
def test_no_file_names_it(form: re.Pattern[str]) -> None:
    assert [
        f"{path}: {found[0]}"
        for path in sources.files()
        if path.suffix not in _PICTURES and path.name != Path(__file__).name
        for found in form.finditer(sources.text(path))
    ] == []
