"""Committed purchases and returns, with nobody about who would settle or sweep them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.elsewhere import database_alone
from tests.servers import Own


@pytest.fixture(scope="module")
def alone(database: Own) -> Iterator[None]:
    """A database and a Redis of the module's own."""
    with database_alone(database):
        yield
