"""Who acts, in which request, and when: what every act is told, and every record keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class By:
    """`actor` is a key or a person, or a room of the house that begins with a colon."""

    actor: str
    request_id: str | None
    at: datetime
