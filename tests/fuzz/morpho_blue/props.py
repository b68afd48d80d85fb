"""What the play adds to Morpho before it begins: markets of other kinds, and some to be created."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from devnet import ADMIN, ZERO_ADDRESS, Address, Deployer, MarketParams, WideWorld
from devnet.oracle_deployment import OracleSide, deploy_composed_oracle, deploy_sick_feed

WAD = 10**18
SICK, STRANGE = "WETH/DAI sick", "WBTC/DAI strange"
MOCK = "WETH/DAI"
"""The devnet's own market whose price anybody may set; its debts never grow."""
LATE_PAIRS = (("WBTC", "WETH"), ("USDC", "DAI"), ("DAI", "USDC"), ("WETH", "WBTC"))
STRANGE_RATE_WAD = WAD // 10 // (365 * 86_400)
FEED_DECIMALS = 8
"""Of the sick feed, whose answers the oracle scales to 36."""


@dataclass(frozen=True, slots=True)
class Props:
    """Contracts beside the world's own, and markets that nobody has created yet."""

    sick_aggregator: Address
    strange_model: Address
    latecomers: tuple[str, ...]
    """Names in the book of markets, which knows their terms already."""
    first_prices_e36: Mapping[str, int]
    """Of markets whose price can be set for them alone."""


async def make_props(world: WideWorld) -> Props:
    """Deploys all of it, and creates the markets that are there from the beginning."""
    deployer, book = Deployer(world), world.addresses.morpho.markets
    model = await deployer.deploy("RateModel", STRANGE_RATE_WAD)
    aggregator = await _add_sick(world, deployer)
    first = {MOCK: _price_e36(world, "WETH", "DAI"), SICK: _price_e36(world, "WETH", "DAI")}
    first[STRANGE] = await _add_mocked(world, deployer, STRANGE, ("WBTC", "DAI"), model)
    morpho = world.morpho
    await world.block(morpho.enable_rate_model(model), morpho.enable_lltv(0))
    await world.block(*(morpho.create_market(ADMIN, book[name]) for name in (SICK, STRANGE)))
    early = set(book)
    usual = morpho.params("WETH/USDC")
    for pair in (*LATE_PAIRS, ("WETH", "WETH")):
        name = f"{'/'.join(pair)} late"
        first[name] = await _add_mocked(world, deployer, name, pair, usual.rate_model)
    book["without oracle late"] = replace(usual, oracle=ZERO_ADDRESS)
    book["without LLTV late"] = replace(usual, lltv_wad=0)
    book["without rate late"] = replace(usual, rate_model=ZERO_ADDRESS)
    late = tuple(name for name in book if name not in early)
    return Props(aggregator, model, late, first)


async def _add_mocked(
    world: WideWorld, deployer: Deployer, name: str, pair: tuple[str, str], model: Address
) -> int:
    """To the book, with an oracle whose price anybody may set; that price."""
    price_e36, (collateral, loan) = _price_e36(world, *pair), map(world.token, pair)
    oracle = await deployer.deploy("OracleMock")
    await deployer.send(oracle, "setPrice(uint256)", price_e36)
    lltv_wad = world.morpho.params("WETH/USDC").lltv_wad
    book = world.addresses.morpho.markets
    book[name] = MarketParams(loan, collateral, oracle, model, lltv_wad)
    return price_e36


async def _add_sick(world: WideWorld, deployer: Deployer) -> Address:
    """To the book; the aggregator that anybody makes answer anything, or nothing."""
    answer = world.terms.asset("WETH").price_e8
    feed, aggregator = await deploy_sick_feed(deployer, "WETH / DAI", FEED_DECIMALS, answer)
    oracle = await deploy_composed_oracle(deployer, OracleSide(18, feed_1=feed), OracleSide(18))
    usual, known = world.morpho.params("WETH/USDC"), world.morpho.params(MOCK)
    book = world.addresses.morpho.markets
    book[SICK] = replace(known, oracle=oracle, rate_model=usual.rate_model)
    return aggregator


def _price_e36(world: WideWorld, collateral: str, loan: str) -> int:
    """By the feeds' first prices."""
    of, against = world.terms.asset(collateral), world.terms.asset(loan)
    scale: int = 10 ** (36 + against.decimals - of.decimals)
    return of.price_e8 * scale // against.price_e8
