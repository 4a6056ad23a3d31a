"""What Prometheus reads: counters and histograms of all processes of this host together.

Each process writes to files of its own under `LOYALTY_DATA/metrics`, and `/metrics` adds them up.
What the database knows better (backlog, broken invariants) is asked at the scrape: see
loyalty/web/health.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_FILES = Path(os.environ.get("LOYALTY_DATA", "var")) / "metrics"
# prometheus_client reads this variable when it is imported, which in a worker Flower's command
# does before us: so it is told again below.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_FILES))
Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)

from prometheus_client import values  # noqa: E402

values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

_SETTLING_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_ANSWERING_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_ACCEPTED = Counter("loyalty_accepted", "Purchases accepted.")
_AWARDS = Counter("loyalty_awards", "Purchases that became points.")
_SET_BACK = Counter(
    "loyalty_set_back", "Purchases not awarded: parked, rejected, failed.", ["status", "reason"]
)
_SETTLING = Histogram(
    "loyalty_accepted_to_awarded_seconds", "From accepted to awarded.", buckets=_SETTLING_S
)
_BURNS = Histogram(
    "loyalty_burn_seconds", "How long a burn took to answer.", ["outcome"], buckets=_ANSWERING_S
)
_RETURNS = Counter(
    "loyalty_returns", "Returns that were settled, refused, failed or wait.", ["outcome"]
)
_MOVED_BY_TIME = Counter("loyalty_moved_by_time", "Lots that beat activated or expired.", ["kind"])
_MISCOUNTED = Counter("loyalty_miscounted", "Replayed awards that came out otherwise.")
_SWEPT = Counter("loyalty_swept", "Purchases whose wake-up the sweep sent again.")
_DROPPED = Counter("loyalty_handover_dropped", "Wake-ups not sent, left to the sweep.")
_LIMITS_OFF = Counter("loyalty_rate_limit_off", "Requests let through because Redis was away.")
_STREAMED = Counter("loyalty_streamed", "Messages of a topic, by outcome.", ["topic", "outcome"])
_STREAM_HELD = Counter(
    "loyalty_stream_held_seconds", "How long a topic was not read, and why.", ["topic", "reason"]
)
_STREAM_LAG = Gauge(
    "loyalty_stream_lag",
    "Messages of a partition that are not stored yet.",
    ["topic", "partition"],
    multiprocess_mode="mostrecent",  # of whichever process reads the partition now
)
_MAILS = Counter("loyalty_mails", "Mails, by kind and what became of them.", ["kind", "became"])
_MAIL_UNREACHABLE = Counter(
    "loyalty_mail_unreachable", "Times that the SMTP server could not be used."
)
_RATE_LIMITED = Counter("loyalty_rate_limited", "Requests that were one too many.", ["policy"])
_WEBHOOKS = Counter("loyalty_webhook_tries", "Tries to deliver events, by outcome.", ["outcome"])
_ERRORS = Counter("loyalty_errors", "Answers of 5xx.", ["code"])


def accepted(purchases: int) -> None:
    """So many purchases were committed."""
    _ACCEPTED.inc(purchases)


def awarded(waits_s: Sequence[float]) -> None:
    """Purchases became points, each so many seconds after it was accepted."""
    for wait_s in waits_s:
        _SETTLING.observe(max(0.0, wait_s))
    _AWARDS.inc(len(waits_s))


def set_back(status: str, reason: str) -> None:
    """A purchase was parked, rejected or failed."""
    _SET_BACK.labels(status, reason).inc()


def returned(outcome: str) -> None:
    """A return was settled, waits, failed, or was refused for the reason that `outcome` names."""
    _RETURNS.labels(outcome).inc()


def burned(outcome: str, took_s: float) -> None:
    """A burn was answered: `redeemed`, or the code of its refusal."""
    _BURNS.labels(outcome).observe(took_s)


def moved_by_time(*, activated: int, expired: int) -> None:
    """Beat found so many lots due and moved them."""
    _MOVED_BY_TIME.labels("activate").inc(activated)
    _MOVED_BY_TIME.labels("expire").inc(expired)


def miscounted(awards: int) -> None:
    """So many awards came out otherwise when they were replayed."""
    _MISCOUNTED.inc(awards)


def swept(purchases: int) -> None:
    """The sweep sent so many wake-ups again."""
    _SWEPT.inc(purchases)


def handover_dropped(purchases: int) -> None:
    """So many wake-ups were not sent."""
    _DROPPED.inc(purchases)


def rate_limit_off() -> None:
    """A request was let through unlimited because Redis did not answer."""
    _LIMITS_OFF.inc()


def streamed(topic: str, outcomes: Mapping[str, int]) -> None:
    """So many messages of a topic had each outcome."""
    for outcome, messages in outcomes.items():
        _STREAMED.labels(topic, outcome).inc(messages)


def stream_held(topic: str, reason: str, seconds: float) -> None:
    """A topic was not read for so long."""
    _STREAM_HELD.labels(topic, reason).inc(seconds)


def stream_lag(topic: str, lags: Mapping[int, int]) -> None:
    """So many messages of each partition wait in Kafka."""
    for partition, messages in lags.items():
        _STREAM_LAG.labels(topic, str(partition)).set(messages)


def mailed(kind: str, became: str) -> None:
    """A mail was sent, failed, waits (`later`), is not to be sent, or nobody knows."""
    _MAILS.labels(kind, became).inc()


def mail_unreachable() -> None:
    """The SMTP server could not be used, and no mail was tried."""
    _MAIL_UNREACHABLE.inc()


def rate_limited(policy: str) -> None:
    """A request was refused because it was one too many."""
    _RATE_LIMITED.labels(policy).inc()


def webhooks(*, delivered: int, failed: int, dead: int) -> None:
    """So many events were delivered, failed and will be tried again, or failed for good."""
    _WEBHOOKS.labels("delivered").inc(delivered)
    _WEBHOOKS.labels("failed").inc(failed)
    _WEBHOOKS.labels("dead").inc(dead)


def failed(code: str) -> None:
    """A request was answered with a 5xx."""
    _ERRORS.labels(code).inc()


def registry() -> CollectorRegistry:
    """A fresh registry that reads what all processes of this host wrote."""
    fresh = CollectorRegistry()
    MultiProcessCollector(fresh)  # type: ignore[no-untyped-call]  # the library types it no further
    return fresh
