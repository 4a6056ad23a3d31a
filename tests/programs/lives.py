"""Any way in which points can wait and live."""

from __future__ import annotations

from hypothesis import strategies as st

from loyalty.programs.life_of_points import (
    EXPIRY_KINDS,
    LONGEST_PENDING_DAYS,
    MOST_N,
    NEVER,
    Expiry,
    ExpiryKind,
    Pending,
)


@st.composite
def expiries(draw: st.DrawFn) -> Expiry:
    """Any policy that a program can have."""
    kind: ExpiryKind = draw(st.sampled_from(EXPIRY_KINDS))
    if kind == "never":
        return NEVER
    least = 1 if kind in {"days", "months", "inactivity"} else 0
    n = draw(st.integers(least, MOST_N[kind]))
    if kind != "fixed_day":
        return Expiry(kind, n)
    day = draw(st.dates().filter(lambda day: day.year % 4 == 0 or day.day < 29))
    return Expiry(kind, n, day.month, day.day)


pendings = (
    st.none()
    | st.builds(Pending, days=st.integers(0, LONGEST_PENDING_DAYS))
    | st.just(Pending(None, "released"))
)
