"""Why a purchase gave what it gave: stored numbers and codes become sentences when read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from loyalty.earning.queries import Told
from loyalty.earning.sentences import sentence
from loyalty.programs.unit import counted
from loyalty.promotions.queries import versions_of
from loyalty.promotions.rule import Gives, Version

Used = Mapping[tuple[int, int], tuple[str, Version]]
_NOT = ("promotion", "version", "why_not", "unmet")


def explain(session: Session, purchases: Sequence[Told]) -> list[dict[str, Any] | None]:
    """For each purchase why it gave its points, or why none; None where it is not judged yet.

    `{sentence, given: [{promotion, version, base, points, remainder, multiplier?, would_be?,
    left?, lines?, why_not?, sentence}], member: {tier, tier_points, joined_at, …},
    entries: [id]}`
    """
    named = {
        share["promotion"]
        for told in purchases
        if told.explanation
        for share in _shares(told.explanation)
    }
    used = versions_of(session, named) if named else {}
    return [_explain(told, used) for told in purchases]


def _shares(explanation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each promotion gave, in the order of their ids; of some only why nothing is stored."""
    others = [
        {"base": "0", "points": 0, **dict(zip(_NOT, one, strict=False))}
        for one in explanation.get("not", ())
    ]
    given: list[dict[str, Any]] = explanation["given"]
    return sorted(given + others, key=lambda share: int(share["promotion"])) if others else given


def _explain(told: Told, used: Used) -> dict[str, Any] | None:
    if told.explanation is None:
        return {"sentence": told.detail} if told.detail else None
    shares = [_share(share, told, used) for share in _shares(told.explanation)]
    return {
        "sentence": _whole(told, shares),
        "given": shares,
        "member": told.explanation["member"],
        "entries": [f"{told.account_id}-{version}" for version in told.entry_versions],
    }


def _share(share: Mapping[str, Any], told: Told, used: Used) -> dict[str, Any]:
    name, version = used[share["promotion"], share["version"]]
    rule = version.rule
    shown = {"promotion": name, "remainder": "0"}
    shown |= {one: value for one, value in share.items() if one not in {"promotion", "limit"}}
    if rule.gives is Gives.MULTIPLIER:
        shown["multiplier"] = f"{rule.factor.normalize():f}"
    shown["sentence"] = sentence(share, rule, told.currency or "", told.unit)
    return shown


def _whole(told: Told, shares: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for each promotion that counted; of none, why not."""
    bonus = (told.explanation or {}).get("bonus")
    if bonus:
        return f"{counted(told.points or 0, told.unit)}: {bonus['name']}."
    counting = [share for share in shares if share["points"] or "would_be" in share] or shares
    if not counting:
        return "Nothing: no promotion was in force when it occurred."
    if len(counting) == 1:
        return str(counting[0]["sentence"])
    return " ".join(f"{share['promotion']}: {share['sentence']}" for share in counting)
