"""Mail is handed to an SMTP server, one after the other over one connection. No session here.

What the server says decides: accepted, not now, never. When it says nothing after it was given
the whole mail, nobody knows, and nobody may try again: at most once.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal

from loyalty.config import MailServer
from loyalty.notifications.letter import Letter

_OK, _NEVER = 2, 5  # the first digit of an answer; 4 is: not now
_GOING = 421  # the server ends the connection: too many mails over one, say
_LONGEST_REASON = 300
#: What a server or the network between may do to us.
_TROUBLE = (OSError, smtplib.SMTPException)


class Unreachable(Exception):
    """The server cannot be spoken to, or not as we may: no mail was tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail, and what the server said. `later`: it has not been accepted."""

    became: Literal["sent", "later", "failed", "unknown"]
    said: str = ""


@contextmanager
def post_office(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and signed in as the settings ask. Raises Unreachable."""
    try:
        smtp = _connected(server)
    except _TROUBLE as error:
        raise Unreachable(said(error)) from error
    try:
        yield smtp
    finally:
        with suppress(*_TROUBLE):
            smtp.quit()
        smtp.close()


def _connected(server: MailServer) -> smtplib.SMTP:
    ours = server.sender.rpartition("@")[2]
    smtp: smtplib.SMTP
    if server.security == "tls":
        smtp = smtplib.SMTP_SSL(
            server.host, server.port, ours, timeout=server.timeout_s, context=_trust(server)
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, ours, timeout=server.timeout_s)
    try:
        if server.security == "starttls":
            smtp.starttls(context=_trust(server))  # raises where the server offers none
        if server.user:
            smtp.login(server.user, server.password)
        smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _trust(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


def hand_in(smtp: smtplib.SMTP, sender: str, letter: Letter) -> Outcome:
    """Gives one mail to the server. Never raises for what a server or a network may do."""
    outcome = _hand_in(smtp, sender, letter)
    # Servers like to repeat whom they refuse; an address is nobody's business but the member's.
    return replace(outcome, said=outcome.said.replace(letter.to, "<address>"))


def _hand_in(smtp: smtplib.SMTP, sender: str, letter: Letter) -> Outcome:
    try:
        code, answer = smtp.mail(sender)
        if code // 100 != _OK:  # the sender, which is a setting: other mail would fare no better
            smtp.close()
            return Outcome("later", f"{code} {_text(answer)}")
        code, answer = smtp.rcpt(letter.to)
        if code // 100 != _OK:
            return _refused(smtp, code, answer)
    except _TROUBLE as error:
        return Outcome("later", said(error))
    try:
        code, answer = smtp.data(letter.content)
    except smtplib.SMTPResponseException as error:  # it did not want the content
        return _refused(smtp, error.smtp_code, error.smtp_error)
    except _TROUBLE as error:
        return Outcome("unknown", said(error))
    if code // 100 != _OK:
        return _refused(smtp, code, answer)
    return Outcome("sent", _text(answer))


def is_open(smtp: smtplib.SMTP) -> bool:
    """Whether the next mail can go over this connection."""
    return smtp.sock is not None


def _refused(smtp: smtplib.SMTP, code: int, answer: bytes | str) -> Outcome:
    if code == _GOING:
        smtp.close()  # this one has not been taken, and the next would not be either
    else:
        with suppress(*_TROUBLE):
            smtp.rset()  # the next mail begins anew
    return Outcome("failed" if code // 100 == _NEVER else "later", f"{code} {_text(answer)}")


def said(error: Exception) -> str:
    """What went wrong, in a line, and never a password."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return _text(f"{type(error).__name__}: {error}")


def _text(answer: bytes | str) -> str:
    plain = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(plain.replace("\x00", " ").split())[:_LONGEST_REASON]
