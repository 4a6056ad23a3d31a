"""Many at once: what is new is added, what differs is changed, the rest is left alone."""

from __future__ import annotations

import threading
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loyalty.audit.queries import records
from loyalty.catalogue.find import item
from loyalty.catalogue.models import ProductRow
from loyalty.transaction import transaction
from tests.catalogue.listed import list_products, list_retailers
from tests.tenant import TestTenant

RYE = {"sku": "s-1", "name": "Rye", "price": Decimal("2.5"), "currency": "USD"}


def test_each_row_is_told_what_became_of_it(session: Session) -> None:
    assert list_products(session, RYE) == {"s-1": "created"}
    again = list_products(session, RYE, {"sku": "s-2", "name": "Bag"})
    assert again == {"s-1": "unchanged", "s-2": "created"}
    assert list_products(session, {**RYE, "price": Decimal("2.50")}) == {"s-1": "unchanged"}
    assert item(session, ProductRow, "s-1").version == 1
    assert list_products(session, {**RYE, "price": Decimal(3)}) == {"s-1": "updated"}
    session.expire_all()
    changed = item(session, ProductRow, "s-1")
    assert (changed.version, changed.price, changed.name) == (2, Decimal(3), "Rye")


def test_what_a_row_leaves_out_is_taken_away(session: Session) -> None:
    list_products(session, RYE)
    list_products(session, {"sku": "s-1", "name": "Rye"})
    assert item(session, ProductRow, "s-1").price is None


def test_who_did_it_is_written_down_once_and_only_for_a_change(session: Session) -> None:
    list_retailers(session, {"id": "a", "name": "A"}, {"id": "b", "name": "B"})
    list_retailers(session, {"id": "a", "name": "A"})
    [told] = records(session, None, 10)
    assert (told.act, told.subject) == ("retailer.upsert", "retailers")
    assert told.after == {"created": 2, "updated": 0}


def test_two_at_once_in_opposite_order_end_with_each_row_once(tenant: TestTenant) -> None:
    rows = [{"sku": f"s-{number:03}", "name": "x"} for number in range(500)]
    start = threading.Barrier(2)
    outcomes: list[dict[str, str]] = []

    def put(mine: list[dict[str, str]]) -> None:
        start.wait()
        with transaction(tenant.id) as session:
            outcomes.append(list_products(session, *mine))

    threads = [threading.Thread(target=put, args=(mine,)) for mine in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [one for outcome in outcomes for one in outcome.values()]
    assert (told.count("created"), told.count("unchanged")) == (500, 500)
    with transaction(tenant.id) as session:
        assert session.scalar(select(func.count()).select_from(ProductRow)) == 500
