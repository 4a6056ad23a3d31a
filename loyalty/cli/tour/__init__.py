"""The tour: a brewery, a restaurant and an airline show each feature, proved by an entry."""

from __future__ import annotations

from loyalty.cli.console import say
from loyalty.cli.tour import airline, brewery, restaurant
from loyalty.cli.tour.guide import opened
from loyalty.cli.trouble import Trouble


def show(url: str) -> None:
    """Gives the tour in a fresh sandbox, whose clock can be moved. Raises Trouble."""
    guide = opened(url)
    for house in (brewery, restaurant, airline):
        house.show(guide)
    verdict = guide.admin.must("GET", "/audit")
    if not verdict["holds"]:
        raise Trouble(f"The book is broken: {verdict['broken']}")
    say(
        f"\n[bold]The book[/]: every invariant holds of {verdict['entries']} entries"
        f" ({verdict['questions']} questions)"
    )
    say(f"  Look around: loyalty token --role admin --tenant {guide.tenant}")
