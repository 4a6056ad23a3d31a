"""The airline: points that wait for the flight, tiers that last a year, a status given by hand."""

from __future__ import annotations

from datetime import timedelta

from loyalty.cli.tour.guide import Guide


def show(guide: Guide) -> None:
    """Frequent Flyer: 100 USD is 1 point, tiers by the money spent within 12 months."""
    guide.open(
        "frequent-flyer",
        "Frequent Flyer, an airline",
        earn_rate={"points": 1, "per": "100"},
        pending={"until": "released"},
        expiry={"kind": "inactivity", "n": 540},
        tier_policy={"window": "rolling_12_months", "on": "spend", "fall": "one_down"},
    )
    tiers = [
        {"key": "blue", "name": "Blue", "threshold": 0},
        {"key": "silver", "name": "Silver", "threshold": 2000},
        {"key": "senator", "name": "Senator", "threshold": 10000},
    ]
    guide.admin.must("PUT", f"{guide.path}/tiers", {"tiers": tiers})
    guide.enrol("gus")
    _flight(guide)
    _years(guide)
    _by_hand(guide)
    _leave(guide)


def _flight(guide: Guide) -> None:
    flight = guide.buy("gus", "2400.00")
    waiting = guide.points("gus")["pending"]
    guide.tell("Pending", f"{waiting} points wait until the flight was flown")
    guide.prove("gus")
    guide.post(f"/earns/{flight['id']}/activate", {}, within=False)
    guide.tell("Activation", "flown: they can be spent")
    guide.prove("gus")
    told = guide.get("/members/gus")
    missing = told["next_tier"]["missing"]["amount"]
    then = f"{told['next_tier']['name']} for {missing} USD more"
    guide.tell("Tier", f"{told['tier']['name']} at once, {then}")


def _years(guide: Guide) -> None:
    guide.advance("P400D")
    told = guide.get("/members/gus")
    guide.tell("Review", f"a year without a flight: {told['tier']['name']}")
    guide.advance("P200D")
    left = guide.points("gus")["available"]
    guide.until_newest_is("expire", "gus")
    guide.tell("Inactivity", f"540 days after the last flight {left} points are left")
    guide.prove("gus")


def _by_hand(guide: Guide) -> None:
    until = (guide.now() + timedelta(days=730)).isoformat()
    told = guide.post(
        "/members/gus/tier", {"tier": "senator", "until": until, "reason": "our pilot's father"}
    )
    guide.tell("By hand", f"{told['tier']['name']}, protected until {told['tier']['until'][:10]}")


def _leave(guide: Guide) -> None:
    guide.buy("gus", "900.00")
    gone = guide.admin.must("DELETE", f"{guide.path}/members/gus")
    guide.tell("Leaving", f"{gone['status']}; what was pending is reversed, the history stays")
    guide.prove("gus")
