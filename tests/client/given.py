"""What a till posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from loyalty_client import Earn


def bought(amount: str, member_id: str = "ada", transaction_id: str | None = None) -> Earn:
    """A purchase of an hour ago."""
    return Earn(
        source="till-1",
        transaction_id=transaction_id or uuid4().hex,
        occurred_at=datetime.now(UTC) - timedelta(hours=1),
        member_id=member_id,
        amount=amount,
        currency="USD",
    )
