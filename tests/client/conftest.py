"""A shop's client: a tenant of its own with the program "wine", in which 1 USD is 1 point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loyalty_client import Loyalty, NewMember, Program
from tests.scenarios.door import Door, opened_door
from tests.stack import Stack


@pytest.fixture
def door(stack: Stack) -> Door:
    """An admin of the tenant."""
    door = opened_door(stack)
    door.open_program("wine")
    return door


@pytest.fixture
def loyalty(door: Door) -> Iterator[Loyalty]:
    """A client that may do everything."""
    with Loyalty(door.base_url, door.token) as loyalty:
        yield loyalty


@pytest.fixture
def wine(loyalty: Loyalty) -> Program:
    """The program, in which ada is enrolled."""
    wine = loyalty.program("wine")
    wine.enrol(NewMember("ada"))
    return wine
