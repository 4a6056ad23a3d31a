"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Integer, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


class RetailerRow(Base):
    """Where something is bought; a purchase names it by `id`."""

    NOUN: ClassVar[str] = "retailer"
    KEY: ClassVar[str] = "id"
    VALUES: ClassVar[tuple[str, ...]] = ("name", "region", "time_zone")

    __tablename__ = "retailer"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    name: Mapped[str]
    region: Mapped[str | None]
    time_zone: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)


class ProductRow(Base):
    """What is bought; a line of a purchase names it by `sku`."""

    NOUN: ClassVar[str] = "product"
    KEY: ClassVar[str] = "sku"
    VALUES: ClassVar[tuple[str, ...]] = ("name", "category", "brand", "price", "currency")

    __tablename__ = "product"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    name: Mapped[str]
    category: Mapped[str | None]
    brand: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(19, 4))
    currency: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
