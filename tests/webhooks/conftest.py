"""Webhooks of a committed tenant, and a receiver on loopback that may be called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from loyalty import outbound
from loyalty.config import config
from loyalty.webhooks import save
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture(autouse=True)
def inside(database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting for a house whose partners are inside it."""
    private = replace(config(), private_addresses=True)
    for room in (outbound, save):
        monkeypatch.setattr(room, "config", lambda: private)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that is told."""
    with receiving() as receiver:
        yield receiver
