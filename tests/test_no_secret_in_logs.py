"""A whole run with every kind of secret in it, with refusals and failures; then its logs are read.

Web, worker, sweeper, courier, mailer and beat write to files of their own, and so do Postgres and
Valkey.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests

from loyalty.cli import parts
from loyalty.embedded.valkey import free_port
from tests.notifications.mailbox import HOST, USER, certificate, mailbox, signs_in
from tests.scenarios.door import Door, purchase
from tests.servers import Own
from tests.stack import Stack, own_servers, until

_PASSWORD = "correct-horse-battery-staple"
_WRONG_PASSWORD = "wrong-horse-battery-staple"
_OF_THE_DATABASE = "pg-0c2d1f7a"
_OF_THE_PLATFORM = "platform-8d0b4bd5-0f58-4c7b-9c0e"
_OF_THE_POST = "smtp-5b9e0c44-not-the-right-one"
_SEAL = "seal-3f6e2a9d-7c1b-4d58-9e0a"
_SECRET_NAME = re.compile(r"key|token|secret|password")


class _WithPasswords(Own):
    """Servers whose URLs carry passwords, a platform that has a token, and a post office."""

    def __init__(self, own: Own, post: dict[str, str]) -> None:
        self.__dict__ |= own.__dict__
        self.post = post

    def environment(self) -> dict[str, str]:
        """The URLs with a password each; this Postgres asks the kernel who comes, and for none."""
        told = {
            name: re.sub(r"^(postgresql://\w+)@", rf"\1:{_OF_THE_DATABASE}@", value)
            for name, value in super().environment().items()
        }
        secrets = {"LOYALTY_PLATFORM_TOKEN": _OF_THE_PLATFORM, "LOYALTY_SECRETS_KEY": _SEAL}
        return {
            **told,
            **secrets,
            **self.post,
            "LOYALTY_LOG": "json",
            "LOYALTY_PRIVATE_ADDRESSES": "1",
        }


@pytest.fixture
def post(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an SMTP server that speaks TLS and does not let us in."""
    context, trusted = certificate(tmp_path)
    settings = {"tls_context": context, "require_starttls": True, "auth_required": True}
    with mailbox(**settings, authenticator=signs_in) as box:
        yield {
            "LOYALTY_SMTP_HOST": HOST,
            "LOYALTY_SMTP_PORT": str(box.port),
            "LOYALTY_SMTP_CA_FILE": trusted,
            "LOYALTY_SMTP_USER": USER,
            "LOYALTY_SMTP_PASSWORD": _OF_THE_POST,
            "LOYALTY_MAIL_FROM": "points@example.com",
            "LOYALTY_PUBLIC_URL": "https://points.example",
        }


@pytest.fixture
def guarded(post: dict[str, str]) -> Iterator[Stack]:
    """A stack of which every process writes down what it thinks worth it."""
    with own_servers() as servers, Stack(_WithPasswords(servers, post)) as stack:
        mailer = stack.process(parts.mailer(), lambda: stack.goes_through("mail"))
        watching = (stack.sweeper, stack.courier, mailer, stack.beat)
        for process in watching:
            process.begin()
        try:
            for process in watching:
                process.wait()
            yield stack
        finally:
            mailer.stop()


class _Caller:
    """Calls, and remembers every secret that was sent or told."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.base_url
        self.tenant = stack.tenant()
        self.secrets = {_PASSWORD, _WRONG_PASSWORD, _OF_THE_DATABASE, _OF_THE_PLATFORM}
        self.secrets |= {_OF_THE_POST, _SEAL}
        self.secrets.add(self.tenant.issuer.verification_key)
        self.secrets.add(unquote(urlsplit(stack.own.valkey.url()).password or ""))
        self.token = self.tenant.token()
        self.door = Door(stack.base_url, self.tenant, self.token)

    def __call__(
        self, method: str, path: str, body: Any = None, bearer: str | None = None
    ) -> requests.Response:
        bearer = self.token if bearer is None else bearer
        self.secrets |= {bearer, bearer.rpartition(".")[2], bearer.rpartition("_")[2]} - {""}
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": path}
        url = f"{self._url}{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=20)
        if answer.headers["Content-Type"] == "application/json":
            self.secrets.update(_told(answer.json()))
        return answer


def _told(answer: Any) -> Iterator[str]:
    """Long values under names like `key`, `token`, `secret`."""
    inner = answer.items() if isinstance(answer, dict) else enumerate(answer)
    for name, value in inner:
        if isinstance(value, dict | list):
            yield from _told(value)
        elif isinstance(value, str) and _SECRET_NAME.search(str(name)) and len(value) > 20:
            yield value


def _keys_and_tokens(call: _Caller) -> None:
    made = call("POST", "/v1/api-keys", {"name": "till", "role": "server"})
    assert made.status_code == 201
    key = made.json()["key"]
    assert call("GET", "/v1/programs", bearer=key).status_code == 200
    assert call("GET", "/v1/programs", bearer=f"{key[:-4]}none").status_code == 401
    assert call("GET", "/v1/programs", bearer=f"{call.token[:-4]}none").status_code == 401
    assert call("GET", "/v1/programs", bearer="hello-i-am-a-password").status_code == 401
    assert call("POST", "/v1/members/m-1/tokens", {"ttl_s": 60}).status_code < 500
    for role in ("finance", "member"):
        call(
            "GET",
            "/v1/programs",
            bearer=call.tenant.token(role, "m-1" if role == "member" else None),
        )
    call("GET", f"/v1/programs?token={call.token}")
    call("POST", "/v1/programs", {"slug": "x", "name": "X", "password": _PASSWORD})
    call("POST", "/v1/programs", {"slug": key, "name": 1})


def _people(call: _Caller) -> None:
    told = {"name": "ada", "role": "support", "password": _PASSWORD}
    assert call("POST", "/v1/operators", told).status_code == 201
    log_in = {"tenant": call.tenant.slug, "name": "ada"}
    assert call("POST", "/v1/log-in", {**log_in, "password": _PASSWORD}).status_code == 200
    assert call("POST", "/v1/log-in", {**log_in, "password": _WRONG_PASSWORD}).status_code == 401
    assert call("GET", "/v1/tenants", bearer=_OF_THE_PLATFORM).status_code == 200
    assert call("GET", "/v1/tenants", bearer=f"{_OF_THE_PLATFORM}x").status_code == 401
    assert call("POST", "/v1/token-secrets", {"overlap_s": 600}).status_code == 201


def _what_goes_out(call: _Caller, stack: Stack) -> None:
    """A webhook that leads nowhere, and a mail that the post office does not take from us."""
    made = call("POST", "/v1/webhooks", {"url": f"http://127.0.0.1:{free_port()}/"})
    assert made.status_code == 201
    hook = f"/v1/webhooks/{made.json()['id']}"
    assert call("POST", f"{hook}/test").status_code < 300

    def tried() -> bool:
        told = call("GET", f"{hook}/deliveries").json()["data"]
        return bool(told and told[0]["attempts"])

    until(tried, "the courier to try", 30)
    email = {"kind": "email", "value": "ann@example.com"}
    body = {"member_id": "ann", "identifiers": [email]}
    assert call("POST", "/v1/programs/wine/members", body).status_code == 201
    assert call.door.buy("ann", "100").status_code == 200
    until(lambda: "535" in (stack.own.folder / "mailer.log").read_text(), "the mailer to try", 30)


def _failures(call: _Caller, stack: Stack) -> None:
    """Redis away, then Postgres: what drivers say of their URLs ends up in logs."""
    stack.own.valkey.stop()
    for _ in range(3):
        assert call.door.post(purchase("m-1", "5")).status_code == 202
    stack.own.postgres.stop()
    assert call("GET", "/v1/programs").status_code == 503
    assert call("POST", "/v1/api-keys", {"name": "x", "role": "server"}).status_code == 503
    assert call("POST", "/v1/programs/wine/earns", purchase("m-1", "5")).status_code == 503
    stack.own.postgres.start()
    stack.own.valkey.start()
    until(lambda: call("GET", "/v1/programs").status_code == 200, "Postgres to be back", 30)


def _logs(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text(errors="replace")
        for path in folder.rglob("*.log*")
        if path.is_file()
    }


@pytest.mark.timeout(240)
def test_no_secret_is_in_any_log(guarded: Stack) -> None:
    call = _Caller(guarded)
    call.door.open_program(mail={"milestones": [10]})
    assert call.door.enrol("m-1").status_code == 201
    assert call.door.buy("m-1", "100").status_code == 200
    _keys_and_tokens(call)
    _people(call)
    _what_goes_out(call, guarded)
    _failures(call, guarded)
    logs = _logs(guarded.own.folder) | _logs(guarded.own.postgres.folder)
    processes = ("web", "worker", "sweeper", "courier", "mailer", "beat")
    assert {f"{name}.log" for name in processes} <= set(logs)
    assert "the database did not answer" in logs["web.log"]
    assert len(call.secrets) > 20
    found = [
        f"{secret[:6]}… in {name}"
        for name, text in logs.items()
        for secret in call.secrets
        if len(secret) > 6 and secret in text
    ]
    assert found == []
