"""Mail templates: what members are written, by kind and language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from flask import Response

from loyalty.clock import now
from loyalty.errors import NotFound
from loyalty.notifications.default_words import DEFAULTS, SAMPLES
from loyalty.notifications.models import TemplateRow
from loyalty.notifications.queries import find_template, own_templates
from loyalty.notifications.rules import Kind
from loyalty.notifications.save_template import remove_template, save_template
from loyalty.notifications.words import Values, Words, check, fill
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.mail_schema import (
    MailDraftSchema,
    MailPreviewSchema,
    MailTemplateSchema,
    MailTemplatesSchema,
    MailWordsSchema,
    words_of,
)
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource

mail_templates = Resource("mail_templates", description="What members are written, in your words.")
_ONE = "/mail-templates/<mail:kind>/<language:language>"


@mail_templates.route("/mail-templates", methods=["GET"])
@allow("mail_templates.read")
@mail_templates.response(200, MailTemplatesSchema)
def browse() -> dict[str, Any]:
    """List every kind of mail in every language that there are words in."""
    with transaction(tenant()) as session:
        own = {(Kind(row.kind), row.language): row.subject for row in own_templates(session)}
    house = {
        (kind, language): words.subject
        for kind, known in DEFAULTS.items()
        for language, words in known.items()
    }
    told = [
        {"kind": kind, "language": language, "own": (kind, language) in own, "subject": subject}
        for (kind, language), subject in sorted({**house, **own}.items())
    ]
    return {"data": told}


@mail_templates.route(_ONE, methods=["GET"])
@allow("mail_templates.read")
@mail_templates.response(200, MailTemplateSchema)
def read(kind: Kind, language: str) -> Response:
    """Tell the words: the tenant's own, or else those of the house."""
    with transaction(tenant()) as session:
        return _told(kind, language, find_template(session, kind, language))


@mail_templates.route(_ONE, methods=["PUT"])
@allow("mail_templates.change")
@mail_templates.conditional()
@mail_templates.arguments(MailWordsSchema)
@mail_templates.response(200, MailTemplateSchema)
def replace(wanted: dict[str, Any], kind: Kind, language: str) -> Response:
    """Give the mail words of your own; they are tried with an example first."""
    with transaction(tenant()) as session:
        present = find_template(session, kind, language, lock=True)
        if_match(present.version if present else 0)
        saved = save_template(session, kind, language, words_of(wanted), acting(now(session)))
        return _told(kind, language, saved)


@mail_templates.route(_ONE, methods=["DELETE"])
@allow("mail_templates.change")
@mail_templates.response(200, MailTemplateSchema)
def delete(kind: Kind, language: str) -> Response:
    """Take your own words away: the mail has those of the house again, if there are some."""
    with transaction(tenant()) as session:
        gone = remove_template(session, kind, language, acting(now(session)))
        return _told(kind, language, gone)


@mail_templates.route(f"{_ONE}/preview", methods=["POST"])
@allow("mail_templates.read")
@mail_templates.arguments(MailDraftSchema)
@mail_templates.response(200, MailPreviewSchema)
def preview(draft: dict[str, Any], kind: Kind, language: str) -> dict[str, Any]:
    """Show the mail as an example of a member would get it; nothing is kept or sent."""
    with transaction(tenant()) as session:
        present = _words(kind, language, find_template(session, kind, language), draft)
    check(present, *SAMPLES[kind])
    return asdict(fill(present, SAMPLES[kind][0]))


def _words(
    kind: Kind, language: str, row: TemplateRow | None, draft: dict[str, Any] | None = None
) -> Words:
    """The words as they stand, with those of the draft in their place. Raises NotFound."""
    house = DEFAULTS[kind].get(language)
    if row is not None:
        present = {"subject": row.subject, "text": row.text, "html": row.html}
    elif house is not None:
        present = {"subject": house.subject, "text": house.text, "html": house.html}
    elif draft and {"subject", "text"} <= draft.keys():
        present = {"html": None}
    else:
        raise NotFound(f"There are no words for {kind} in {language}.")
    return words_of({**present, **(draft or {})})


def _told(kind: Kind, language: str, row: TemplateRow | None) -> Response:
    told = {
        "kind": kind,
        "language": language,
        "own": row is not None,
        **asdict(_words(kind, language, row)),
        "names": sorted(_names(SAMPLES[kind][0])),
        "version": row.version if row else 0,
    }
    return json_answer(told, headers={"ETag": etag(row.version if row else 0)})


def _names(values: Values) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from (f"{name}.{part}" for part in value)
        else:
            yield name
