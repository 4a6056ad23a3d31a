"""What is worth a mail, to whom, in which language, and when to try again: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_A_MOMENT = timedelta(microseconds=1)


class Kind(StrEnum):
    """What members are written to about."""

    TIER_REACHED = "tier_reached"
    MILESTONE = "milestone"
    POINTS_EXPIRING = "points_expiring"
    REWARD_REDEEMED = "reward_redeemed"


def milestone(before: int, after: int, every: int | None, named: Sequence[int]) -> int | None:
    """The highest milestone above `before` and up to `after`, in points; None if there is none.

    One step that passes several is one milestone: the highest. The others are passed with it.
    """
    passed = [one for one in named if before < one <= after]
    if every and after // every > before // every:
        passed.append(after // every * every)
    return max(passed, default=None)


def last_day(until: datetime, time_zone: str) -> date:
    """The last day, in that zone, on which something holds that ends at the instant `until`."""
    return (until - _A_MOMENT).astimezone(ZoneInfo(time_zone)).date()


def day_ends(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """The two midnights, in that zone, between which the day lies."""
    midnight = datetime.combine(day, time.min, ZoneInfo(time_zone))
    return midnight, datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))


#: What nobody could be told for longer than this is no news any more.
NEWS_FOR = timedelta(days=3)

#: How long after each try that failed for now the next one comes; after the last there is none.
_AGAIN = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60)
)


def again_after(tries: int) -> timedelta | None:
    """How long to wait after so many tries; None: it is given up, after about two days."""
    return _AGAIN[tries - 1] if tries <= len(_AGAIN) else None


_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL})@(?P<domain>(?:{_LABEL}\.)+{_LABEL})")
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254


def address(told: object) -> str | None:
    """The e-mail address in its plain ASCII form; None for what is none, or could carry more.

    The domain may be written in any script. Nothing that ends a header or begins a second
    recipient is an address.
    """
    if not isinstance(told, str):
        return None
    local, at, domain = told.strip(" ").rpartition("@")
    try:
        plain = f"{local}{at}{domain.encode('idna').decode() if domain else ''}"
    except UnicodeError:
        return None
    found = _ADDRESS.fullmatch(plain)
    if found is None or len(found["local"]) > _LONGEST_LOCAL or len(plain) > _LONGEST_ADDRESS:
        return None
    return plain


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Text as it may stand in a header: whatever would end its line is a blank."""
    return _CONTROL.sub(" ", text).strip()


_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?")


def languages(*wished: object) -> list[str]:
    """In which languages to look for words, the best first: `de-AT` is also looked for as `de`.

    What is no language is passed over.
    """
    found: list[str] = []
    for one in wished:
        tag = _LANGUAGE.fullmatch(one) if isinstance(one, str) else None
        if tag is None:
            continue
        language = tag[1].lower()
        for name in (f"{language}-{tag[2].upper()}" if tag[2] else language, language):
            if name not in found:
                found.append(name)
    return found
