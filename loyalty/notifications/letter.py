"""A mail as it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from uuid import UUID

from loyalty.config import MailServer
from loyalty.notifications.rules import one_line
from loyalty.notifications.words import Words

#: Plain ASCII on the wire, whatever the words are; links in headers are not folded.
_WIRE = policy.SMTP.clone(cte_type="7bit")
_HEADERS = _WIRE.clone(max_line_length=998)


@dataclass(frozen=True, slots=True)
class Letter:
    """Whom a mail is for, and all of it. `to` is an address that loyalty.notifications.rules let
    through."""

    id: UUID
    to: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written on a mail besides its words."""

    id: UUID
    to: str
    program: str
    reply_to: str | None
    language: str
    unsubscribe_url: str
    at: datetime  # the world's


def letter(server: MailServer, sheet: Sheet, words: Words) -> Letter:
    """The mail. Its id is its Message-ID, so that a receiver too can tell it from another."""
    message = EmailMessage(policy=_WIRE)
    message["Subject"] = words.subject
    message["From"] = formataddr((one_line(sheet.program), server.sender))
    message["To"] = sheet.to
    if sheet.reply_to:
        message["Reply-To"] = sheet.reply_to
    message["Date"] = format_datetime(sheet.at)
    message["Message-ID"] = f"<{sheet.id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    # RFC 8058: a mail program may ask for it with one click, by POST; a GET only shows a page.
    message["List-Unsubscribe"] = f"<{sheet.unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(words.text)
    if words.html is not None:
        message.add_alternative(words.html, subtype="html")
    message["Content-Language"] = sheet.language
    return Letter(sheet.id, sheet.to, message.as_bytes(policy=_HEADERS))
