"""Public events of all that is no movement of points: what the rooms emitted, in its outer form.

Inside, an event has whatever the room that emits it has at hand (table event); outside it is one
of these, and stays so for ever. What must change becomes a class of its own, `.v2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody's membership in a program."""

    TYPE: ClassVar[str]
    member_id: str


class MemberLeft(MemberChanged):
    """They left; what they had was forfeited."""

    TYPE = "member.left.v1"


class MemberSuspended(MemberChanged):
    """Their purchases are parked and their burns refused."""

    TYPE = "member.suspended.v1"


class MemberReinstated(MemberChanged):
    """A suspension ended."""

    TYPE = "member.reinstated.v1"


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """They joined a program, for the first time or `again`."""

    TYPE: ClassVar[str] = "member.joined.v1"
    member_id: str
    again: bool


@dataclass(frozen=True, slots=True)
class MemberMerged:
    """Two members are one from now on, known as `member_id`; `undone`: they are two again."""

    TYPE: ClassVar[str] = "member.merged.v1"
    member_id: str
    absorbed: str
    merge: str
    undone: bool


@dataclass(frozen=True, slots=True)
class PointsExpiringSoon:
    """So many points expire together then, unless they are spent before."""

    TYPE: ClassVar[str] = "points.expiring_soon.v1"
    member_id: str
    points: int
    expires_at: str


@dataclass(frozen=True, slots=True)
class TierChanged:
    """Another tier. `direction` is `raised` or `lowered`; `until` None: for good."""

    TYPE: ClassVar[str] = "tier.changed.v1"
    member_id: str
    direction: str
    before: str
    after: str
    until: str | None
    why: str


@dataclass(frozen=True, slots=True)
class TierWillFall:
    """The tier ends `until` then, unless what is missing is gained before."""

    TYPE: ClassVar[str] = "tier.will_fall.v1"
    member_id: str
    tier: str
    until: str | None
    missing: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class CampaignProgressed:
    """A step on the way to a campaign's goals: how much of each was `counted` and is `wanted`."""

    TYPE: ClassVar[str] = "campaign.progressed.v1"
    member_id: str
    campaign: str
    completed: int
    goals: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class CampaignCompleted:
    """All goals of a campaign are met, for the `n`th time."""

    TYPE: ClassVar[str] = "campaign.completed.v1"
    member_id: str
    campaign: str
    n: int
    cause_id: str
    occurred_at: str


@dataclass(frozen=True, slots=True)
class ReferralCompleted:
    """Whom the member brought has bought, and both get their points."""

    TYPE: ClassVar[str] = "referral.completed.v1"
    member_id: str
    referral: str
    referred: str
    activity_id: str
    referrer_points: int
    referred_points: int


@dataclass(frozen=True, slots=True)
class RedemptionChanged:
    """What became of a redemption: redeemed, held, captured, released, cancelled, shipped ….

    `reward` is None for points spent on an amount.
    """

    TYPE: ClassVar[str] = "redemption.changed.v1"
    member_id: str
    redemption: str
    became: str
    reward: str | None
    points: int


@dataclass(frozen=True, slots=True)
class RewardWaiting:
    """A reward was won and can't be handed out yet."""

    TYPE: ClassVar[str] = "reward.waiting.v1"
    member_id: str
    reward: str
    why_not: str


@dataclass(frozen=True, slots=True)
class StockLow:
    """So few of a reward are left; told with each one taken."""

    TYPE: ClassVar[str] = "stock.low.v1"
    reward: str
    remaining: int
    low_at: int


@dataclass(frozen=True, slots=True)
class ReturnRefused:
    """A return can't be settled, and why."""

    TYPE: ClassVar[str] = "return.refused.v1"
    give_back: str
    source: str
    return_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdjustmentChanged:
    """An adjustment that needs a second person was requested, approved or rejected."""

    TYPE: ClassVar[str] = "adjustment.changed.v1"
    member_id: str
    request: str
    points: int
    status: str


@dataclass(frozen=True, slots=True)
class PromotionPublished:
    """A version of a promotion is in force from `starts_at` to `ends_at`."""

    TYPE: ClassVar[str] = "promotion.published.v1"
    promotion: str
    version: int
    starts_at: str | None
    ends_at: str | None


@dataclass(frozen=True, slots=True)
class PromotionEnded:
    """A promotion ends then."""

    TYPE: ClassVar[str] = "promotion.ended.v1"
    promotion: str
    ends_at: str


@dataclass(frozen=True, slots=True)
class TotalsDiffer:
    """What a source says it sent in a day and what arrived are not the same."""

    TYPE: ClassVar[str] = "totals.differ.v1"
    source: str
    day: str
    currency: str
    count: int
    amount: str


@dataclass(frozen=True, slots=True)
class ReEvaluationDone:
    """Awards of a time were judged again, and so many came out otherwise."""

    TYPE: ClassVar[str] = "re_evaluation.done.v1"
    re_evaluation: str
    corrected: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class JobEnded:
    """An import, export or bulk act is `done`, `failed` or `cancelled`, after so many rows."""

    TYPE: ClassVar[str] = "job.ended.v1"
    job: str
    kind: str
    status: str
    done: int
    changed: int
    refused: int


@dataclass(frozen=True, slots=True)
class WebhookDisabled:
    """Nothing could be delivered to a webhook since then, and nobody tries any more."""

    TYPE: ClassVar[str] = "webhook.disabled.v1"
    webhook: str
    failing_since: str
    reason: str


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """Somebody wants to see whether deliveries arrive."""

    TYPE: ClassVar[str] = "webhook.test.v1"
    webhook: str


Happening = (
    MemberJoined
    | MemberChanged
    | MemberMerged
    | PointsExpiringSoon
    | TierChanged
    | TierWillFall
    | CampaignProgressed
    | CampaignCompleted
    | ReferralCompleted
    | RedemptionChanged
    | RewardWaiting
    | StockLow
    | ReturnRefused
    | AdjustmentChanged
    | PromotionPublished
    | PromotionEnded
    | TotalsDiffer
    | ReEvaluationDone
    | JobEnded
    | WebhookDisabled
    | WebhookTest
)
HAPPENINGS: tuple[type[Happening], ...] = (
    MemberJoined,
    MemberLeft,
    MemberSuspended,
    MemberReinstated,
    MemberMerged,
    PointsExpiringSoon,
    TierChanged,
    TierWillFall,
    CampaignProgressed,
    CampaignCompleted,
    ReferralCompleted,
    RedemptionChanged,
    RewardWaiting,
    StockLow,
    ReturnRefused,
    AdjustmentChanged,
    PromotionPublished,
    PromotionEnded,
    TotalsDiffer,
    ReEvaluationDone,
    JobEnded,
    WebhookDisabled,
)


def _tier(direction: str) -> Callable[[str, Data], Happening]:
    return lambda about, data: TierChanged(
        data["member_id"], direction, data["from"], data["to"], data["until"], data["why"]
    )


def _merged(*, undone: bool) -> Callable[[str, Data], Happening]:
    return lambda about, data: MemberMerged(data["into"], data["from"], data["merge"], undone)


def _named(form: Callable[..., Happening], *names: str) -> Callable[[str, Data], Happening]:
    """The data have all that the outer form has."""
    return lambda about, data: form(*(data[name] for name in names))


def _about(form: Callable[..., Happening], *names: str) -> Callable[[str, Data], Happening]:
    """Whom it is about stands in the subject; the data have the rest."""
    return lambda about, data: form(about, *(data[name] for name in names))


#: How what is emitted is told, by its inner name: from whom it is about, and its data.
_READ: Mapping[str, Callable[[str, Data], Happening]] = {
    "member.joined": _about(MemberJoined, "again"),
    "member.left": _about(MemberLeft),
    "member.suspended": _about(MemberSuspended),
    "member.reinstated": _about(MemberReinstated),
    "member.merged": _merged(undone=False),
    "member.merge_undone": _merged(undone=True),
    "points.expiring_soon": _about(PointsExpiringSoon, "points", "expires_at"),
    "tier.raised": _tier("raised"),
    "tier.lowered": _tier("lowered"),
    "tier.will_fall": _named(TierWillFall, "member_id", "tier", "until", "missing"),
    "campaign.progressed": _about(CampaignProgressed, "campaign", "completed", "goals"),
    "campaign.completed": _about(CampaignCompleted, "campaign", "n", "cause_id", "occurred_at"),
    "referral.completed": _about(
        ReferralCompleted,
        "referral",
        "referred",
        "activity_id",
        "referrer_points",
        "referred_points",
    ),
    "reward.waiting": _about(RewardWaiting, "reward", "why_not"),
    "stock.low": _named(StockLow, "reward", "remaining", "low_at"),
    "return.refused": _named(ReturnRefused, "return", "source", "return_id", "reason"),
    "promotion.published": _about(PromotionPublished, "version", "starts_at", "ends_at"),
    "promotion.ended": _about(PromotionEnded, "ends_at"),
    "totals.differ": _named(TotalsDiffer, "source", "day", "currency", "count", "amount"),
    "re_evaluation.done": _named(ReEvaluationDone, "re_evaluation", "corrected", "dry_run"),
    "job.ended": _named(JobEnded, "job", "kind", "status", "done", "changed", "refused"),
    "webhook.disabled": _about(WebhookDisabled, "failing_since", "reason"),
}


def happening_of(name: str, subject: str, data: Data) -> Happening | None:
    """What was emitted as `name`, in its outer form; None for what is not for the outside."""
    about = subject.partition(" ")[2]
    noun, _, became = name.partition(".")
    if noun == "redemption":
        return RedemptionChanged(
            data["member_id"], data["redemption"], became, data["reward"], data["points"]
        )
    if noun == "adjustment":
        return AdjustmentChanged(about, data["request"], data["points"], data["status"])
    read = _READ.get(name)
    return read(about, data) if read else None
