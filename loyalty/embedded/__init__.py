"""Postgres and Valkey from their wheels: real servers for `loyalty up` and for the tests."""

from loyalty.embedded.folder import claim
from loyalty.embedded.postgres import Postgres
from loyalty.embedded.process import CannotStart
from loyalty.embedded.valkey import Valkey

__all__ = ["CannotStart", "Postgres", "Valkey", "claim"]
