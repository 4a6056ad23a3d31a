"""Whom a bulk act is about; the migration is the truth."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base


class BulkActBatchRow(Base):
    """The members of one batch, in the order of their memberships; append-only."""

    __tablename__ = "bulk_act_batch"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    batch: Mapped[int] = mapped_column(Integer, primary_key=True)
    membership_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),)
