"""How a public event is written: CloudEvents 1.0, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from loyalty.events.feed import Told

MEDIA_TYPE = "application/cloudevents+json"
#: Fields whose outer name is a word that Python keeps for itself.
_OUTER = {
    "from_bucket": "from",
    "to_bucket": "to",
    "before": "from",
    "after": "to",
    "give_back": "return",
}


def cloudevent(told: Told, tenant: str) -> dict[str, Any]:
    """The event as JSON has it; `tenant` is the slug of whose it is.

    `sequence` is the cursor that reads on after it, and sorts as the events do; `partitionkey` is
    the member (or other subject) within whose events the order holds.
    """
    shown = {
        "specversion": "1.0",
        "id": told.id,
        "source": f"/tenants/{tenant}",
        "type": told.type,
        "subject": told.subject,
        "time": _instant(told.at),
        "datacontenttype": "application/json",
        "sequence": str(told.place),
        "partitionkey": told.subject,
        "data": {_OUTER.get(name, name): value for name, value in asdict(told.data).items()},
    }
    return shown if told.program is None else {**shown, "program": told.program}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
