"""Why a purchase gave what it gave: stored numbers and codes become sentences when read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from loyalty.earning.queries import Told
from loyalty.programs.unit import counted
from loyalty.promotions.queries import versions_of
from loyalty.promotions.rule import Version
from loyalty.promotions.worth import Step

_WHY_NOT = {
    "not_a_purchase": "it is no purchase, and this promotion pays for purchases",
    "currency_not_accepted": "it has no rate for {currency}",
    "before_joining": "the purchase is from before the member joined",
    "nothing_paid": "nothing was paid with money",
}


def money(amount: Decimal) -> str:
    """An amount as people read it: at least two decimals unless it is whole."""
    return f"{amount:.0f}" if amount == int(amount) else f"{amount:.4f}".rstrip("0").ljust(4, "0")


def _sentence(share: Mapping[str, Any], version: Version, currency: str, unit: str) -> str:
    if "why_not" in share:
        return "Nothing: " + _WHY_NOT[share["why_not"]].format(currency=currency) + "."
    rate = version.rule.rates[currency]
    step = "full " if version.rule.step is Step.WHOLE else ""
    said = (
        f"{money(Decimal(share['base']))} {currency} at {counted(rate.points, unit)} per "
        f"{step}{money(rate.per)} {currency}: {counted(share['points'], unit)}"
    )
    rest = Decimal(share.get("remainder", 0))
    if rest > 0:
        return f"{said} (a remainder of {rest.normalize():f} was rounded away)."
    return f"{said} (rounded up by {-rest.normalize():f})." if rest else f"{said}."


def explain(session: Session, purchases: Sequence[Told]) -> list[dict[str, Any] | None]:
    """For each purchase why it gave its points, or why none; None where it is not judged yet.

    `{sentence, given: [{promotion, version, base, points, remainder, why_not?, sentence}],
    member: {tier, tier_points, joined_at}, entries: [id]}`
    """
    used = versions_of(
        session,
        {
            share["promotion"]
            for told in purchases
            if told.explanation
            for share in told.explanation["given"]
        },
    )
    return [_explain(told, used) for told in purchases]


def _explain(
    told: Told, used: Mapping[tuple[int, int], tuple[str, Version]]
) -> dict[str, Any] | None:
    if told.explanation is None:
        return {"sentence": told.detail} if told.detail else None
    given = []
    for share in told.explanation["given"]:
        name, version = used[share["promotion"], share["version"]]
        sentence = _sentence(share, version, told.currency or "", told.unit)
        given.append(
            {
                "promotion": name,
                "version": share["version"],
                "base": share["base"],
                "points": share["points"],
                "remainder": share.get("remainder", "0"),
                **({"why_not": share["why_not"]} if "why_not" in share else {}),
                "sentence": sentence,
            }
        )
    sentence = " ".join(one["sentence"] for one in given) or (
        "Nothing: no promotion was in force when it occurred."
    )
    if bonus := told.explanation.get("bonus"):
        sentence = f"{counted(told.points or 0, told.unit)}: {bonus['name']}."
    return {
        "sentence": sentence,
        "given": given,
        "member": told.explanation["member"],
        "entries": [f"{told.account_id}-{version}" for version in told.entry_versions],
    }
