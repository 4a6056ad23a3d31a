"""The whole trade: catalogue, promotions, lots that fall due, returns, campaigns, rewards."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_STEPS = (
    "0002_events",
    "0002_catalogue",
    "0002_promotions",
    "0002_lots",
    "0002_tiers",
    "0002_returns",
    "0002_campaigns",
    "0002_rewards",
    "0002_care",
    "0002_earning",
    "0002_walls",  # last: it sees every table that the others made
)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        for step in _STEPS:
            cursor.execute((_SQL / f"{step}.sql").read_text())
