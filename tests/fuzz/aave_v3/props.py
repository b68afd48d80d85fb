"""What the play needs on chain before it begins, so that each verb is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from devnet import (
    ADMIN,
    USD,
    ZERO_ADDRESS,
    Address,
    AssetTerms,
    Deployer,
    Tx,
    View,
    World,
    listing,
    prepare_reserve,
    reissue_pool,
    reissue_token,
)
from devnet.listing import Side
from devnet.terms import STABLE_RATES, VOLATILE_RATES

from fuzz.bundling import bundled

Roots: TypeAlias = Mapping[Address, tuple[Address, ...]]
IDLE = "IDLE"
"""The reserve that nobody uses: it can be closed, dropped and listed again."""
LATECOMERS = (
    AssetTerms("LINK", 18, 15 * USD, 6600, 7100, 10_700, 2000, VOLATILE_RATES),
    AssetTerms("EURC", 6, 108 * USD // 100, 7500, 7800, 10_500, 1000, STABLE_RATES),
    AssetTerms(IDLE, 8, 40 * USD, 5000, 6000, 11_000, 2000, VOLATILE_RATES),
)
"""Assets that the market does not list when the play begins."""


@dataclass(frozen=True, slots=True)
class Props:
    """Contracts beside the world's own."""

    oracles: tuple[Address, Address]
    """The one in use at first, and another with the same sources."""
    home_sources: Mapping[str, Address]
    """By asset: where its price comes from when the play begins."""
    roots: Roots
    """Sources whose answers follow others', and whose; the first can be moved."""
    broken_source: Address
    fixed_sources: Mapping[str, Address]
    """By asset: sources whose answer can be set, which logs nothing."""
    listings: Mapping[str, Tx]
    token_codes: Mapping[Side, Address]
    """What tokens and pool can be upgraded to: other addresses, the same code."""
    pool_code: Address | None
    strategies: tuple[Address, ...] = ()
    """Rate curves, where they are contracts of their own."""


async def prepare_latecomers(world: World) -> None:
    """Their tokens and feeds."""
    for terms in LATECOMERS:
        await prepare_reserve(world, terms)


async def make_props(world: World, roots: Roots) -> Props:
    """Deploys all of it for a market of 3.6, of which nothing changes."""
    props = await price_props(world, roots, "AaveOracle")
    return replace(
        props,
        listings={
            terms.symbol: listed(world, props, terms.symbol, await listing(world, terms.symbol))
            for terms in LATECOMERS
        },
        token_codes={
            "supply": await reissue_token(world, "supply"),
            "debt": await reissue_token(world, "debt"),
        },
        pool_code=await reissue_pool(world),
    )


async def price_props(world: World, roots: Roots, oracle: str) -> Props:
    """Without anything that differs by version; `oracle` is the name of its code."""
    deployer, at = Deployer(world), world.addresses
    home_sources = await _home_sources(world)
    sources = {
        symbol: await deployer.deploy("FixedSource", world.terms.asset(symbol).price_e8)
        for symbol in at.tokens
    }
    rival = await deployer.deploy(
        oracle,
        at.addresses_provider,
        [at.tokens[symbol] for symbol in at.tokens],
        [home_sources[symbol] for symbol in at.tokens],
        *(ZERO_ADDRESS, ZERO_ADDRESS, USD),
    )
    return Props(
        oracles=(at.oracle, rival),
        home_sources=home_sources,
        roots=roots,
        broken_source=await deployer.deploy("RevertingSource"),
        fixed_sources=sources,
        listings={},
        token_codes={},
        pool_code=None,
    )


async def _home_sources(world: World) -> dict[str, Address]:
    """What the oracle asks, or will once the asset is listed."""
    at = world.addresses
    view = "getSourceOfAsset(address)(address)"
    used = await world.read([View(at.oracle, view, (token,)) for token in at.tokens.values()])
    return {
        symbol: at.feeds[symbol] if source == ZERO_ADDRESS else source
        for symbol, source in zip(at.tokens, used, strict=True)
    }


def listed(world: World, props: Props, symbol: str, steps: Sequence[Tx]) -> Tx:
    """A listing in one transaction, the price known to both oracles."""
    feed, rival = world.addresses.feeds[symbol], props.oracles[1]
    signature = "setAssetSources(address[],address[])"
    also = world.tx(ADMIN, rival, signature, [world.token(symbol)], [feed])
    return bundled(world, ADMIN, [also, *steps])
