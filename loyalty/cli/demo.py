"""Tenant `demo`: two programs, a few members, real purchases over HTTP, and what they gave."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from rich.markup import escape

from loyalty.cli.client import Door
from loyalty.cli.console import say
from loyalty.cli.migrate import see_to_tenant
from loyalty.cli.tokens import token
from loyalty.clock import wall_clock
from loyalty.tenants.roles import Role

TENANT = "demo"
#: slug, name, points for each 100 USD
PROGRAMS = (("wine-and-dine", "Wine & Dine", 5), ("frequent-flyer", "Frequent Flyer", 1))
MEMBERS = {"ada": "Ada", "ben": "Ben", "cleo": "Cleo"}
CATALOGUE = {
    "/retailers": {"id": "demo-shop", "name": "Demo Shop"},
    "/products": {"sku": "menu", "name": "Menu of the day", "category": "food/menu"},
}
_A_DAY = timedelta(days=1)
_WAIT = {"Prefer": "wait=10"}


def fill(url: str) -> Door:
    """Sees to tenant, programs and members; leaves alone what is there. Returns a server's door."""
    see_to_tenant(TENANT)
    admin = Door(url, token(TENANT, Role.ADMIN, "demo", _A_DAY))
    for path, listed in CATALOGUE.items():
        admin.see_to(path, listed)
    for slug, name, points in PROGRAMS:
        rate = {"points": points, "per": "100"}
        admin.see_to("/programs", {"slug": slug, "name": name, "unit": "points", "earn_rate": rate})
        for member_id, called in MEMBERS.items():
            admin.see_to(f"/programs/{slug}/members", {"member_id": member_id, "name": called})
    return Door(url, token(TENANT, Role.SERVER, "shop", _A_DAY))


def show(url: str) -> None:
    """Buys and burns over HTTP and tells it: one purchase with its why, one burn, one curl."""
    shop = fill(url)
    for member_id, amount in (("ben", "89.90"), ("cleo", "1240.00")):
        for slug, _, _ in PROGRAMS:
            shop.must("POST", f"/programs/{slug}/earns", purchase(member_id, amount))
    bought = shop.must("POST", "/programs/wine-and-dine/earns", purchase("ada", "250.00"), _WAIT)
    flown = shop.must("POST", "/programs/frequent-flyer/earns", purchase("ada", "480.00"), _WAIT)
    burned = shop.must(
        "POST",
        "/programs/wine-and-dine/members/ada/redemptions",
        {"points": 10},
        {"Idempotency-Key": uuid4().hex},
    )
    say("\n[bold]A purchase[/]  Ada spends 250.00 USD at Wine & Dine (100 USD = 5 points)")
    say(f"  {bought['points']} points. Why: {escape(_why(bought))}")
    say("[bold]Another one[/] 480.00 USD at Frequent Flyer (100 USD = 1 point)")
    say(f"  {flown['points']} points. Why: {escape(_why(flown))}")
    left = burned["balance"]["available"]
    say(f"[bold]A burn[/]      Ada spends {burned['points']} points; {left} are left")
    _say_what_to_paste(url)


def purchase(member_id: str, amount: str, transaction_id: str | None = None) -> dict[str, Any]:
    """A purchase that occurred just now."""
    return {
        "source": "demo-shop",
        "transaction_id": transaction_id or uuid4().hex,
        "member_id": member_id,
        "amount": amount,
        "currency": "USD",
        "occurred_at": wall_clock().isoformat(),
    }


def docs_url(url: str) -> str:
    """The API's page, signed in to the demo; the token stands where no browser sends it."""
    return f"{url}/docs#token={token(TENANT, Role.ADMIN, 'demo', _A_DAY)}"


def _why(told: dict[str, Any]) -> str:
    return str((told.get("explanation") or {}).get("sentence", told["status"]))


def _say_what_to_paste(url: str) -> None:
    body = json.dumps(purchase("ben", "100.00", f"yours-{uuid4().hex[:8]}"))
    bearer = token(TENANT, Role.SERVER, "you", _A_DAY)
    say("\n[bold]Your turn[/]   paste this; paste it twice, and it is still one purchase")
    say(
        escape(
            f"  curl -s {url}/v1/programs/wine-and-dine/earns \\\n"
            f"    -H 'Authorization: Bearer {bearer}' \\\n"
            "    -H 'Content-Type: application/json' -H 'Prefer: wait=5' \\\n"
            f"    -d '{body}'"
        )
    )
    say(escape('  answer: 200 {…, "status": "awarded", …, "points": 5, …}\n'))
