"""Who shows around: calls the API as people of the house would, and tells what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import BAD_REQUEST
from itertools import takewhile
from typing import Any
from uuid import uuid4

from rich.markup import escape

from loyalty.cli.client import Door, Refused
from loyalty.cli.console import say
from loyalty.cli.migrate import see_to_tenant
from loyalty.cli.tokens import token
from loyalty.cli.trouble import Trouble
from loyalty.tenants.roles import Role

_A_DAY = timedelta(days=1)
_PATIENCE_S = 30.0
JSON = dict[str, Any]


class Guide:
    """One sandbox, seen by its admin, a support agent and a shop; `path` is the program's."""

    def __init__(self, url: str, tenant: str) -> None:
        self.tenant = tenant
        self.admin, self.support, self.shop = (
            Door(url, token(tenant, role, name, _A_DAY))
            for role, name in (
                (Role.ADMIN, "Max"),
                (Role.SUPPORT, "Sue"),
                (Role.SERVER, "shop"),
            )
        )
        self.path = ""

    def open(self, slug: str, name: str, **settings: object) -> None:
        """Opens a program and goes on in it."""
        say(f"\n[bold]{escape(name)}[/]")
        self.post("/programs", {"slug": slug, "name": name, **settings}, within=False)
        self.path = f"/programs/{slug}"

    def post(self, path: str, body: object, *, within: bool = True, by: Door | None = None) -> JSON:
        """What the API made of it, under a key of its own; waits for what a worker does."""
        headers = {"Idempotency-Key": uuid4().hex, "Prefer": "wait=10"}
        return (by or self.admin).must("POST", self._whole(path, within), body, headers)

    def refused(self, path: str, body: object, *, by: Door | None = None) -> str:
        """The code of the refusal that it must be. Raises Refused when it is none."""
        headers = {"Idempotency-Key": uuid4().hex, "Prefer": "wait=10"}
        answer = (by or self.admin).call("POST", self._whole(path, True), body, headers)
        if answer.status < BAD_REQUEST:
            raise Refused(f"POST {path} was to be refused and was answered with {answer.status}.")
        return str(answer.body["code"])

    def get(self, path: str, *, within: bool = True) -> JSON:
        """What is there."""
        return self.admin.must("GET", self._whole(path, within))

    def enrol(self, *members: str, **more: object) -> None:
        """They join."""
        for member_id in members:
            self.post("/members", {"member_id": member_id, **more})

    def buy(
        self, member_id: str, amount: str, *items: tuple[str, str, str], **more: object
    ) -> JSON:
        """A purchase of now, awarded; `items` are (sku, quantity, amount), lines 1, 2, …"""
        lines = [
            {"line_id": str(number), "sku": sku, "quantity": quantity, "amount": price}
            for number, (sku, quantity, price) in enumerate(items, 1)
        ]
        body: JSON = {
            "source": "till-1",
            "transaction_id": uuid4().hex,
            "member_id": member_id,
            "amount": amount,
            "currency": "USD",
            "occurred_at": self.now().isoformat(),
            **({"items": lines} if lines else {}),
        }
        return self.post("/earns", {**body, **more}, by=self.shop)

    def redeem(self, member_id: str, **what: object) -> JSON:
        """Points are spent or held."""
        return self.post(f"/members/{member_id}/redemptions", what, by=self.shop)

    def now(self) -> datetime:
        """The sandbox's present instant."""
        return datetime.fromisoformat(self.get("/test-clock", within=False)["now"])

    def advance(self, duration: str) -> None:
        """Lets time pass; what falls due is done."""
        self.post("/test-clock", {"advance": duration}, within=False)

    def points(self, member_id: str) -> JSON:
        """Where the member's points stand."""
        figures: JSON = self.get(f"/members/{member_id}")["points"]
        return figures

    def until(self, there: Callable[[], bool], what: str) -> None:
        """Waits for what a worker does by itself. Raises Trouble after 30 s."""
        deadline = time.monotonic() + _PATIENCE_S
        while not there():
            if time.monotonic() > deadline:
                raise Trouble(f"Waited {_PATIENCE_S:.0f} s for {what}: is a worker running?")
            time.sleep(0.1)

    def until_newest_is(self, kind: str, member_id: str) -> None:
        """Waits until time, which a read counts at once, is also written down by beat."""
        path = f"/members/{member_id}/entries?limit=1"
        self.until(lambda: self.get(path)["data"][0]["kind"] == kind, f"an entry to {kind}")

    def tell(self, feature: str, sentence: str) -> None:
        """One line of the tour."""
        say(f"  [green]✓[/] [bold]{escape(feature)}[/]: {escape(sentence)}")

    def prove(self, member_id: str, entries: int = 1) -> None:
        """The member's newest entries, each with the first sentence of its explanation."""
        self._prove(self.get(f"/members/{member_id}/entries?limit={entries}")["data"])

    def prove_all(self, kind: str, member_id: str) -> None:
        """The newest entries of that kind, as many as follow each other."""
        newest = self.get(f"/members/{member_id}/entries")["data"]
        self._prove(list(takewhile(lambda entry: entry["kind"] == kind, newest)))

    def _prove(self, newest: list[JSON]) -> None:
        for entry in reversed(newest):
            why = self.get(f"/entries/{entry['id']}/explain", within=False)["sentence"]
            first = why.partition(". ")[0].rstrip(".")
            say(f"      [dim]entry {escape(entry['id'])}: {escape(first)}.[/]")

    def _whole(self, path: str, within: bool) -> str:
        return f"{self.path}{path}" if within else path


def opened(url: str) -> Guide:
    """A fresh sandbox: each tour has its own."""
    tenant = f"tour-{uuid4().hex[:8]}"
    see_to_tenant(tenant, sandbox=True)
    return Guide(url, tenant)
