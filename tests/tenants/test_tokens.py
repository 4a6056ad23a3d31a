"""A token says what its issuer's row lets it say, and nothing else is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loyalty.tenants.models import Issuer
from loyalty.tenants.principal import Unauthenticated
from loyalty.tenants.roles import Role
from loyalty.tenants.tokens import Trust, mint, read

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


OURS = Issuer(tenant_id=1, iss="ours", kid="1", algorithm="HS256", verification_key="o" * 64)
THEIRS = Trust(2, "HS256", "t" * 64)
RS = Trust(3, "RS256", _pem(RSA_KEY))
ES = Trust(4, "ES256", _pem(EC_KEY))
KNOWN = {
    ("ours", "1"): Trust(1, "HS256", OURS.verification_key),
    ("theirs", "1"): THEIRS,
    ("rs", "1"): RS,
    ("es", "2026"): ES,
}


def _find(iss: str, kid: str) -> Trust | None:
    return KNOWN.get((iss, kid))


def _signed(
    key: Any = OURS.verification_key,
    algorithm: str = "HS256",
    kid: str | None = "1",
    **changed: Any,
) -> str:
    claims = {"iss": "ours", "sub": "anna", "role": "admin", "exp": NOW + HOUR, **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers={} if kid is None else {"kid": kid})


def test_what_is_minted_is_read() -> None:
    text = mint(OURS, role=Role.SUPPORT, subject="anna", life=HOUR, at=NOW)
    token = read(text, _find)
    assert token.principal.tenant_id == 1
    assert token.principal.role is Role.SUPPORT
    assert token.principal.actor == "support:anna"
    assert token.principal.member_id is None
    assert token.principal.scopes is None
    assert token.expires_at_s == int((NOW + HOUR).timestamp())


def test_an_end_of_more_digits_than_time_has_is_the_end_of_time() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert read(_signed(exp=10**400), _find).expires_at_s == int(end.timestamp())


def test_a_members_token_speaks_for_that_member() -> None:
    who = read(mint(OURS, role=Role.MEMBER, subject="m-1", life=HOUR, at=NOW), _find).principal
    assert (who.role, who.member_id) == (Role.MEMBER, "m-1")


def test_scopes_restrict() -> None:
    who = read(_signed(scopes=["members.read"]), _find).principal
    assert who.scopes == frozenset({"members.read"})


@pytest.mark.parametrize(
    ("make", "tenant_id"),
    [
        (lambda: _signed(RSA_KEY, "RS256", iss="rs"), 3),
        (lambda: _signed(EC_KEY, "ES256", "2026", iss="es"), 4),
        (lambda: _signed(THEIRS.key, iss="theirs"), 2),
        (lambda: _signed(tenant_id=2, tenant="theirs", aud="elsewhere"), 1),
    ],
)
def test_the_issuer_alone_says_whose_it_is(make: Callable[[], str], tenant_id: int) -> None:
    assert read(make(), _find).principal.tenant_id == tenant_id


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(algorithm: str, signature: str = "") -> str:
    claims = {"iss": "ours", "sub": "a", "role": "admin", "exp": 9999999999}
    return f"{_part({'alg': algorithm, 'kid': '1', 'typ': 'JWT'})}.{_part(claims)}.{signature}"


def _tampered() -> str:
    header, _, signature = _signed(role="support").split(".")
    claims = {"iss": "ours", "sub": "anna", "role": "admin", "exp": 9999999999}
    return f"{header}.{_part(claims)}.{signature}"


def _signed_with_their_public_key() -> str:
    # RS256's public key as an HS256 secret: the classic confusion. PyJWT would not sign so.
    claims = {"iss": "rs", "sub": "a", "role": "admin", "exp": 9999999999}
    signed = f"{_part({'alg': 'HS256', 'kid': '1'})}.{_part(claims)}"
    mac = hmac.new(RS.key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "a.b.c",
        lambda: "a" * 100,
        lambda: "." * 9000,
        lambda: "\0.\0.\0",
        lambda: _unsigned("none"),
        lambda: _unsigned("None"),
        lambda: _unsigned("HS256"),
        lambda: _unsigned("HS256", "AAAA"),
        lambda: f"{_part(['alg'])}.{_part({})}.x",
        lambda: f"{_part({'alg': 'HS256', 'kid': '1'})}.{_part(['iss'])}.x",
        _tampered,
        _signed_with_their_public_key,
        lambda: _signed(THEIRS.key),
        lambda: _signed(iss="theirs"),
        lambda: _signed("o" * 64, "HS512"),
        lambda: _signed(kid=None),
        lambda: _signed(kid="2"),
        lambda: _signed(kid="../../etc/passwd"),
        lambda: _signed(kid="1' OR '1'='1"),
        lambda: _signed(iss=None),
        lambda: _signed(iss="nobody"),
        lambda: _signed(iss="\0"),
        lambda: _signed(exp=None),
        lambda: _signed(exp=NOW - timedelta(seconds=11)),
        lambda: _signed(nbf=NOW + HOUR),
        lambda: _signed(sub=None),
        lambda: _signed(sub=""),
        lambda: _signed(sub="a\0b"),
        lambda: _signed(role=None),
        lambda: _signed(role="root"),
        lambda: _signed(role=["admin"]),
        lambda: _signed(scopes="earns"),
    ],
)
def test_nothing_else_is_believed(make: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        read(make(), _find)
