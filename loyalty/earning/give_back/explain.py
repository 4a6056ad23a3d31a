"""What a return took back and from where: stored numbers become sentences when read."""

from __future__ import annotations

from typing import Any

from loyalty.earning.give_back.queries import Told
from loyalty.programs.unit import counted

_FROM = {
    "pending": "{points} that were pending",
    "own": "{points} from what the purchase had made",
    "gone": "{points} that had ended already",
    "available": "{points} from the balance",
    "owed": "{points} that are owed now",
    "let_be": "{points} left with the member, as the program has decided",
}


def explain(told: Told) -> dict[str, Any] | None:
    """Why it took what it took, or why nothing; None where it is still on its way.

    `{sentence, given_back: [{promotion, version, points}], taken_from: {pending, own, gone,
    available, owed, let_be}, tier_points, entries: [id]}`, or `{sentence, left: {lines, amount}}`.
    """
    stored = told.explanation
    if stored is None:
        return {"sentence": told.detail} if told.detail else None
    if told.status == "refused":
        return {"sentence": told.detail, "left": stored["left"]}
    return {
        "sentence": _sentence(told),
        "given_back": [
            {
                "promotion": told.promotions.get(str(share["promotion"])),
                "version": share["version"],
                "points": share["points"],
            }
            for share in stored["given_back"]
        ],
        "taken_from": stored["from"],
        "tier_points": stored["tier_points"],
        "entries": [f"{told.account_id}-{version}" for version in told.entry_versions],
    }


def _sentence(told: Told) -> str:
    stored = told.explanation or {}
    if not told.points:
        return "Nothing: what came back had earned nothing."
    parts = [
        form.format(points=counted(stored["from"][name], told.unit))
        for name, form in _FROM.items()
        if name in stored["from"]
    ]
    return f"{counted(told.points, told.unit)} given back: {', '.join(parts)}."
