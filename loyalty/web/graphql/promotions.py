"""Promotions: what purchases are worth, now and before."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry
from strawberry.scalars import JSON

from loyalty.promotions import desk
from loyalty.promotions.desk import DeskVersion, promotion_by_key
from loyalty.web.fields import Slug
from loyalty.web.graphql.asking import Info, formed
from loyalty.web.graphql.form import operation, told
from loyalty.web.graphql.pages import DEFAULT_FIRST, arguments, rows_of
from loyalty.web.lists import ListByNumber

_PAGE = ListByNumber(exclude=["limit"])


@strawberry.enum(description="PUBLISHED: in force, or going to be.")
class PromotionStatus(StrEnum):
    """What becomes of a promotion, and of each version."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ENDED = "ended"


@told
class PromotionVersion:
    """In force from `startsAt` until before `endsAt`, null is open. `rule` is as REST tells it."""

    version: int
    status: PromotionStatus
    starts_at: datetime | None
    ends_at: datetime | None
    published_at: datetime | None
    rule: JSON

    @classmethod
    def of(cls, version: DeskVersion, at: datetime) -> PromotionVersion:
        """The version as it is told at an instant."""
        return cls(
            version=version.number,
            status=PromotionStatus(version.status(at)),
            starts_at=version.starts_at,
            ends_at=version.ends_at,
            published_at=version.published_at,
            rule=JSON(version.rule),
        )


@told
class Promotion:
    """`current` is in force, or comes next, or was the last; `standing`: it is the earn rate."""

    key: str
    name: str
    standing: bool
    status: PromotionStatus
    current: PromotionVersion | None
    draft: PromotionVersion | None
    created_at: datetime

    @classmethod
    def of(cls, promotion: desk.Promotion, at: datetime) -> Promotion:
        """The promotion as it is told at an instant."""
        current, draft = promotion.current(at), promotion.draft
        return cls(
            key=promotion.key,
            name=promotion.name,
            standing=promotion.standing,
            status=PromotionStatus(promotion.status(at)),
            current=PromotionVersion.of(current, at) if current else None,
            draft=PromotionVersion.of(draft, at) if draft else None,
            created_at=promotion.created_at,
        )


@told
class PromotionPage:
    """Promotions, newest first; `next` is `after` of the next page."""

    nodes: list[Promotion]
    next: str | None


@told
class PromotionQueries:
    """What purchases are worth."""

    @operation("promotions.read")
    def promotion(self, info: Info, program: str, key: str) -> Promotion | None:
        """A promotion."""
        asking = info.context
        book = asking.program(program)
        return Promotion.of(
            promotion_by_key(asking.session, book.id, formed(Slug.form, key)), asking.at
        )

    @operation("promotions.read")
    def promotions(
        self, info: Info, program: str, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> PromotionPage:
        """The promotions of a program, newest first."""
        asking = info.context
        book, before = asking.program(program), arguments(_PAGE, after=after)["after"]
        rows, following = rows_of(
            asking,
            first,
            lambda most: desk.promotions(asking.session, book.id, before=before, limit=most),
            lambda row: row.id,
        )
        return PromotionPage(nodes=[Promotion.of(row, asking.at) for row in rows], next=following)
