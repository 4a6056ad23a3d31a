"""What the client does when the network or the bank does not do well."""

from __future__ import annotations

import os
import pickle
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import loyalty_client
from loyalty.embedded.valkey import free_port
from loyalty_client import (
    Earn,
    Failed,
    Forbidden,
    Garbled,
    IdempotencyMismatch,
    InsufficientPoints,
    Invalid,
    Loyalty,
    Patience,
    RateLimited,
    Refused,
    Unreachable,
)
from loyalty_client.problems import FieldError, Problem
from tests.client.bad_bank import (
    Answer,
    bad_bank,
    hangs_up,
    refuses,
    says,
    stops_half_way,
    trickles,
)

_QUICK = Patience(total_s=5, attempt_s=1, first_pause_s=0.01, longest_pause_s=0.02)
_HURRIED = Patience(total_s=0.5, attempt_s=0.3, first_pause_s=0.01, longest_pause_s=0.02)
_MADE = {
    "id": "01a1ff1b-2dea-7000-9682-2bf77ebb5c37",
    "program": "wine",
    "member_id": "ada",
    "status": "redeemed",
    "points": 10,
    "amount": "0.10",
    "currency": "USD",
    "occurred_at": "2026-07-01T12:00:00Z",
    "balance": {"available": 2, "pending": 0, "held": 0, "owed": 0},
}
_FINE = says(201, {**_MADE, "news": "of a later version"})


def _redeem(url: str, patience: Patience = _QUICK, key: str | None = None) -> str:
    with Loyalty(url, "lk_secret", patience=patience) as loyalty:
        return loyalty.program("wine").redeem("ada", points=10, key=key).id


@pytest.mark.parametrize(
    "trouble",
    [
        hangs_up,
        stops_half_way,
        says(200, b'{"id": "1", "sta'),
        says(503, b"<html>", Content_Type="text/html"),
        refuses(503, "unavailable", Retry_After="0"),
        refuses(429, "rate_limited", Retry_After="0"),
        refuses(409, "idempotency_in_flight", Retry_After="0"),
        says(502, b""),
        says(504, b""),
    ],
)
def test_it_is_sent_again_with_the_same_key(trouble: Answer) -> None:
    with bad_bank(trouble, trouble, _FINE) as bank:
        assert _redeem(bank.url) == _MADE["id"]
    assert len(bank.heard) == 3
    assert len({one.headers["idempotency-key"] for one in bank.heard}) == 1
    assert {one.body for one in bank.heard} == {b'{"points":10}'}


def test_each_call_has_a_key_of_its_own_and_yours_is_kept() -> None:
    with bad_bank(_FINE) as bank:
        for key in (None, None, "order-17"):
            _redeem(bank.url, key=key)
    keys = [one.headers["idempotency-key"] for one in bank.heard]
    assert len(set(keys)) == 3
    assert keys[2] == "order-17"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuses(409, "insufficient_points"), InsufficientPoints),
        (refuses(422, "idempotency_mismatch"), IdempotencyMismatch),
        (refuses(422, "of_a_later_version"), Invalid),
        (refuses(418, "of_a_later_version"), Refused),
        (refuses(500, "internal_error"), Failed),
        (says(403, b"<html>", Content_Type="text/html"), Forbidden),
        (says(307, b"", Location="http://127.0.0.1:1/"), Refused),
    ],
)
def test_a_refusal_is_not_tried_again(answer: Answer, kind: type[Refused]) -> None:
    with bad_bank(answer) as bank, pytest.raises(Refused) as refusal:
        _redeem(bank.url, key="order-17")
    assert type(refusal.value) is kind
    assert refusal.value.key == "order-17"
    assert len(bank.heard) == 1


def test_a_refusal_tells_all_that_was_told_and_travels_between_processes() -> None:
    wrong = {"pointer": "/points", "code": "too_small", "detail": "1 or more is expected."}
    told = {"type": "/problems/invalid", "title": "No", "status": 422, "detail": "A value."}
    answer = says(422, {**told, "code": "invalid", "errors": [wrong]}, X_Request_Id="r-1")
    with bad_bank(answer) as bank, pytest.raises(Invalid) as refusal:
        _redeem(bank.url)
    errors = (FieldError("/points", "too_small", "1 or more is expected."),)
    problem = Problem(422, "invalid", "No", "A value.", "/problems/invalid", errors, "r-1")
    assert refusal.value.problem == problem
    assert str(refusal.value) == "422 invalid: A value.\n  /points: 1 or more is expected."
    again = pickle.loads(pickle.dumps(refusal.value))
    assert (type(again), again.problem, again.key) == (Invalid, problem, refusal.value.key)


@pytest.mark.parametrize("trouble", [hangs_up, stops_half_way, trickles])
def test_it_ends_when_the_time_is_up(trouble: Answer) -> None:
    begun = time.monotonic()
    with bad_bank(trouble) as bank, pytest.raises(Unreachable) as lost:
        _redeem(bank.url, _HURRIED, "order-17")
    assert time.monotonic() - begun < 1.5
    assert lost.value.key == "order-17"
    assert len(bank.heard) > 1
    assert "POST /programs/wine/members/ada/redemptions has no answer after" in str(lost.value)
    assert pickle.loads(pickle.dumps(lost.value)).key == "order-17"


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable):
        _redeem(f"http://127.0.0.1:{free_port()}", _HURRIED)


def test_who_asks_for_more_time_than_there_is_gets_none() -> None:
    with bad_bank(refuses(429, "rate_limited", Retry_After="60")) as bank:
        with pytest.raises(RateLimited) as limited:
            _redeem(bank.url, _HURRIED)
        assert limited.value.problem.retry_after_s == 60
        assert len(bank.heard) == 1


def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_done() -> None:
    with bad_bank(hangs_up, refuses(503, "unavailable", Retry_After="60")) as bank:
        with pytest.raises(Unreachable):
            _redeem(bank.url, _HURRIED)
        assert len(bank.heard) == 2


def test_retry_after_is_obeyed() -> None:
    begun = time.monotonic()
    with bad_bank(refuses(503, "unavailable", Retry_After="1"), _FINE) as bank:
        _redeem(bank.url)
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    "answer",
    [
        says(200, b"<html>It works!</html>", Content_Type="text/html"),
        says(201, {**_MADE, "points": "10"}),
        says(201, {**_MADE, "points": True}),
        says(201, {**_MADE, "occurred_at": "noon"}),
        says(201, {name: _MADE[name] for name in ("id", "status")}),
        says(201, []),
    ],
)
def test_what_is_no_bank_is_told(answer: Answer) -> None:
    with bad_bank(answer) as bank, pytest.raises(Garbled):
        _redeem(bank.url)


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    with bad_bank(_FINE, tls=_self_signed(tmp_path)) as bank:
        with pytest.raises(Garbled, match="no certificate that is trusted"):
            _redeem(bank.url)
        assert bank.heard == []
    assert time.monotonic() - begun < _QUICK.total_s


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "bank.pem"
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    "url",
    ["", "https://points.example#1", "points.example", "ftp://points.example", "https://?q=1"],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="is not where a bank is"):
        Loyalty(url, "lk_secret")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with bad_bank(_FINE) as bank, Loyalty(bank.url, "lk_secret") as loyalty:
        with pytest.raises(ValueError, match="names nothing"):
            loyalty.program("wine").leave(name)
        with pytest.raises(ValueError, match="names nothing"):
            loyalty.program(name)
    assert bank.heard == []


def test_a_name_is_one_part_of_the_path() -> None:
    with bad_bank(_FINE) as bank, Loyalty(bank.url, "lk_secret") as loyalty:
        loyalty.program("wine").redeem("a/../b?c#d+e", points=10)
    assert bank.heard[0].path == "/v1/programs/wine/members/a%2F..%2Fb%3Fc%23d%2Be/redemptions"


@pytest.mark.parametrize("key", ["", "with space", "ключ", "a" * 256, "line\n"])
def test_a_key_that_is_none(key: str) -> None:
    with bad_bank(_FINE) as bank, pytest.raises(ValueError, match="visible ASCII"):
        _redeem(bank.url, key=key)


def test_money_is_no_float_and_an_instant_has_an_offset() -> None:
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    wine = Loyalty("http://127.0.0.1:1", "lk_secret").program("wine")
    with pytest.raises(TypeError, match="amount is a float"):
        wine.earn(Earn("till", "1", at, "ada", amount=0.1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="amount is a float"):
        wine.redeem("ada", amount=0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no offset"):
        wine.earn(Earn("till", "1", at.replace(tzinfo=None), "ada"))


def test_a_token_may_be_renewed() -> None:
    tokens = iter(["first", "second"])
    answers = (refuses(503, "unavailable", Retry_After="0"), _FINE)
    with bad_bank(*answers) as bank, Loyalty(bank.url, lambda: next(tokens)) as loyalty:
        loyalty.program("wine").redeem("ada", points=10)
    assert [one.headers["authorization"] for one in bank.heard] == ["Bearer first", "Bearer second"]


def test_a_password_of_the_machine_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with bad_bank(_FINE) as bank:
        _redeem(bank.url)
    assert bank.heard[0].headers["authorization"] == "Bearer lk_secret"


def test_threads_share_a_client_and_no_connection() -> None:
    everybody = threading.Barrier(8)
    with bad_bank(_FINE) as bank, Loyalty(bank.url, "lk_secret") as loyalty:

        def spend(_: int) -> set[int]:
            everybody.wait()
            for _ in range(20):
                loyalty.program("wine").redeem("ada", points=10)
            return {threading.get_ident()}

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(spend, range(8)))
    assert len(bank.heard) == 160
    assert len({one.port for one in bank.heard}) == 8
    assert len({one.headers["idempotency-key"] for one in bank.heard}) == 160


def test_a_process_that_was_forked_off_has_connections_of_its_own() -> None:
    script = """
import os, sys
from loyalty_client import Loyalty
wine = Loyalty(sys.argv[1], "lk_secret").program("wine")
wine.redeem("ada", points=10)
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
wine.redeem("ada", points=10)
os._exit(0)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(loyalty_client.__file__).parents[1])}
    with bad_bank(_FINE) as bank:
        subprocess.run([sys.executable, "-c", script, bank.url], env=env, check=True, timeout=30)
    mother, child, again = [one.port for one in bank.heard]
    assert mother == again != child
