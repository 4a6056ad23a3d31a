"""One retailer or product is added, changed or taken out, and it is written down who did it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.catalogue.find import Item, item
from loyalty.catalogue.models import ProductRow, RetailerRow
from loyalty.clock import wall_clock
from loyalty.errors import Conflict, Invalid
from loyalty.tenants.revoke_key import revoke_keys_of_source


class AlreadyListed(Conflict):
    """409: the id or SKU is taken."""

    code = "already_listed"
    title = "The catalogue has one of this name already"
    cure = "Change the one that is there, or choose another id."


def add(
    session: Session,
    kind: type[Item],
    values: Mapping[str, Any],
    by: By,
) -> Item:
    """Adds one. Raises AlreadyListed, Invalid for a price without its currency."""
    check_price(values)
    added: Item | None = session.scalar(
        insert_or_not(kind)
        .values(tenant_id=session.info["tenant_id"], created_at=by.at, **values)
        .on_conflict_do_nothing()
        .returning(kind)
    )
    key = values[kind.KEY]
    if added is None:
        raise AlreadyListed(f"There is a {kind.NOUN} {key!r} already.")
    record(
        session,
        by,
        act=f"{kind.NOUN}.add",
        subject=f"{kind.NOUN} {key}",
        after=told(added),
    )
    return added


def change(
    session: Session,
    present: Item,
    patch: Mapping[str, Any],
    by: By,
) -> Item:
    """Applies a merge patch to one that was read with `lock`; what is null is taken away.

    Raises Invalid for a price without its currency.
    """
    kind = type(present)
    before = told(present)
    check_price({**{name: getattr(present, name) for name in kind.VALUES}, **patch})
    for name, value in patch.items():
        setattr(present, name, value)
    present.version += 1
    session.flush()
    key = getattr(present, kind.KEY)
    record(
        session,
        by,
        act=f"{kind.NOUN}.change",
        subject=f"{kind.NOUN} {key}",
        before=before,
        after=told(present),
    )
    return present


def remove(
    session: Session,
    kind: type[Item],
    key: str,
    by: By,
) -> Item:
    """Takes one out: from now on it is unknown. A retailer's own keys end with it.

    Raises NotFound.
    """
    gone = item(session, kind, key, lock=True)
    session.delete(gone)
    session.flush()
    ended: list[UUID] = []
    if kind is RetailerRow:
        ended = revoke_keys_of_source(session, key, wall_clock())  # by the world's clock
    record(
        session,
        by,
        act=f"{kind.NOUN}.remove",
        subject=f"{kind.NOUN} {key}",
        before=told(gone),
        after={"revoked_keys": [str(one) for one in ended]} if ended else None,
    )
    return gone


def check_price(values: Mapping[str, Any]) -> None:
    """Raises Invalid when a price has no currency, or a currency no price."""
    for name, other in (("currency", "price"), ("price", "currency")):
        if values.get(other) is not None and values.get(name) is None:
            raise Invalid.field(f"/{name}", "required", "A price has a currency.")


def told(present: RetailerRow | ProductRow) -> dict[str, Any]:
    """What an audit record keeps."""
    return {name: _told(getattr(present, name)) for name in present.VALUES}


def plain(value: object) -> str:
    """Money as orjson writes it: its digits."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    raise TypeError(type(value).__name__)


def _told(value: object) -> object:
    return plain(value) if isinstance(value, Decimal) else value
