"""Purchases, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from loyalty.earning.explain import explain
from loyalty.earning.queries import Told, find, tell, tell_one
from loyalty.errors import NotFound
from loyalty.web.fields import Id
from loyalty.web.graphql.asking import Asking, Info, formed
from loyalty.web.graphql.catalogue import Product, Retailer, read_products, read_retailers
from loyalty.web.graphql.form import operation, part, told
from loyalty.web.graphql.members import Member, read_members
from loyalty.web.graphql.pages import DEFAULT_FIRST, arguments, rows_of
from loyalty.web.graphql.scalars import Points, Quantity
from loyalty.web.rest.earns import EarnListArgs

_FILTERS = EarnListArgs(exclude=["limit"])


@strawberry.enum(description="ACCEPTED: not judged yet. PARKED: goes on when the member may earn.")
class PurchaseStatus(StrEnum):
    """What becomes of a purchase."""

    ACCEPTED = "accepted"
    AWARDED = "awarded"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    PARKED = "parked"
    REJECTED = "rejected"
    FAILED = "failed"


@told
class Share:
    """What one promotion gave, or why it gave nothing."""

    promotion: str
    version: int
    base: str
    points: Points
    remainder: str
    multiplier: str | None
    would_be: Points | None
    left: Points | None
    why_not: str | None
    sentence: str

    @classmethod
    def of(cls, share: Mapping[str, Any]) -> Share:
        """The share as `explain` tells it."""
        return cls(
            promotion=share["promotion"],
            version=share["version"],
            base=share["base"],
            points=share["points"],
            remainder=share["remainder"],
            multiplier=share.get("multiplier"),
            would_be=share.get("would_be"),
            left=share.get("left"),
            why_not=share.get("why_not"),
            sentence=share["sentence"],
        )


@told
class Explanation:
    """Why a purchase gave its points, or none. `entries` are those of the statement."""

    sentence: str
    given: list[Share]
    entries: list[str]

    @classmethod
    def of(cls, why: Mapping[str, Any]) -> Explanation:
        """The explanation as `explain` tells it."""
        return cls(
            sentence=why["sentence"],
            given=[Share.of(share) for share in why.get("given", ())],
            entries=list(why.get("entries", ())),
        )


@told
class Line:
    """One line of a purchase; a discount is a line below zero."""

    line_id: str
    sku: str | None
    category: str | None
    brand: str | None
    quantity: Quantity
    amount: Decimal

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Line:
        """The line as it was stored."""
        return cls(
            line_id=item["line_id"],
            sku=item.get("sku"),
            category=item.get("category"),
            brand=item.get("brand"),
            quantity=Quantity(Decimal(item.get("quantity", 1))),
            amount=Decimal(item["amount"]),
        )

    @operation("products.read")
    def product(self, info: Info) -> Product | None:
        """What the catalogue knows of it."""
        return info.context.loader(read_products).get(self.sku) if self.sku else None


@told
class Purchase:
    """A purchase, visit or event, and what became of it.

    `points` were earned, also if returned since; `pointsCorrected` are more, or fewer, since it was
    worked out again.
    """

    id: strawberry.ID
    status: PurchaseStatus
    program: str
    source: str
    transaction_id: str
    member_id: str | None
    retailer_id: str | None
    kind: str
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    recorded_at: datetime
    awarded_at: datetime | None
    points: Points | None
    points_corrected: Points
    points_returned: Points
    reason: str | None
    detail: str | None
    park_ends_at: datetime | None
    bought: strawberry.Private[Told]

    @part
    def items(self) -> list[Line]:
        """Its lines, if it has any."""
        return [Line.of(item) for item in (self.bought.body or {}).get("items", ())]

    @part
    def explanation(self, info: Info) -> Explanation | None:
        """Why it gave its points, or none."""
        return info.context.loader(read_explanations).get(UUID(self.id))

    @operation("members.read")
    def member(self, info: Info) -> Member | None:
        """Who bought, as they stand now."""
        if self.member_id is None:
            return None
        return info.context.loader(read_members).get((self.program, self.member_id))

    @operation("retailers.read")
    def retailer(self, info: Info) -> Retailer | None:
        """Where it was, as the catalogue knows it."""
        named = self.retailer_id
        return info.context.loader(read_retailers).get(named) if named else None

    @classmethod
    def of(cls, bought: Told) -> Purchase:
        """The purchase as it is told."""
        return cls(
            id=strawberry.ID(str(bought.id)),
            status=PurchaseStatus(bought.status),
            program=bought.program,
            source=bought.source,
            transaction_id=bought.transaction_id,
            member_id=bought.whose,
            retailer_id=bought.retailer,
            kind=bought.kind,
            amount=bought.amount,
            currency=bought.currency,
            occurred_at=bought.occurred_at,
            recorded_at=bought.recorded_at,
            awarded_at=bought.awarded_at,
            points=None if bought.points is None else Points(bought.points),
            points_corrected=Points(bought.corrected),
            points_returned=Points(bought.returned),
            reason=bought.reason,
            detail=bought.detail,
            park_ends_at=bought.until,
            bought=bought,
        )


@told
class PurchasePage:
    """Purchases, newest first; `next` is `after` of the next page."""

    nodes: list[Purchase]
    next: str | None


def read_told(asking: Asking, ids: Collection[UUID]) -> Mapping[UUID, Told]:
    """The purchases of these ids, in one statement."""
    return {one.id: one for one in tell(asking.session, ids)}


def read_explanations(asking: Asking, ids: Collection[UUID]) -> Mapping[UUID, Explanation]:
    """Why these purchases gave what they gave, in one statement."""
    every = (asking.loader(read_told).get(one) for one in ids)
    purchases = [one for one in every if one is not None]
    why = zip(purchases, explain(asking.session, purchases), strict=True)
    return {one.id: Explanation.of(told) for one, told in why if told is not None}


def shown(asking: Asking, found: Sequence[Told]) -> list[Purchase]:
    """The purchases as they are told; what they name is read together, if it is asked for."""
    for one in found:
        asking.loader(read_told).put(one.id, one)
    asking.loader(read_explanations).expect(one.id for one in found)
    asking.loader(read_retailers).expect(one.retailer for one in found)
    asking.loader(read_members).expect((one.program, one.whose) for one in found if one.whose)
    asking.loader(read_products).expect(
        item.get("sku") for one in found for item in (one.body or {}).get("items", ())
    )
    return [Purchase.of(one) for one in found]


@told
class PurchaseQueries:
    """What was bought, and what it gave. Members see their own, bound keys what they told."""

    @operation("earns.read")
    def purchase(self, info: Info, id: strawberry.ID) -> Purchase | None:
        """A purchase."""
        asking, who = info.context, info.context.who
        bought = tell_one(asking.session, UUID(formed(Id.form, id)))
        if who.member_id not in {None, bought.whose} or not who.speaks_for_source(bought.source):
            raise NotFound(f"There is no purchase {id}.")
        [purchase] = shown(asking, [bought])
        return purchase

    @operation("earns.read")
    def purchases(
        self,
        info: Info,
        program: str,
        source: str | None = None,
        transaction_id: str | None = None,
        status: PurchaseStatus | None = None,
        member_id: str | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> PurchasePage:
        """The purchases of a program, newest first; every filter that is given must hold."""
        asking, who = info.context, info.context.who
        if who.member_id is not None:
            member_id = member_id or who.member_id
            who.require_member(member_id)
        asked = arguments(
            _FILTERS,
            source=source,
            transaction_id=transaction_id,
            status=status and status.value,
            member_id=member_id,
            after=after,
        )
        book, before = asking.program(program), asked.pop("after")
        rows, following = rows_of(
            asking,
            first,
            lambda most: find(
                asking.session, book.id, **asked, sources=who.sources, before=before, limit=most
            ),
            lambda row: row.id,
        )
        return PurchasePage(nodes=shown(asking, rows), next=following)
