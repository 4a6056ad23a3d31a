"""The schema: everything that can be asked and done at /graphql."""

from __future__ import annotations

from functools import cache

import strawberry
from strawberry.extensions import (
    DisableIntrospection,
    MaxTokensLimiter,
    ParserCache,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig

from loyalty.web.graphql.catalogue import CatalogueQueries
from loyalty.web.graphql.form import told
from loyalty.web.graphql.limits import MOST_TOKENS, Limits
from loyalty.web.graphql.members import MemberQueries
from loyalty.web.graphql.promotions import PromotionQueries
from loyalty.web.graphql.purchase import Accepted, Awarded, PurchaseMutations, Rejected
from loyalty.web.graphql.purchases import PurchaseQueries
from loyalty.web.graphql.redeem import RedeemMutations
from loyalty.web.graphql.scalars import SCALARS

_REMEMBERED = 128  # documents that came before are neither read nor validated again


@told
class Query(MemberQueries, PurchaseQueries, PromotionQueries, CatalogueQueries):
    """What can be read. Each field says who may."""


@told
class Mutation(PurchaseMutations, RedeemMutations):
    """What a till does."""


class Schema(strawberry.Schema):
    """Errors are told, and written down, by loyalty.web.graphql.errors alone."""

    def process_errors(self, *_: object) -> None:
        """Nothing here."""


@cache
def schema(*, introspection: bool) -> Schema:
    """The schema; without `introspection` it does not tell what it is."""
    return Schema(
        Query,
        Mutation,
        types=[Accepted, Awarded, Rejected],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not introspection),
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=MOST_TOKENS),
            lambda: ParserCache(maxsize=_REMEMBERED),
            Limits,
            *(() if introspection else (DisableIntrospection,)),
            lambda: ValidationCache(maxsize=_REMEMBERED),
        ],
    )
