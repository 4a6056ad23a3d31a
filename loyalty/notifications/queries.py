"""Reads of templates, and of the mails of a member."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.notifications.default_words import DEFAULTS, FALLBACK
from loyalty.notifications.models import NotificationRow, TemplateRow
from loyalty.notifications.rules import Kind, languages
from loyalty.notifications.words import Words


def find_template(
    session: Session, kind: Kind, language: str, *, lock: bool = False
) -> TemplateRow | None:
    """The tenant's own words; with `lock`, nobody else can change them."""
    query = select(TemplateRow).where(
        TemplateRow.tenant_id == session.info["tenant_id"],
        TemplateRow.kind == kind,
        TemplateRow.language == language,
    )
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def own_templates(session: Session, kind: Kind | None = None) -> Sequence[TemplateRow]:
    """The tenant's own words of one kind or of all, in the order of kind and language."""
    query = select(TemplateRow).where(TemplateRow.tenant_id == session.info["tenant_id"])
    if kind is not None:
        query = query.where(TemplateRow.kind == kind)
    return session.scalars(query.order_by(TemplateRow.kind, TemplateRow.language)).all()


def words_for(session: Session, kind: Kind, *wished: object) -> tuple[str, Words]:
    """The words in the first of the wished languages that there are some in, and which that is.

    In each language the tenant's own come before those of the house.
    """
    order = languages(*wished, FALLBACK)
    found = session.scalars(
        select(TemplateRow).where(
            TemplateRow.tenant_id == session.info["tenant_id"],
            TemplateRow.kind == kind,
            TemplateRow.language.in_(order),
        )
    )
    own = {row.language: row for row in found}
    for language in order:
        if (row := own.get(language)) is not None:
            return language, Words(row.subject, row.text, row.html)
        if (words := DEFAULTS[kind].get(language)) is not None:
            return language, words
    raise LookupError(f"There are no words for {kind} in {FALLBACK}.")


def notifications_of(
    session: Session, membership_id: int, *, before: UUID | None, limit: int
) -> Sequence[NotificationRow]:
    """The mails about a membership, newest first, from before the id `before`."""
    query = select(NotificationRow).where(
        NotificationRow.tenant_id == session.info["tenant_id"],
        NotificationRow.membership_id == membership_id,
    )
    if before is not None:
        query = query.where(NotificationRow.id < before)
    return session.scalars(query.order_by(NotificationRow.id.desc()).limit(limit)).all()
