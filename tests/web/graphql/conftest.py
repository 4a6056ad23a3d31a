"""Ways in."""

from __future__ import annotations

import pytest

from tests.web.graphql.asked import Graph
from tests.web.rest.caller import Caller
from tests.web.rest.conftest import call, stranger, wine

__all__ = ["call", "stranger", "wine"]


@pytest.fixture
def graph(wine: Caller) -> Graph:
    """A tenant with the program "wine", in which ann is enrolled."""
    return Graph(wine)
