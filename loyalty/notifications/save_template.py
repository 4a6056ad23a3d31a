"""A tenant gives a mail words of its own, or takes them back."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, NotFound
from loyalty.notifications.default_words import SAMPLES
from loyalty.notifications.models import TemplateRow
from loyalty.notifications.queries import find_template, own_templates
from loyalty.notifications.rules import Kind
from loyalty.notifications.words import Words, check

MOST_LANGUAGES = 50


class TooManyLanguages(Conflict):
    """409: there are words in so many languages already."""

    code = "too_many_languages"
    title = "This mail has too many languages"
    cure = f"Take one away first: there are {MOST_LANGUAGES} at most."


def save_template(session: Session, kind: Kind, language: str, words: Words, by: By) -> TemplateRow:
    """From now on the mail has these words. Raises Invalid, TooManyLanguages."""
    check(words, *SAMPLES[kind])
    before = find_template(session, kind, language, lock=True)
    if before is None and len(own_templates(session, kind)) >= MOST_LANGUAGES:
        raise TooManyLanguages(f"There are {MOST_LANGUAGES}.")
    told = _told(before) if before is not None else None
    own = {"subject": words.subject, "text": words.text, "html": words.html, "changed_at": by.at}
    key = {"tenant_id": session.info["tenant_id"], "kind": kind, "language": language}
    saved = session.scalars(
        insert(TemplateRow)
        .values(**key, **own)
        .on_conflict_do_update(
            index_elements=["tenant_id", "kind", "language"],
            set_={**own, "version": TemplateRow.version + 1},
        )
        .returning(TemplateRow),
        execution_options={"populate_existing": True},
    ).one()
    _record(session, "mail_template.save", saved, before=told, after=_told(saved), by=by)
    return saved


def remove_template(session: Session, kind: Kind, language: str, by: By) -> TemplateRow:
    """The mail has the words of the house again. Raises NotFound."""
    gone = find_template(session, kind, language, lock=True)
    if gone is None:
        raise NotFound(f"There are no own words for {kind} in {language}.")
    session.execute(
        delete(TemplateRow).where(
            TemplateRow.tenant_id == session.info["tenant_id"],
            TemplateRow.kind == kind,
            TemplateRow.language == language,
        )
    )
    _record(session, "mail_template.remove", gone, before=_told(gone), after=None, by=by)
    return gone


def _record(
    session: Session,
    act: str,
    row: TemplateRow,
    *,
    before: dict[str, str | None] | None,
    after: dict[str, str | None] | None,
    by: By,
) -> None:
    record(
        session,
        by,
        act=act,
        subject=f"mail template {row.kind}/{row.language}",
        before=before,
        after=after,
    )


def _told(row: TemplateRow) -> dict[str, str | None]:
    return {"subject": row.subject, "text": row.text, "html": row.html}
