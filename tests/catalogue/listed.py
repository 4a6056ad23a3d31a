"""A catalogue for tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.catalogue.models import ProductRow, RetailerRow
from loyalty.catalogue.upsert import upsert
from tests.opened import AT

_RETAILER = {"region": None, "time_zone": None}
_PRODUCT = {"category": None, "brand": None, "price": None, "currency": None}


def list_retailers(session: Session, *rows: dict[str, Any]) -> dict[str, str]:
    """Adds or changes retailers; tells what became of each."""
    whole = [_RETAILER | row for row in rows]
    return upsert(session, RetailerRow, whole, By("test", None, AT))


def list_products(session: Session, *rows: dict[str, Any]) -> dict[str, str]:
    """Adds or changes products; tells what became of each."""
    whole = [_PRODUCT | row for row in rows]
    return upsert(session, ProductRow, whole, By("test", None, AT))
