"""The till's mutation: a purchase is taken as POST …/earns takes it, and waited for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from loyalty.earning.accept import Accepted as Stored
from loyalty.earning.accept import Earn, TransactionMismatch
from loyalty.earning.queries import Told
from loyalty.errors import Invalid
from loyalty.programs.cache import cached_program
from loyalty.tenants.principal import Principal
from loyalty.transaction import present, transaction
from loyalty.web.body import load
from loyalty.web.earn_schema import EARN, ItemSchema
from loyalty.web.fields import Slug
from loyalty.web.graphql.asking import Asking, Info, formed
from loyalty.web.graphql.form import given, operation, part, told
from loyalty.web.graphql.members import IdentifierInput, Member, read_members
from loyalty.web.graphql.pages import plain
from loyalty.web.graphql.purchases import (
    Purchase,
    PurchaseStatus,
    read_explanations,
    read_told,
    shown,
)
from loyalty.web.graphql.scalars import Points, Quantity
from loyalty.web.take import take
from loyalty.web.waiting import LONGEST_S, judged_within

DEFAULT_WAIT_S = 5

_PRODUCT = ("sku", "category", "brand", "quantity")
_ITEM = ItemSchema(exclude=["line_id", "amount"])
_AWARDED = {"awarded", "partly_returned", "returned"}


@strawberry.enum(description="What points or vouchers paid earns nothing.")
class PaymentKind(StrEnum):
    """How something was paid."""

    CARD = "card"
    CASH = "cash"
    POINTS = "points"
    VOUCHER = "voucher"


@given
class PaymentInput:
    """How a part of the amount was paid."""

    kind: PaymentKind
    amount: Decimal


@given
class ItemInput:
    """One line; a discount is a line below zero."""

    line_id: str
    amount: Decimal
    sku: str | None = UNSET
    category: str | None = UNSET
    brand: str | None = UNSET
    quantity: Quantity | None = UNSET


@given
class PurchaseInput:
    """A purchase: of one product (`sku` and what describes it), of `items`, or of an amount alone.

    The member is named by `memberId` or `identifier`. `items`, `tax` and `shipping` make `amount`.
    A key that is bound to one source need name neither `source` nor `retailer`: they are its own.
    """

    program: str
    transaction_id: str
    amount: Decimal
    currency: str
    occurred_at: datetime
    member_id: str | None = UNSET
    identifier: IdentifierInput | None = UNSET
    sku: str | None = UNSET
    category: str | None = UNSET
    brand: str | None = UNSET
    quantity: Quantity | None = UNSET
    items: list[ItemInput] | None = UNSET
    source: str | None = UNSET
    retailer: str | None = UNSET
    store: str | None = UNSET
    channel: str | None = UNSET
    tax: Decimal | None = UNSET
    shipping: Decimal | None = UNSET
    payments: list[PaymentInput] | None = UNSET
    attributes: JSON | None = UNSET


@strawberry.interface(description="A purchase that is stored: it is neither lost nor taken twice.")
class Taken:
    """What every stored purchase is answered with. `replayed`: it came before, as it is."""

    id: strawberry.ID
    replayed: bool

    @part
    def purchase(self, info: Info) -> Purchase:
        """The purchase itself."""
        [purchase] = shown(info.context, [_told(info.context, UUID(self.id))])
        return purchase


@told
class Accepted(Taken):
    """Stored, and its points are not known yet: not judged in time, parked, or failed (kept)."""

    status: PurchaseStatus
    reason: str | None = None
    detail: str | None = None


@told
class Awarded(Taken):
    """Judged: `points` were earned. `status` says if it has come back since."""

    status: PurchaseStatus
    points: Points

    @part
    def sentence(self, info: Info) -> str:
        """Why so many, in words."""
        why = info.context.loader(read_explanations).get(UUID(self.id))
        return why.sentence if why else ""

    @operation("members.read")
    def member(self, info: Info) -> Member | None:
        """Who bought, with the balance after it."""
        bought = _told(info.context, UUID(self.id))
        if bought.whose is None:
            return None
        return info.context.loader(read_members).get((bought.program, bought.whose))


@told
class Rejected(Taken):
    """Judged, and it earns nothing: `reason` is a code, `detail` says it in words."""

    reason: str | None
    detail: str | None


@told
class Conflict:
    """The same transaction id came before with other content, which is stored under `id`."""

    id: strawberry.ID
    code: str
    detail: str | None  # a till asks for it of all four in one document: they must be alike


PurchaseAnswer = Annotated[
    Accepted | Awarded | Rejected | Conflict,
    strawberry.union("PurchaseAnswer", description="What became of a purchase."),
]


@told
class PurchaseMutations:
    """What tills tell."""

    @operation("earns.create", acts=True)
    def purchase(
        self,
        info: Info,
        input: PurchaseInput,
        wait: int = DEFAULT_WAIT_S,
    ) -> PurchaseAnswer:
        """Credits a purchase by the promotions in force, once for each source and transaction id.

        Waits for the points up to `wait` seconds (0 to 10), so that the receipt can tell them.
        """
        asking, who = info.context, info.context.who
        if not 0 <= wait <= LONGEST_S:
            raise Invalid.field("/wait", "out_of_range", f"0 to {LONGEST_S} seconds are waited.")
        book = cached_program(who.tenant_id, formed(Slug.form, input.program), transaction)
        stored = take(who, book, earn_of(input, who), present(who.tenant_id))
        if not stored.same:
            detail = f"It is stored as {stored.id}, with other content."
            return Conflict(id=_id(stored), code=TransactionMismatch.code, detail=detail)
        if wait:
            judged_within(who.tenant_id, stored.id, asking.patience(wait))
        elif stored.fresh:
            return Accepted(id=_id(stored), replayed=False, status=PurchaseStatus.ACCEPTED)
        return _answer(_told(asking, stored.id), replayed=not stored.fresh)


def earn_of(asked: PurchaseInput, who: Principal) -> Earn:
    """The purchase as REST would have read it. Raises Invalid."""
    values = plain(asked)
    del values["program"]
    if who.sources is not None and len(who.sources) == 1:
        [own] = who.sources
        values = {"source": own, "retailer": own, **values}
    product = {name: values.pop(name) for name in _PRODUCT if name in values}
    earn: Earn = load(EARN, values)
    if not product:
        return earn
    body = dict(earn.body or {})
    if "items" in body:
        raise Invalid.field("/items", "one_of_two", "One product is told, or items: not both.")
    rest = sum((body.get(name, Decimal(0)) for name in ("tax", "shipping")), Decimal(0))
    line = {"line_id": "1", **load(_ITEM, product), "amount": (earn.amount or Decimal(0)) - rest}
    return replace(earn, body={**body, "items": [line]})


def _told(asking: Asking, purchase_id: UUID) -> Told:
    bought = asking.loader(read_told).get(purchase_id)
    if bought is None:
        raise LookupError(f"purchase {purchase_id} is stored and cannot be read")
    return bought


def _answer(bought: Told, *, replayed: bool) -> Accepted | Awarded | Rejected:
    name, status = strawberry.ID(str(bought.id)), PurchaseStatus(bought.status)
    if bought.status in _AWARDED:
        points = Points(bought.points or 0)
        return Awarded(id=name, replayed=replayed, status=status, points=points)
    if bought.status == "rejected":
        return Rejected(id=name, replayed=replayed, reason=bought.reason, detail=bought.detail)
    return Accepted(
        id=name, replayed=replayed, status=status, reason=bought.reason, detail=bought.detail
    )


def _id(stored: Stored) -> strawberry.ID:
    return strawberry.ID(str(stored.id))
