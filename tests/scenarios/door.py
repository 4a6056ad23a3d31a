"""The HTTP door as a shop, a till and an app use it: real requests, and no look behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import requests

from tests.stack import Stack
from tests.tenant import TestTenant

TIMEOUT_S = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Door:
    """One tenant's way in; `as_role` and `as_member` speak with another token."""

    base_url: str
    tenant: TestTenant
    token: str

    def as_role(self, role: str) -> Door:
        """The same tenant with a token of another role."""
        return Door(self.base_url, self.tenant, self.tenant.token(role))

    def as_member(self, member_id: str) -> Door:
        """The same tenant with the member's own token."""
        return Door(self.base_url, self.tenant, self.tenant.token("member", member_id))

    def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> requests.Response:
        """One request on a connection of its own; header names are written with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method,
            f"{self.base_url}/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **sent},
            timeout=TIMEOUT_S,
        )

    def open_program(self, slug: str = "wine", **settings: object) -> None:
        """A program; 1 USD is 1 point unless `earn_rate` says otherwise."""
        answer = self.call("POST", "/programs", {"slug": slug, "name": slug.title(), **settings})
        assert answer.status_code == 201, answer.text

    def enrol(self, member_id: str, program: str = "wine") -> requests.Response:
        """Asks to join."""
        return self.call("POST", f"/programs/{program}/members", {"member_id": member_id})

    def member(self, member_id: str, program: str = "wine") -> requests.Response:
        """Asks for the member's answer."""
        return self.call("GET", f"/programs/{program}/members/{member_id}")

    def standing(self, member_id: str, program: str = "wine") -> tuple[int, str]:
        """Available points and the name of the tier."""
        told = self.member(member_id, program).json()
        return told["points"]["available"], told["tier"]["name"]

    def post(self, earn: dict[str, object], program: str = "wine") -> requests.Response:
        """Posts a purchase and waits until it is judged."""
        return self.call("POST", f"/programs/{program}/earns", earn, Prefer="wait=10")

    def buy(
        self, member_id: str, amount: str, program: str = "wine", at: datetime | None = None
    ) -> requests.Response:
        """A purchase of its own, judged; of an hour ago by the world's clock, or of `at`."""
        return self.post(purchase(member_id, amount, at), program)

    def now(self) -> datetime:
        """The tenant's own present instant."""
        return datetime.fromisoformat(self.call("GET", "/test-clock").json()["now"])

    def advance(self, duration: str) -> datetime:
        """Lets a sandbox's clock go forward by an ISO 8601 duration; returns its present."""
        answer = self.call("POST", "/test-clock", {"advance": duration})
        assert answer.status_code == 200, answer.text
        return datetime.fromisoformat(answer.json()["now"])

    def adjust(self, member_id: str, points: int, program: str = "wine") -> requests.Response:
        """Gives or takes points."""
        return self.call(
            "POST",
            f"/programs/{program}/members/{member_id}/adjustments",
            {"points": points, "reason": "a story"},
            Idempotency_Key=uuid4().hex,
        )

    def burn(
        self, member_id: str, points: int, key: str | None = None, program: str = "wine"
    ) -> requests.Response:
        """Spends points."""
        return self.call(
            "POST",
            f"/programs/{program}/members/{member_id}/redemptions",
            {"points": points},
            Idempotency_Key=key or uuid4().hex,
        )

    def entries(self, member_id: str, program: str = "wine") -> list[dict[str, Any]]:
        """What happened to the member's points, newest first."""
        answer = self.call("GET", f"/programs/{program}/members/{member_id}/entries")
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["data"]
        return entries


def opened_door(stack: Stack, *, sandbox: bool = False) -> Door:
    """The door of a fresh tenant's admin."""
    tenant = stack.tenant(sandbox=sandbox)
    return Door(stack.base_url, tenant, tenant.token("admin"))


def purchase(member_id: str, amount: str, at: datetime | None = None) -> dict[str, object]:
    """A purchase of an hour ago, or of `at`, with a transaction id of its own."""
    occurred_at = at or datetime.now(UTC) - timedelta(hours=1)
    return {
        "source": "till-1",
        "transaction_id": uuid4().hex,
        "member_id": member_id,
        "amount": amount,
        "currency": "USD",
        "occurred_at": occurred_at.isoformat(),
    }


def at_once(count: int, call: Callable[[int], T]) -> list[T]:
    """`call(0)` … `call(count - 1)`, each from a thread of its own."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count)))
