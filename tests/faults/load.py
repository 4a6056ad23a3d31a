"""Tills and apps under load, that write down each answer they got and never give up on one."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final
from uuid import uuid4

import requests

from tests.faults import in_force
from tests.tenant import TestTenant

MEMBERS: Final = [f"m{number}" for number in range(10)]
RETURNERS: Final = {"m0", "m1"}  # who bring back every third purchase, all of it
SPENDER: Final = "spender"
SPENDABLE: Final = 40  # points that the burners fight for
_TIMEOUT_S = 15
_BUSINESS = {201, 409}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A purchase that was answered 202: when, by the wall clock, in seconds.

    `points` are those of the earn rate; at night all that is given counts twice.
    """

    id: str
    member: str
    points: int
    at: float
    night: bool


@dataclass(frozen=True, slots=True)
class Burned:
    """What a burn was answered."""

    status: int
    body: str


@dataclass(slots=True)
class Told:
    """All that the clients were told."""

    accepted: dict[str, Accepted] = field(default_factory=dict)  # by transaction id
    returned: dict[str, str] = field(default_factory=dict)  # the return's id, by transaction id
    burns: dict[str, Burned] = field(default_factory=dict)  # by idempotency key
    #: Answers that were no answer, and how often: the same request was sent again.
    tried_again: Counter[str] = field(default_factory=Counter)
    slowest_burn_s: float = 0.0


class Load:
    """Threads that buy and burn until the context ends; then `told` is complete."""

    def __init__(
        self,
        urls: list[str],
        tenant: TestTenant,
        *,
        tills: int,
        burners: int = 2,
        pause_s: float = 0.03,
    ) -> None:
        self.told = Told()
        self._urls = urls
        self._admin = tenant.headers("admin")
        self._server = tenant.headers("server")
        self._pause_s = pause_s
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._till, args=(one,)) for one in range(tills)]
        self._threads += [
            threading.Thread(target=self._burner, args=(one,)) for one in range(burners)
        ]

    def __enter__(self) -> Load:
        with requests.Session() as http:
            http.headers.update(self._admin)
            self._must(http, "/programs", in_force.PROGRAM)
            for key, rule in in_force.RULES.items():
                promotion = {"key": key, "name": key, "rule": rule}
                self._must(http, "/programs/wine/promotions", promotion)
                self._must(http, f"/programs/wine/promotions/{key}/publish", {})
            self._must(http, "/programs/wine/goals", in_force.GOAL)
            self._must(http, "/programs/wine/campaigns", in_force.CAMPAIGN)
            self._must(http, "/programs/wine/campaigns/regulars/publish", {})
            for member in (*MEMBERS, SPENDER):
                self._must(http, "/programs/wine/members", {"member_id": member})
            gift = {"points": SPENDABLE, "reason": "to be spent"}
            self._must(http, f"/programs/wine/members/{SPENDER}/adjustments", gift)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.end()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a client waits for ever"

    def end(self) -> None:
        """No new purchases and burns; those under way are still seen through."""
        self._over.set()

    def buy_once(self, member: str) -> None:
        """One purchase besides those of the tills."""
        with requests.Session() as http:
            http.headers.update(self._server)
            self._buy(http, self._urls, member, 1)

    def burn_all_again(self) -> dict[str, tuple[Burned, bool]]:
        """Every burn once more under its key: the answer, and whether it was a replay."""
        again = {}
        with requests.Session() as http:
            http.headers.update(self._server)
            for key in self.told.burns:
                answer = self._until_answered(http, self._urls, "redemptions", key)
                replayed = answer.headers.get("Idempotency-Replayed") == "true"
                again[key] = Burned(answer.status_code, answer.text), replayed
        return again

    def _till(self, number: int) -> None:
        members = itertools.cycle(MEMBERS[number:] + MEMBERS[:number])
        urls = self._urls[number % 2 :] + self._urls[: number % 2]
        with requests.Session() as http:
            http.headers.update(self._server)
            for sale in itertools.count():
                if self._over.wait(self._pause_s):
                    return
                member = next(members)
                bought = self._buy(http, urls, member, 1 + sale % 7, night=sale % 4 == 0)
                if member in RETURNERS and sale % 3 == 0:
                    self._bring_back(http, urls, bought)

    def _buy(
        self,
        http: requests.Session,
        urls: list[str],
        member: str,
        points: int,
        *,
        night: bool = False,
    ) -> str:
        earn = _purchase(member, points, night=night)
        answer = self._until_answered(http, urls, "earns", earn)
        bought = str(earn["transaction_id"])
        self.told.accepted[bought] = Accepted(
            answer.json()["id"], member, points, time.time(), night
        )
        return bought

    def _bring_back(self, http: requests.Session, urls: list[str], bought: str) -> None:
        """At once: it may come before its purchase is awarded."""
        back = {"source": "till-1", "transaction_id": bought, "return_id": uuid4().hex}
        answer = self._until_answered(http, urls, "returns", back)
        self.told.returned[bought] = answer.json()["id"]

    def _burner(self, number: int) -> None:
        urls = self._urls[number % 2 :] + self._urls[: number % 2]
        with requests.Session() as http:
            http.headers.update(self._server)
            while not self._over.wait(0.1):
                key, started = uuid4().hex, time.monotonic()
                answer = self._until_answered(http, urls, "redemptions", key)
                took_s = time.monotonic() - started
                self.told.burns[key] = Burned(answer.status_code, answer.text)
                self.told.slowest_burn_s = max(self.told.slowest_burn_s, took_s)

    def _until_answered(
        self, http: requests.Session, urls: list[str], what: str, order: Any
    ) -> requests.Response:
        """The same request to one server after the other, until one has done it."""
        if what == "redemptions":
            path, body = f"members/{SPENDER}/redemptions", {"points": 1}
            headers = {"Idempotency-Key": order}
        else:
            path, body, headers = what, order, {}
        for url in itertools.cycle(urls):
            try:
                answer = http.post(
                    f"{url}/v1/programs/wine/{path}",
                    json=body,
                    headers=headers,
                    timeout=_TIMEOUT_S,
                )
            except requests.RequestException as error:
                self.told.tried_again[type(error).__name__] += 1
            else:
                if _is_final(what, answer):
                    return answer
                self.told.tried_again[f"{answer.status_code} {answer.json().get('code')}"] += 1
            time.sleep(0.05)
        raise AssertionError("an endless loop ended")

    def _must(self, http: requests.Session, path: str, body: object) -> None:
        headers = {"Idempotency-Key": uuid4().hex}
        url = f"{self._urls[0]}/v1{path}"
        answer = http.post(url, json=body, headers=headers, timeout=_TIMEOUT_S)
        while answer.status_code == 503:  # a connection that the fault before this one cut
            answer = http.post(url, json=body, headers=headers, timeout=_TIMEOUT_S)
        assert answer.status_code in {200, 201}, answer.text


def _is_final(what: str, answer: requests.Response) -> bool:
    if what != "redemptions":
        return answer.status_code == 202
    return answer.status_code in _BUSINESS and "idempotency_in_flight" not in answer.text


def _purchase(member: str, points: int, *, night: bool) -> dict[str, object]:
    return {
        "source": "till-1",
        "transaction_id": uuid4().hex,
        "member_id": member,
        "amount": str(points),
        "currency": "USD",
        "channel": "night" if night else "day",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
