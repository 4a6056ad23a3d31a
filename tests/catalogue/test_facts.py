"""What a batch of purchases names is looked up in one statement, within one tenant."""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.orm import Session

from loyalty.catalogue.queries import facts_of
from loyalty.catalogue.rules import Catalogue, Product, Retailer
from tests.catalogue.listed import list_products, list_retailers


def test_a_batch_is_told_in_one_statement(session: Session) -> None:
    list_retailers(
        session, {"id": "r-1", "name": "North", "region": "north", "time_zone": "Europe/Oslo"}
    )
    list_products(
        session,
        {"sku": "s-1", "name": "Rye", "category": "food/bread", "brand": "Mill"},
        {"sku": "s-2", "name": "Bag"},
    )
    statements: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = facts_of(session, ["r-1", "r-2", None, "r-1"], ["s-2", "s-1", "s-3", None])
    assert len(statements) == 1
    assert found == Catalogue(
        {"r-1": Retailer("r-1", "North", "north", "Europe/Oslo")},
        {
            "s-1": Product("s-1", "Rye", "Mill", ("food/bread", "food")),
            "s-2": Product("s-2", "Bag"),
        },
    )


def test_who_names_nothing_asks_nothing(session: Session) -> None:
    statements: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert facts_of(session, [None], []) == Catalogue()
    assert not statements
