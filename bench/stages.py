"""One round: every figure once, one after the other, on servers that are otherwise idle."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bench import purchases
from bench.burn_limits import BurnLimits
from bench.cpu import Cpu
from bench.figures import Samples, add_latencies
from bench.house import House, Shop
from bench.limits import Limits
from bench.load import Address, Stream, closed_loop, run
from bench.rival import Rival
from bench.servers import until

SET = 500
_MOST_A_SECOND = 12_000  # requests made ready for each second; more than any door answers
_MOST_BATCHES_A_SECOND = 40  # and batches of 500
_DRAIN_S = 120.0
_BURNS_UNDER_LOAD = 50.0  # a second: enough for a p99, too few to be a load


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each measurement takes, in seconds, and how often all are repeated.

    What takes longer than `most_s` is given up.
    """

    rounds: int
    seconds: float
    books: tuple[int, ...]
    most_s: int


QUICK = Pace(rounds=2, seconds=3, books=(), most_s=900)
FULL = Pace(rounds=5, seconds=6, books=(10_000, 1_000_000, 5_000_000), most_s=3000)
_WARM_UP = Pace(rounds=1, seconds=1, books=(), most_s=0)


class Credits(Protocol):
    """The house or its peer, as far as purchases go."""

    address: Address

    def is_done(self) -> bool:
        """Whether all that was accepted is credited."""

    def credited(self, bodies: Sequence[bytes]) -> tuple[int, float]:
        """How many of these are credited, and when the last one was (epoch)."""


@dataclass(slots=True)
class Stages:
    """What a round needs; `samples` and `cpu` take what it finds."""

    house: House
    rival: Rival
    shop: Shop
    limits: Limits
    burn_limits: BurnLimits
    pace: Pace
    samples: Samples
    cpu: Cpu

    def round(self) -> None:
        """Everything once, what is compared side by side."""
        self._noop()
        self._peer()
        self._earns()
        self._limits()
        self._batches()
        self._burns()
        self._balances()
        self._waits()
        self._burns_under_load()

    def warm_up(self) -> None:
        """A little of everything, which is not counted."""
        replace(self, pace=_WARM_UP, samples=Samples(), cpu=Cpu({})).round()
        self.house.must_be_alike(self.shop.tenant_id, self.limits.tenant_id)

    def _noop(self) -> None:
        path = f"/v1/programs/{purchases.PROGRAM}/noop"
        requests = purchases.endless(purchases.earns(2000, self.shop.key, path))
        self._rate("noop", requests, status=202)

    def _peer(self) -> None:
        requests = purchases.earns(int(self.pace.seconds * 3000), self.rival.key)
        stream, rate = self._credited(self.rival, requests, connections=16)
        self.samples.add("peer.accepted", stream.rate_reached)
        self.samples.add("peer.credited", rate)

    def _earns(self) -> None:
        requests = purchases.earns(int(self.pace.seconds * _MOST_A_SECOND), self.shop.key)
        with self.cpu.counted():
            stream, rate = self._credited(self.house, requests, connections=64)
        self.samples.add("earns.accepted", stream.rate_reached)
        self.samples.add("earns.credited", rate)

    def _limits(self) -> None:
        for connections in (1, 2):
            for key, size, most in (("sets", SET, 30_000), ("single", 1, 2000)):
                sets = max(1, int(most * self.pace.seconds / 3) // size // connections)
                self.samples.add(
                    f"limit.{key}.{connections}", self.limits.rate(size, sets, connections)
                )

    def _batches(self) -> None:
        requests = purchases.batches(
            int(self.pace.seconds * _MOST_BATCHES_A_SECOND), SET, self.shop.key
        )
        stream, rate = self._credited(self.house, requests, connections=4, each=SET)
        self.samples.add("batches.accepted", stream.rate_reached * SET)
        self.samples.add("batches.credited", rate)

    def _burns(self) -> None:
        everybody = [purchases.member_id(number) for number in range(1, purchases.MEMBERS + 1)]
        seconds = max(2, int(self.pace.seconds / 2))
        for key, members in (("many", everybody), ("hot", everybody[:1])):
            limit = max(
                self.burn_limits.rate(script, seconds, hot=key == "hot")
                for script in ("burn.sql", "burn_at_once.sql")
            )
            self.samples.add(f"pgbench.{key}", limit)
            requests = purchases.burns(int(self.pace.seconds * 6000), self.shop.key, members)
            self._rate(f"burns.{key}", requests, status=201)

    def _balances(self) -> None:
        requests = purchases.endless(purchases.balances(2000, self.shop.key))
        self._rate("balances", requests, status=200)

    def _waits(self) -> None:
        rate = 0.8 * self.samples.medians()["earns.credited"]
        requests = purchases.earns(int(self.pace.seconds * rate * 1.5) + 100, self.shop.key)
        stream = Stream(requests, connections=64, rate=rate, keep_bodies=True)
        run(self.house.address, [stream], self.pace.seconds)
        until(self.house.is_done, "the credits", _DRAIN_S)
        add_latencies(self.samples, "wait", self.house.waits_s(stream.expect(202).bodies))

    def _burns_under_load(self) -> None:
        everybody = [purchases.member_id(number) for number in range(1, purchases.MEMBERS + 1)]
        count = int(self.pace.seconds * _BURNS_UNDER_LOAD * 2)
        burns = Stream(
            purchases.burns(count, self.shop.key, everybody),
            connections=16,
            rate=_BURNS_UNDER_LOAD,
        )
        load = Stream(
            purchases.batches(int(self.pace.seconds * _MOST_BATCHES_A_SECOND), SET, self.shop.key),
            connections=2,
        )
        run(self.house.address, [load, burns], self.pace.seconds)
        if self.house.is_done():
            raise AssertionError("the workers had nothing left to do: that was no full load")
        until(self.house.is_done, "the credits", _DRAIN_S)
        load.expect(202)
        add_latencies(self.samples, "burns.loaded", list(burns.expect(201).latencies_s))

    def _rate(self, key: str, requests: purchases.Requests, status: int) -> None:
        stream = closed_loop(
            self.house.address, requests, connections=32, seconds=self.pace.seconds
        )
        self.samples.add(key, stream.expect(status).rate_reached)

    def _credited(
        self, door: Credits, requests: list[bytes], connections: int, each: int = 1
    ) -> tuple[Stream, float]:
        return credited(door, requests, connections, self.pace.seconds, each)


def credited(
    door: Credits, requests: list[bytes], connections: int, seconds: float, each: int = 1
) -> tuple[Stream, float]:
    """Purchases accepted and credited a second: the clock stops at the last credit."""
    began = time.time()
    stream = closed_loop(
        door.address,
        requests,
        connections=connections,
        seconds=seconds,
        keep_bodies=True,
    ).expect(202)
    until(door.is_done, "the credits", _DRAIN_S)
    count, last = door.credited(stream.bodies)
    if count != stream.answered * each:
        raise AssertionError(f"{stream.answered * each} were accepted, {count} credited")
    return stream, count / (last - began)
