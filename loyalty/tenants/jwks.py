"""JSON Web Key Sets (RFC 7517): the public keys of an identity provider. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST_KEYS = 20
ALGORITHMS = ("RS256", "ES256", "EdDSA")
_LONGEST_NAME = 200
_RSA_BITS = range(2048, 8193)
#: By kind and curve: a key fixes how it is used, whatever a token says.
_BY_KIND: Mapping[tuple[object, object], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
_SECRET_PARTS = frozenset({"d", "k", "p", "q"})


class Unusable(ValueError):
    """This is no set of keys that we could believe; the message says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies what its owner signed, by one algorithm alone."""

    kid: str
    algorithm: str
    pem: str


def public_keys(document: object) -> list[PublicKey]:
    """The keys of the set that verify signatures; those for other uses are left out.

    Raises Unusable when there is none, one of them is a secret or too weak, or two share a name.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise Unusable(f"A key set has 1 to {MOST_KEYS} `keys`.")
    found = list(_usable(keys))
    if not found:
        raise Unusable(f"No key has a `kid` and is for {', '.join(ALGORITHMS)}.")
    if len({key.kid for key in found}) < len(found):
        raise Unusable("Two keys have the same `kid`.")
    return found


def _usable(keys: list[object]) -> Iterator[PublicKey]:
    for key in keys:
        if not isinstance(key, Mapping):
            raise Unusable("A key is not an object.")
        if not _SECRET_PARTS.isdisjoint(key):
            raise Unusable("A key is secret or private: give public keys alone.")
        kid, kind = key.get("kid"), (key.get("kty"), key.get("crv"))
        algorithm = _BY_KIND.get(kind) if all(map(_is_text, kind)) else None
        if algorithm is None or key.get("alg", algorithm) != algorithm:
            continue
        if key.get("use", "sig") == "sig" and isinstance(kid, str) and kid:
            yield PublicKey(_name(kid), algorithm, _pem(key, algorithm))


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _name(kid: str) -> str:
    if len(kid) > _LONGEST_NAME or not kid.isprintable():
        raise Unusable("A `kid` is longer than 200 characters, or cannot be printed.")
    return kid


def _pem(key: Mapping[str, object], algorithm: str) -> str:
    try:
        public = jwt.PyJWK(dict(key), algorithm).key
        if isinstance(public, RSAPublicKey) and public.key_size not in _RSA_BITS:
            raise Unusable(f"An RSA key has {public.key_size} bits; 2048 to 8192 are expected.")
        pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable("A key cannot be read.") from None
    return pem.decode()
