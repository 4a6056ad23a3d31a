"""A real SMTP server on loopback, which does to mail what a test asks it to do."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loyalty.clock import wall_clock
from loyalty.config import MailServer
from loyalty.embedded.valkey import free_port

Trouble = Literal["drop", "hang"]
HOST = "localhost"
USER, PASSWORD = "postman", "a secret of the post"


@dataclass(slots=True)
class Mailbox:
    """What came in. `rcpt` and `data` say how those commands are answered, by address.

    After `drop` and `hang` the mail is here and nobody was told so.
    """

    received: list[tuple[str, EmailMessage]] = field(default_factory=list)
    mail: str = "250 OK"
    rcpt: dict[str, str] = field(default_factory=dict)
    data: dict[str, str | Trouble] = field(default_factory=dict)
    port: int = 0

    async def handle_MAIL(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Who it is from."""
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whom it is for."""
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail itself."""
        [to] = envelope.rcpt_tos
        answer = self.data.get(to, "250 Queued")
        if answer.startswith("250") or answer in ("drop", "hang"):
            content = email.message_from_bytes(cast(bytes, envelope.content), policy=policy.SMTP)
            self.received.append((to, content))
        if answer == "drop":
            cast(asyncio.Transport, server.transport).abort()
        if answer == "hang":
            await asyncio.Event().wait()
        return answer

    def to(self, address: str) -> list[EmailMessage]:
        """What came in for an address."""
        return [message for to, message in self.received if to == address]

    def subjects(self, address: str) -> list[str]:
        """The subjects of what came in for an address."""
        return [str(message["Subject"]) for message in self.to(address)]


def plain(message: EmailMessage) -> str:
    """The plain text of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html(message: EmailMessage) -> str:
    """The HTML of a mail."""
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@contextmanager
def mailbox(**settings: Any) -> Iterator[Mailbox]:
    """A server that listens on a free port; `settings` are those of aiosmtpd."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **settings)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def server_of(box: Mailbox, **settings: Any) -> MailServer:
    """The settings with which mail goes there."""
    usual: dict[str, Any] = {
        "host": HOST,
        "port": box.port,
        "security": "none",
        "user": "",
        "password": "",
        "ca_file": None,
        "timeout_s": 5.0,
        "sender": "points@example.com",
        "public_url": "https://points.example",
    }
    return MailServer(**{**usual, **settings})


def signs_in(_: SMTP, __: Session, ___: Envelope, mechanism: str, given: object) -> AuthResult:
    """Lets the one user in."""
    told = cast(LoginPassword, given)
    fits = (told.login, told.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=fits, handled=fits)


def certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's TLS for `localhost`, and the file of whom to trust for it."""
    key, at = ec.generate_private_key(ec.SECP256R1()), wall_clock()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = folder / "server.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    both = folder / "both.pem"
    both.write_bytes(
        public.read_bytes()
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, str(public)
