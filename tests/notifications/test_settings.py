"""The SMTP server's settings: what is missing or makes no sense is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from loyalty.config import ConfigurationError, MailServer, read

_ENOUGH = {
    "LOYALTY_SMTP_HOST": "mail.example",
    "LOYALTY_MAIL_FROM": "points@example.com",
    "LOYALTY_PUBLIC_URL": "https://points.example/",
}


def test_without_a_server_there_is_no_mail() -> None:
    assert read({}).mail is None
    assert read({"LOYALTY_SMTP_PASSWORD": "x", "LOYALTY_MAIL_FROM": "nobody"}).mail is None


def test_a_server_and_what_goes_without_saying(tmp_path: Path) -> None:
    assert read(_ENOUGH).mail == MailServer(
        host="mail.example",
        port=587,
        security="starttls",
        user="",
        password="",
        ca_file=None,
        timeout_s=10.0,
        sender="points@example.com",
        public_url="https://points.example",
    )
    secret = tmp_path / "password"
    secret.write_text("a secret\n")
    more = {"LOYALTY_SMTP_SECURITY": "tls", "LOYALTY_SMTP_PASSWORD_FILE": str(secret)}
    told = read({**_ENOUGH, **more}).mail
    assert told is not None
    assert (told.port, told.password) == (465, "a secret")
    assert "a secret" not in repr(told)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"LOYALTY_SMTP_SECURITY": "ssl"}, "LOYALTY_SMTP_SECURITY"),
        ({"LOYALTY_SMTP_SECURITY": "none", "LOYALTY_SMTP_PASSWORD": "x"}, "LOYALTY_SMTP_PASSWORD"),
        ({"LOYALTY_SMTP_PORT": "smtp"}, "LOYALTY_SMTP_PORT"),
        ({"LOYALTY_MAIL_FROM": ""}, "LOYALTY_MAIL_FROM"),
        ({"LOYALTY_MAIL_FROM": "Points <points@example.com>"}, "LOYALTY_MAIL_FROM"),
        ({"LOYALTY_MAIL_FROM": "points@example.com\nBcc: x@example.com"}, "LOYALTY_MAIL_FROM"),
        ({"LOYALTY_PUBLIC_URL": "points.example"}, "LOYALTY_PUBLIC_URL"),
        ({"LOYALTY_SMTP_PASSWORD_FILE": "/nowhere/at/all"}, "LOYALTY_SMTP_PASSWORD_FILE"),
    ],
)
def test_what_makes_no_sense_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        read({**_ENOUGH, **wrong})
