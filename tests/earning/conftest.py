"""Committed purchases, with nobody about who would judge or sweep them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.elsewhere import database_alone
from tests.servers import Own


@pytest.fixture(scope="module")
def alone(database: Own) -> Iterator[str]:
    """The name of a database of the module's own, with a Redis of its own."""
    with database_alone(database) as name:
        yield name
