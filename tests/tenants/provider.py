"""An identity provider of the tests: keys of its own, tokens, and a server that publishes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
AUDIENCE = "loyalty"


def algorithm_of(key: PrivateKey) -> str:
    """How the key signs."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"


def jwk(key: PrivateKey, /, named: str, **changed: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key."""
    told: dict[str, Any] = json.loads(
        get_default_algorithms()[algorithm_of(key)].to_jwk(key.public_key())
    )
    return {**told, "kid": named, "use": "sig", "alg": algorithm_of(key), **changed}


class Provider:
    """Signs tokens as `iss`, and publishes `keys`; `asked` counts who came for them."""

    def __init__(self) -> None:
        self.iss = f"https://{uuid4().hex}.example/"
        self.keys: dict[str, PrivateKey] = {"k1": RSA}
        self.asked = 0
        self.answer: tuple[int, bytes] | None = None
        self.url = ""

    def jwks(self) -> dict[str, Any]:
        """What it publishes."""
        return {"keys": [jwk(key, kid) for kid, key in self.keys.items()]}

    def token(
        self, kid: str = "k1", key: PrivateKey | None = None, **changed: Any
    ) -> dict[str, str]:
        """The header with a token for an admin; claims of None are left out."""
        claims = {
            "iss": self.iss,
            "aud": AUDIENCE,
            "sub": "anna",
            "role": "admin",
            "exp": datetime.now(UTC) + timedelta(hours=1),
            "n": uuid4().hex,  # so that none is remembered from the test before
            **changed,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        key = key or self.keys[kid]
        signed = jwt.encode(kept, key, algorithm_of(key), headers={"kid": kid})
        return {"Authorization": f"Bearer {signed}"}

    def order(self, **changed: Any) -> dict[str, Any]:
        """What trusts it: POST /v1/identity-providers."""
        told: Mapping[str, Any] = {
            "iss": self.iss,
            "audience": AUDIENCE,
            "roles": ["admin", "support", "member"],
            "jwks": self.jwks(),
        }
        return {name: value for name, value in {**told, **changed}.items() if value is not None}


@contextmanager
def published() -> Iterator[Provider]:
    """A provider whose keys stand behind a URL on loopback."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            status, body = provider.answer or (200, json.dumps(provider.jwks()).encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        provider.url = f"http://127.0.0.1:{server.server_port}/keys"
        yield provider
        server.shutdown()
        thread.join(5)
