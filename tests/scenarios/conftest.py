"""Each story has a tenant of its own, and a program "wine" in which 1 USD is 1 point."""

from __future__ import annotations

import pytest

from tests.scenarios.door import Door, opened_door
from tests.stack import Stack


@pytest.fixture
def sandbox(stack: Stack) -> Door:
    """An admin of a sandbox, whose clock `advance` moves; what time does is done at once."""
    stack.sweeper.start()
    return opened_door(stack, sandbox=True)


@pytest.fixture
def door(stack: Stack) -> Door:
    """An admin of a tenant with the program "wine"."""
    door = opened_door(stack)
    door.open_program("wine")
    return door
