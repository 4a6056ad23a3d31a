"""Mail over real SMTP: encrypted, signed in, and what the server says is what becomes of it."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from loyalty.cli.doctor import look_at_mail
from loyalty.clock import wall_clock
from loyalty.embedded.valkey import free_port
from loyalty.notifications.letter import Letter, Sheet, letter
from loyalty.notifications.post_office import Outcome, Unreachable, hand_in, is_open, post_office
from loyalty.notifications.words import Words
from tests.notifications.mailbox import (
    PASSWORD,
    USER,
    Mailbox,
    certificate,
    html,
    mailbox,
    plain,
    server_of,
    signs_in,
)

ANN, BEN = "ann@example.com", "ben@example.com"
_LINK = "https://points.example/unsubscribe/" + "x" * 38
_WORDS = Words("Grüße, Ann!" + " lang" * 30, "Guten Tag\n.\nein Punkt allein\n", "<p>Hällo</p>")


def written(box: Mailbox, to: str = ANN, words: Words = _WORDS, program: str = "Wine") -> Letter:
    """A mail."""
    sheet = Sheet(UUID(int=7), to, program, "help@example.com", "de", _LINK, wall_clock())
    return letter(server_of(box), sheet, words)


def sent(box: Mailbox, one: Letter, **settings: object) -> Outcome:
    """What becomes of a mail that goes alone."""
    server = server_of(box, **settings)
    with post_office(server) as smtp:
        return hand_in(smtp, server.sender, one)


def test_a_mail_arrives_as_it_was_written() -> None:
    with mailbox() as box:
        assert (
            sent(box, written(box, program="Wein & Mehr\r\nBcc: eve@example.com")).became == "sent"
        )
    [message] = box.to(ANN)
    assert str(message["Subject"]) == _WORDS.subject
    assert message["From"].addresses[0].display_name == "Wein & Mehr Bcc: eve@example.com"
    assert message["From"].addresses[0].addr_spec == "points@example.com"
    assert str(message["To"]) == ANN
    assert str(message["Reply-To"]) == "help@example.com"
    assert str(message["Message-ID"]) == f"<{UUID(int=7)}@example.com>"
    assert str(message["List-Unsubscribe"]) == f"<{_LINK}>"
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert message["Bcc"] is None
    assert plain(message) == _WORDS.text
    assert html(message).strip() == _WORDS.html
    assert message["Date"].datetime.tzinfo is not None


def test_on_the_wire_it_is_plain_ascii_with_short_lines() -> None:
    with mailbox() as box:
        content = written(box).content
    assert content.isascii()
    assert f"List-Unsubscribe: <{_LINK}>\r\n".encode() in content
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_starttls_and_a_password(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    settings = {"security": "starttls", "user": USER, "password": PASSWORD, "ca_file": trusted}
    with mailbox(
        tls_context=context,
        require_starttls=True,
        authenticator=signs_in,
        auth_required=True,
    ) as box:
        assert sent(box, written(box), **settings).became == "sent"
        with pytest.raises(Unreachable, match="535") as refused:
            sent(box, written(box), **{**settings, "password": "wrong"})
        assert "wrong" not in str(refused.value)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            sent(box, written(box), **{**settings, "ca_file": None})
    assert len(box.received) == 1


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    with mailbox(ssl_context=context) as box:
        assert sent(box, written(box), security="tls", ca_file=trusted).became == "sent"


def test_no_word_in_the_clear_to_a_server_without_tls() -> None:
    with mailbox() as box, pytest.raises(Unreachable, match="STARTTLS"):
        sent(box, written(box), security="starttls", user=USER, password=PASSWORD)
    assert box.received == []


def test_nobody_there() -> None:
    server = replace(server_of(Mailbox(), timeout_s=1.0), port=free_port())
    with pytest.raises(Unreachable), post_office(server):
        pass


def test_the_doctor_looks_at_it_and_sends_nothing() -> None:
    with mailbox() as box:
        assert look_at_mail(server_of(box)).well
    found = look_at_mail(server_of(box, timeout_s=1.0))
    assert not found.well
    assert found.what.startswith(f"The SMTP server localhost:{box.port} cannot be used: ")
    assert box.received == []


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (
            {"rcpt": {ANN: "550 5.1.1 <ann@example.com> is unknown"}},
            Outcome("failed", "550 5.1.1 <<address>> is unknown"),
        ),
        ({"rcpt": {ANN: "451 4.7.1 Greylisted"}}, Outcome("later", "451 4.7.1 Greylisted")),
        ({"data": {ANN: "554 5.7.1 Spam"}}, Outcome("failed", "554 5.7.1 Spam")),
        ({"data": {ANN: "452 4.3.1 Full"}}, Outcome("later", "452 4.3.1 Full")),
        ({"mail": "421 4.3.2 Busy"}, Outcome("later", "421 4.3.2 Busy")),
        ({"mail": "550 5.7.0 Not from you"}, Outcome("later", "550 5.7.0 Not from you")),
    ],
)
def test_what_the_server_says_is_what_becomes_of_it(
    answers: dict[str, object], outcome: Outcome
) -> None:
    with mailbox() as box:
        for name, value in answers.items():
            setattr(box, name, value)
        assert sent(box, written(box)) == outcome
    assert box.received == []


def test_after_a_refusal_the_next_one_goes() -> None:
    with mailbox() as box:
        box.rcpt[ANN] = "550 unknown"
        server = server_of(box)
        with post_office(server) as smtp:
            assert hand_in(smtp, server.sender, written(box)).became == "failed"
            assert hand_in(smtp, server.sender, written(box, BEN)).became == "sent"
            box.data[BEN] = "554 spam"
            assert hand_in(smtp, server.sender, written(box, BEN)).became == "failed"
            assert hand_in(smtp, server.sender, written(box, "eve@example.com")).became == "sent"
    assert [to for to, _ in box.received] == [BEN, "eve@example.com"]


@pytest.mark.parametrize(
    "answers", [{"mail": "550 5.7.0 Not from you"}, {"rcpt": {ANN: "421 4.7.0 Too many"}}]
)
def test_when_no_other_would_fare_better_none_is_tried(answers: dict[str, object]) -> None:
    with mailbox() as box:
        for name, value in answers.items():
            setattr(box, name, value)
        server = server_of(box)
        with post_office(server) as smtp:
            assert hand_in(smtp, server.sender, written(box)).became == "later"
            assert not is_open(smtp)


@pytest.mark.parametrize("trouble", ["drop", "hang"])
def test_who_is_not_told_does_not_know(trouble: str) -> None:
    with mailbox() as box:
        box.data[ANN] = trouble
        server = server_of(box, timeout_s=0.5)
        with post_office(server) as smtp:
            assert hand_in(smtp, server.sender, written(box)).became == "unknown"
            assert not is_open(smtp)
            assert hand_in(smtp, server.sender, written(box, BEN)).became == "later"
    assert len(box.received) == 1


def test_a_connection_that_ends_before_the_mail_has_taken_nothing() -> None:
    with mailbox() as box:
        server = server_of(box)
        with post_office(server) as smtp:
            assert smtp.sock is not None
            smtp.sock.shutdown(socket.SHUT_RDWR)
            outcome = hand_in(smtp, server.sender, written(box))
    assert outcome.became == "later"
    assert box.received == []
