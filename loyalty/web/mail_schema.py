"""How mail templates come in, and how they and mails are told."""

from __future__ import annotations

from typing import Any

from loyalty.notifications.models import NotificationRow
from loyalty.notifications.rules import Kind
from loyalty.notifications.words import LONGEST_HTML, LONGEST_SUBJECT, LONGEST_TEXT, Words
from loyalty.web.fields import (
    Choice,
    Flag,
    Id,
    Instant,
    Integer,
    Language,
    ListOf,
    MemberId,
    Part,
    Schema,
    Text,
)

KINDS = tuple(Kind)
STATUSES = ("waiting", "sending", "sent", "unknown", "failed", "skipped")
_MOST_TEMPLATES = 1000
_MOST_NAMES = 50
_LONGEST_FILLED = 400_000


class MailWordsSchema(Schema):
    """The words of a mail, as Jinja2 templates: names, conditions and filters alone."""

    subject = Text(most=LONGEST_SUBJECT, required=True)
    text = Text(most=LONGEST_TEXT, required=True)
    html = Text(
        most=LONGEST_HTML,
        load_default=None,
        allow_none=True,
        metadata={"description": "null: plain text alone. Values are escaped in it."},
    )


class MailDraftSchema(Schema):
    """Words to be tried; what is left out is as it stands."""

    subject = Text(most=LONGEST_SUBJECT)
    text = Text(most=LONGEST_TEXT)
    html = Text(most=LONGEST_HTML, allow_none=True)


class MailTemplateSchema(Schema):
    """The words of one kind of mail in one language; `own`: the tenant's, not the house's."""

    kind = Choice(KINDS, required=True)
    language = Language(required=True)
    own = Flag(required=True)
    subject = Text(most=LONGEST_SUBJECT, required=True)
    text = Text(most=LONGEST_TEXT, required=True)
    html = Text(most=LONGEST_HTML, required=True, allow_none=True)
    names = ListOf(
        Text(),
        most=_MOST_NAMES,
        required=True,
        metadata={"description": "What the words may name: `tier.name`."},
    )
    version = Integer(required=True, metadata={"description": "0: of the house."})


class ListedMailTemplateSchema(Schema):
    """A template, without its words."""

    kind = Choice(KINDS, required=True)
    language = Language(required=True)
    own = Flag(required=True)
    subject = Text(most=LONGEST_SUBJECT, required=True)


class MailTemplatesSchema(Schema):
    """Every kind of mail in every language that there are words in."""

    data = ListOf(Part(ListedMailTemplateSchema), most=_MOST_TEMPLATES, required=True)


class MailPreviewSchema(Schema):
    """A mail as an example of a member would get it."""

    subject = Text(least=0, most=LONGEST_SUBJECT, required=True)
    text = Text(least=0, most=_LONGEST_FILLED, required=True)
    html = Text(least=0, most=_LONGEST_FILLED, required=True, allow_none=True)


class SentMailSchema(Schema):
    """One mail about one cause. `unknown`: it was handed over, and nobody knows whether taken."""

    id = Id(required=True)
    kind = Choice(KINDS, required=True)
    cause = Text(required=True)
    status = Choice(STATUSES, required=True)
    reason = Text(most=400, required=True, allow_none=True)
    tries = Integer(required=True)
    created_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class WantsMailSchema(Schema):
    """Whether the member gets mail of this program."""

    subscribed = Flag(required=True)


class MailSubscriptionSchema(WantsMailSchema):
    """Whether a member gets mail of this program."""

    member_id = MemberId(required=True)


def words_of(wanted: dict[str, Any]) -> Words:
    """The words that came in by MailWordsSchema."""
    return Words(wanted["subject"], wanted["text"], wanted["html"])


_MAIL = SentMailSchema()


def shown_mail(row: NotificationRow) -> dict[str, Any]:
    """The mail as SentMailSchema says."""
    shown: dict[str, Any] = _MAIL.dump(row)
    return shown
