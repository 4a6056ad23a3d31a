"""A program comes into being, with the default tiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from loyalty.errors import Conflict
from loyalty.programs.models import ProgramRow, TierRow
from loyalty.programs.queries import Program, program_by_slug
from loyalty.programs.settings import DEFAULT_TIERS, ProgramSettings, settings_to_json


class ProgramExists(Conflict):
    """409: the slug is taken."""

    code = "program_exists"
    title = "There is a program of this name already"
    cure = "Choose another slug, or change the program that is there."


@dataclass(frozen=True, slots=True)
class NewProgram:
    """What a program is made of. `currency` is ISO 4217, `time_zone` an IANA name."""

    slug: str
    name: str
    unit: str = "points"
    currency: str = "USD"
    time_zone: str = "UTC"
    settings: ProgramSettings = field(default_factory=ProgramSettings)


def create_program(session: Session, order: NewProgram, at: datetime) -> Program:
    """Writes the program and its default tiers: Basic 0, Gold 500, Platinum 1000.

    Raises ProgramExists. Who opens a program also publishes its earn rate: see
    loyalty.promotions.open_program.
    """
    tenant_id = session.info["tenant_id"]
    program_id: int | None = session.scalar(
        insert_or_not(ProgramRow)
        .values(
            tenant_id=tenant_id,
            slug=order.slug,
            name=order.name,
            unit=order.unit,
            currency=order.currency,
            time_zone=order.time_zone,
            settings=settings_to_json(order.settings),
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=[ProgramRow.tenant_id, ProgramRow.slug])
        .returning(ProgramRow.id)
    )
    if program_id is None:
        raise ProgramExists(f"There is a program {order.slug!r} already.")
    session.execute(
        insert(TierRow),
        [
            {
                "tenant_id": tenant_id,
                "program_id": program_id,
                "key": tier.key,
                "name": tier.name,
                "threshold": tier.threshold,
            }
            for tier in DEFAULT_TIERS
        ],
    )
    return program_by_slug(session, order.slug)
