"""The Aave markets that the local chain can be made to have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from devnet import Deployer, World, open_world
from devnet.aave_3_0_deployment import deploy_aave_3_0
from devnet.spark_deployment import upgrade_rounding


class Version(StrEnum):
    """A market that the local chain can be made to have."""

    V3_6 = "3.6"
    V3_0 = "3.0.2"
    SPARK = "spark"
    """3.0.2 with the double of Spark's rounding upgrade behind it."""

    @property
    def is_3_0(self) -> bool:
        return self is not Version.V3_6


@asynccontextmanager
async def open_market(version: Version) -> AsyncIterator[World]:
    """A view of a fresh world whose verbs go to a market of that version."""
    async with open_world() as world:
        if not version.is_3_0:
            yield world
            return
        at = world.addresses
        made = await deploy_aave_3_0(Deployer(world), world.terms, at.tokens, at.feeds)
        market = world.of_market(made)
        if version is Version.SPARK:
            await upgrade_rounding(market)
        yield market
