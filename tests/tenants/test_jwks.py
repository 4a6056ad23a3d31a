"""Which keys of a set are believed, and how each one is used."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tenants.jwks import MOST_KEYS, Unusable, public_keys
from tests.tenants.provider import EC, ED, RSA, PrivateKey, algorithm_of, jwk


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "Ed25519"])
def test_a_key_verifies_what_its_owner_signed_by_one_algorithm(key: PrivateKey) -> None:
    [found] = public_keys({"keys": [jwk(key, "k1")]})
    assert (found.kid, found.algorithm) == ("k1", algorithm_of(key))
    signed = jwt.encode({"sub": "anna"}, key, algorithm_of(key))
    assert jwt.decode(signed, found.pem, algorithms=[found.algorithm]) == {"sub": "anna"}


def test_without_alg_the_kind_of_key_says_it() -> None:
    told = jwk(EC, "k1")
    del told["alg"], told["use"]
    assert public_keys({"keys": [told]})[0].algorithm == "ES256"


def test_what_is_for_other_uses_is_left_out() -> None:
    others = [
        jwk(RSA, "enc", use="enc"),
        jwk(RSA, "rs512", alg="RS512"),
        jwk(RSA, "", kid=""),
        jwk(RSA, "x", kid=7),
        jwk(RSA, "x", kty="unheard of"),
        jwk(RSA, "x", kty=["RSA"]),
    ]
    assert [key.kid for key in public_keys({"keys": [*others, jwk(ED, "k1")]})] == ["k1"]


_SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "keys",
        {},
        {"keys": None},
        {"keys": []},
        {"keys": {}},
        {"keys": ["k1"]},
        {"keys": [jwk(RSA, str(number)) for number in range(MOST_KEYS + 1)]},
        {"keys": [jwk(RSA, "enc", use="enc")]},
        {"keys": [jwk(RSA, "k1"), jwk(EC, "k1")]},
        {"keys": [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"}]},
        {"keys": [jwk(RSA, "k1", d="private")]},
        {"keys": [jwk(RSA, "k1", n="%%%")]},
        {"keys": [jwk(RSA, "k1", n=None)]},
        {"keys": [jwk(EC, "k1", x="AA")]},
        {"keys": [jwk(_SMALL, "k1")]},
        {"keys": [jwk(RSA, "k" * 201)]},
        {"keys": [jwk(RSA, "k\n1")]},
    ],
)
def test_a_set_that_cannot_be_believed_is_refused(document: object) -> None:
    with pytest.raises(Unusable):
        public_keys(document)


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "alg"]), inner)
    ),
    max_leaves=12,
)


@given(_json | st.builds(lambda keys: {"keys": keys}, st.lists(_json, max_size=3)))
def test_whatever_it_is_it_is_read_or_refused(document: object) -> None:
    try:
        found = public_keys(document)
    except Unusable:
        return
    assert all(key.algorithm in {"RS256", "ES256", "EdDSA"} for key in found)
