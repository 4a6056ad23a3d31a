"""Many purchases in few requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from loyalty_client.orders import Earn
from loyalty_client.problems import Garbled
from loyalty_client.purchases import Outcome
from loyalty_client.reading import expect, read, to_json
from loyalty_client.wire import Request, Wire

_MOST_EARNS = 1000
_MOST_BYTES = 5 * 1024 * 1024
_NDJSON = "application/x-ndjson"


def post_batch(wire: Wire, path: str, earns: Iterable[Earn]) -> list[Outcome]:
    """The outcome of each, in order."""
    outcomes = list[Outcome]()
    for lines in _parcels(to_json(earn) for earn in earns):
        body = wire.call(Request("POST", path, b"\n".join(lines), media_type=_NDJSON)).body
        told = expect(expect(body, dict, "the batch").get("results"), list, "results")
        if len(told) != len(lines):
            raise Garbled(f"{len(lines)} purchases were posted, {len(told)} outcomes told.")
        for one in told:
            outcomes.append(replace(read(Outcome, one), index=len(outcomes)))
    return outcomes


def _parcels(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines in parts that a request may have."""
    parcel, size = list[bytes](), 0
    for line in lines:
        if parcel and (len(parcel) == _MOST_EARNS or size + len(line) + 1 > _MOST_BYTES):
            yield parcel
            parcel, size = [], 0
        parcel.append(line)
        size += len(line) + 1
    if parcel:
        yield parcel
