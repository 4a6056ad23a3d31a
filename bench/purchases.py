"""Requests as bytes, made before any clock starts; the same purchases for ours and the peer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import orjson

from loyalty.earning.accept import Earn

MEMBERS = 10_000
TILLS = 40
PROGRAM = "wine"
EARNS = f"/v1/programs/{PROGRAM}/earns"

Requests = Iterable[bytes]
Maker = Callable[[], list[bytes]]

_numbers = itertools.count(1)
_random = Random(7)


def member_id(number: int) -> str:
    """The id of a member by number, from 1."""
    return f"m{number:07}"


def some_member(members: int = MEMBERS) -> str:
    """Any of them."""
    return member_id(_random.randint(1, members))


def purchase(members: int = MEMBERS) -> dict[str, str]:
    """A purchase that nobody made before: tills count, members come in any order."""
    number = next(_numbers)
    cents = _random.randint(1_00, 99_99)
    return {
        "source": f"till-{number % TILLS:02}",
        "transaction_id": f"T{number:09}",
        "member_id": some_member(members),
        "amount": f"{cents // 100}.{cents % 100:02}",
        "currency": "USD",
        "occurred_at": f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "retailer": "wine-house",
        "store": f"store-{number % TILLS // 4:02}",
        "channel": "till",
    }


def earn_of(values: dict[str, str]) -> Earn:
    """The purchase as the house sees it once it is read."""
    return Earn(
        source=values["source"],
        transaction_id=values["transaction_id"],
        kind="purchase",
        occurred_at=datetime.fromisoformat(values["occurred_at"]),
        member_id=values["member_id"],
        amount=Decimal(values["amount"]),
        currency=values["currency"],
        retailer=values["retailer"],
        body={"store": values["store"], "channel": values["channel"]},
    )


def http(method: str, path: str, token: str, body: object = None, **headers: str) -> bytes:
    """One request; header names are written with _ for -."""
    content = b"" if body is None else orjson.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def earns(count: int, token: str, path: str = EARNS) -> list[bytes]:
    """So many purchases, one a request."""
    return [http("POST", path, token, purchase()) for _ in range(count)]


def batches(count: int, size: int, token: str) -> list[bytes]:
    """So many requests with `size` purchases each."""
    return [
        http("POST", f"{EARNS}/batch", token, {"earns": [purchase() for _ in range(size)]})
        for _ in range(count)
    ]


def burns(count: int, token: str, members: Sequence[str], points: int = 5) -> list[bytes]:
    """So many burns, each of any of `members`, each under a key of its own."""
    return [
        http(
            "POST",
            f"/v1/programs/{PROGRAM}/members/{_random.choice(members)}/redemptions",
            token,
            {"points": points},
            Idempotency_Key=f"burn-{next(_numbers):012}",
        )
        for _ in range(count)
    ]


def balances(count: int, token: str) -> list[bytes]:
    """So many reads of any member's balance."""
    return [
        http("GET", f"/v1/programs/{PROGRAM}/members/{some_member()}", token) for _ in range(count)
    ]


def endless(requests: Sequence[bytes]) -> Iterator[bytes]:
    """The same requests over and over: for what changes nothing."""
    return itertools.cycle(requests)
