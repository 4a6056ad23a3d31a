"""Brings the tables to what this code expects, and sees to the tenant `default`."""

from __future__ import annotations

from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy.engine import make_url

from loyalty.cli.parts import ROOT
from loyalty.clock import wall_clock
from loyalty.tenants.add_tenant import TenantExists, add_tenant
from loyalty.transaction import across_tenants

DEFAULT_TENANT = "default"


def upgrade(owner_url: str) -> None:
    """Runs the migrations as the owner of the tables; those already there are left alone."""
    alembic = Alembic(ROOT / "alembic.ini")
    url = make_url(owner_url.replace("postgres://", "postgresql://", 1))
    url = url.set(drivername="postgresql+psycopg2")
    alembic.attributes["url"] = url.render_as_string(hide_password=False)
    command.upgrade(alembic, "head")


def see_to_tenant(slug: str, *, sandbox: bool = False) -> bool:
    """Adds the tenant, with a secret of its own for tokens, unless it is there. Was it added?"""
    try:
        with across_tenants() as session:
            name = slug.replace("-", " ").title()
            add_tenant(session, slug, name, wall_clock(), sandbox=sandbox)
    except TenantExists:
        return False
    return True
