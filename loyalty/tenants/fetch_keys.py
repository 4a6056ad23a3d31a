"""The keys of an identity provider, from where it publishes them: bounded, outside of any
transaction."""

from __future__ import annotations

import json
from http import HTTPStatus

from loyalty import outbound
from loyalty.tenants.jwks import PublicKey, Unusable, public_keys

_TIMEOUT_S = 3.0
_MOST_BYTES = 64 * 1024


def fetch_keys(url: str) -> list[PublicKey]:
    """What the URL says now. Raises Unusable with the reason why not."""
    try:
        answer = outbound.call(
            "GET",
            url,
            headers={"Accept": "application/json", "Connection": "close"},
            timeout_s=_TIMEOUT_S,
            most_bytes=_MOST_BYTES + 1,
        )
    except outbound.Unreachable as error:
        raise Unusable(str(error)) from error
    if answer.status != HTTPStatus.OK:
        raise Unusable(f"The answer was {answer.status}, and not 200.")
    if len(answer.body) > _MOST_BYTES:
        raise Unusable(f"The answer is longer than {_MOST_BYTES} bytes.")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Unusable("The answer is not JSON.") from None
    return public_keys(document)
