"""What the marketing desk has made, in the small book."""

from __future__ import annotations

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.programs.queries import Program
from loyalty.segments.queries import segment_by_key
from loyalty.segments.save import add_segment
from loyalty.segments.upload import upload
from tests.catalogue.listed import list_products, list_retailers
from tests.opened import AT


def desked(session: Session, program: Program) -> None:
    """A retailer, a product, and a list on which ann stands."""
    list_retailers(session, {"id": "r-1", "name": "R"})
    list_products(session, {"sku": "s-1", "name": "S"})
    by = By("eve", None, AT)
    add_segment(session, program, {"key": "vip", "name": "VIP", "condition": None}, by)
    vip = segment_by_key(session, program.id, "vip", lock=True)
    upload(session, program, vip, add=["ann"], remove=(), by=by)
