"""What the rig's program has in force, so that a fault strikes all of it: promotions with limits,
points that wait and end, a campaign, returns. What it must come to is plain arithmetic here."""

from __future__ import annotations

from typing import Any, Final

BUDGET: Final = 40  # points of everyone together, one for each of the first purchases
TREATS: Final = 3  # uses of the treat by each member
TREAT: Final = 2  # points of one
VISITS: Final = 5  # purchases that complete the campaign
BONUS: Final = 11  # what it pays, once

PROGRAM: Final[dict[str, Any]] = {
    "slug": "wine",
    "name": "Wine",
    "pending": {"days": 14},
    "expiry": {"kind": "end_of_year", "n": 2},
}
RULES: Final[dict[str, dict[str, Any]]] = {
    "opening": {"fixed": 1, "limits": [{"of": "everyone", "per": "ever", "points": BUDGET}]},
    "treat": {"fixed": TREAT, "limits": [{"of": "member", "per": "ever", "uses": TREATS}]},
    "night": {"multiplier": "2", "when": {"channel": ["night"]}},
}
GOAL: Final = {"key": "regular", "name": "Regular", "kind": "buy", "times": VISITS}
CAMPAIGN: Final = {
    "key": "regulars",
    "name": "Regulars",
    "goals": ["regular"],
    "rewards": [{"kind": "points", "points": BONUS}],
}
