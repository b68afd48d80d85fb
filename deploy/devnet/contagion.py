"""A world in which trouble travels by claims, beside prices.

When ether falls, the vault's market WETH/USDC writes debts off, a share of the vault is worth less,
and whoever pledged shares is liquidated; these are redeemed against the little cash its markets
have. aWETH of Aave 3.6 is redeemed there, and sold. When ether rises, aUSDC is seized: Aave 3.0.2
has cash for some of it, Aave 3.6 for none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from devnet.abi import MAX_UINT256, Address, account
from devnet.share_market import open_atoken_market, open_share_market
from devnet.terms import USD
from devnet.transactions import Tx
from devnet.wide_world import WideWorld
from devnet.world import World

LENDER, HOARDER, WHALE = (account(f"contagion {name}") for name in ("lender", "hoarder", "whale"))
ATOKEN_LLTV_WAD = 860_000_000_000_000_000
SHARE_LLTV_WAD = 965_000_000_000_000_000
WETH_USDC, WBTC_USDC = "WETH/USDC", "WBTC/USDC"
LENT_USDC, LENT_WETH = 3_000_000, 2_000
"""In each market of a claim, whole tokens."""
DEEP = ((250, 425_000), (250, 424_000))
"""Of the vault's first market, (WETH, USDC): at -40 % they are under water by a third."""
SHARE_PLEDGES = ((380_000, 960), (250_000, 950), (150_000, 940), (100_000, 750))
"""Dollars' worth of shares, and how many thousandths of it are owed."""
ETHER_PLEDGES = ((100, 150_000), (60, 85_000), (40, 40_000))
"""aWETH of Aave 3.6, and USDC owed."""
DOLLAR_PLEDGES = ((200_000, 84), (120_000, 83), (50_000, 60))
"""aUSDC, and the percentage of its worth that is owed in WETH."""
FOR_ETHER = ((60_000, 84), (30_000, 70))
"""Dollars' worth of shares, and the percentage of it that is owed in WETH."""
VAULT_CASH_USDC, CASH_3_0_USDC = 30_000, 90_000
ON_ITSELF_USDC, CASH_ON_ITSELF_USDC = 60_000, 1_000
"""What the vault lends on its own shares, and what is left there by those who borrow."""
GONE, GONE_USDC = account("vault depositor 2"), 400_000
"""Who has left the vault before, so that a loss weighs more."""
TIMELOCK_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Contagion:
    """Its markets, by their names in Morpho's book.

    `shares` of the vault and `ether` (aWETH) are pledged for USDC. For WETH shares are too
    (`exchanged`), and aUSDC, which Aave pays out in part (`scarce`) or not at all (`dry`).
    """

    shares: str
    exchanged: str
    ether: str
    scarce: str
    dry: str


async def build_contagion(world: WideWorld) -> Contagion:
    """In the wide world, whose vault and markets have no borrowers yet."""
    await _lend(world)
    usdc, weth = world.raw("USDC", LENT_USDC), world.raw("WETH", LENT_WETH)
    saved = [
        (world.raw("USDC", worth), world.raw("USDC", worth) * permille // 1_000)
        for worth, permille in SHARE_PLEDGES
    ]
    scant = world.raw("USDC", CASH_ON_ITSELF_USDC - ON_ITSELF_USDC) + sum(o for _, o in saved)
    await world.vault.withdraw(GONE, world.raw("USDC", GONE_USDC))
    await world.morpho.enable_lltv(SHARE_LLTV_WAD)
    vault, old = world.terms.vaults[0].name, world.aave_3_0
    lltv = ATOKEN_LLTV_WAD
    markets = Contagion(
        await open_share_market(world, vault, "USDC", SHARE_LLTV_WAD, {LENDER: scant}),
        await open_share_market(world, vault, "WETH", lltv, {LENDER: weth}),
        await open_atoken_market(world, world, ("WETH", "USDC"), lltv, {LENDER: usdc}),
        await open_atoken_market(world, old, ("USDC", "WETH"), lltv, {LENDER: weth}),
        await open_atoken_market(world, world, ("USDC", "WETH"), lltv, {LENDER: weth}),
    )
    await _lend_on_itself(world, markets.shares)
    await _pledge_shares(world, markets.shares, saved)
    await _pledge_shares(world, markets.exchanged, _for_ether(world, FOR_ETHER))
    await _borrow_from_the_vault(world)
    dollars = _for_ether(world, DOLLAR_PLEDGES)
    ether = [(world.raw("WETH", has), world.raw("USDC", owes)) for has, owes in ETHER_PLEDGES]
    await _pledge_atokens(world, world, "WETH", markets.ether, ether)
    await _pledge_atokens(world, old, "USDC", markets.scarce, dollars)
    await _pledge_atokens(world, world, "USDC", markets.dry, dollars)
    await _use_up(world, old, CASH_3_0_USDC)
    await _use_up(world, world, 0)
    return markets


async def _lend(world: WideWorld) -> None:
    ether, dollars = world.raw("WETH", 2_000), world.raw("USDC", 1_000_000)
    await world.fund(LENDER, WETH=2 * ether, USDC=2 * dollars)
    for market in (world, world.aave_3_0):
        await world.block(
            market.supply(LENDER, "WETH", ether), market.supply(LENDER, "USDC", dollars)
        )


async def _borrow_from_the_vault(world: WideWorld) -> None:
    """Some too much, and a whale nearly all that is left."""
    txs: list[Tx] = []
    for number, (weth, usdc) in enumerate(DEEP):
        who, pledged = account(f"contagion borrower {number}"), world.raw("WETH", weth)
        await world.fund(who, WETH=pledged)
        txs += [
            world.morpho.supply_collateral(who, WETH_USDC, pledged),
            world.morpho.borrow(who, WETH_USDC, world.raw("USDC", usdc)),
        ]
    await world.fund(WHALE, WETH=world.raw("WETH", 5_000), WBTC=world.raw("WBTC", 100))
    txs += [
        world.morpho.supply_collateral(WHALE, WETH_USDC, world.raw("WETH", 5_000)),
        world.morpho.supply_collateral(WHALE, WBTC_USDC, world.raw("WBTC", 100)),
    ]
    await world.block(*txs)
    for market, left in ((WETH_USDC, VAULT_CASH_USDC), (WBTC_USDC, 0)):
        state = (await world.morpho.accrued(market)).state
        free_raw = state.supply_raw - state.borrow_raw - world.raw("USDC", left)
        await world.block(world.morpho.borrow(WHALE, market, free_raw))


def _for_ether(world: WideWorld, pledges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Raw dollars, and as much WETH as is so many percent of them."""
    price = world.terms.asset("WETH").price_e8 // USD
    return [
        (world.raw("USDC", worth), world.raw("WETH", worth * percent) // (100 * price))
        for worth, percent in pledges
    ]


async def _lend_on_itself(world: WideWorld, market: str) -> None:
    """Somebody's deposit; what follows is lent elsewhere first."""
    vault, assets = world.vault, world.raw("USDC", ON_ITSELF_USDC)
    await vault.submit_cap(market, assets)
    await world.jump(TIMELOCK_SECONDS)
    await vault.accept_cap(market)
    await world.fund(LENDER, USDC=assets)
    await world.block(
        vault.set_supply_queue(market),
        vault.deposit(LENDER, assets),
        vault.set_supply_queue(WETH_USDC, WBTC_USDC, market),
    )


async def _pledge_shares(world: WideWorld, market: str, pledges: Sequence[tuple[int, int]]) -> None:
    """`pledges`: what each has in the vault, and owes, raw."""
    vault = world.vault
    for number, (assets, owed) in enumerate(pledges):
        who = account(f"contagion saver {number} of {market}")
        await world.fund(who, USDC=assets)
        await world.block(vault.deposit(who, assets), _approval(world, who, vault.address))
        shares = await vault.shares_of(who)
        await world.block(
            world.morpho.supply_collateral(who, market, shares),
            world.morpho.borrow(who, market, owed),
        )


async def _pledge_atokens(
    world: WideWorld,
    issuer: World,
    asset: str,
    market: str,
    pledges: Sequence[tuple[int, int]],
) -> None:
    """`pledges`: what each has under its aTokens, and owes, raw."""
    atoken = issuer.addresses.atokens[asset]
    for number, (pledged, owed) in enumerate(pledges):
        who = account(f"contagion pledger {number} of {market}")
        await world.fund(who, **{asset: pledged})
        await world.block(issuer.supply(who, asset, pledged), _approval(world, who, atoken))
        held = await world.balance_of(atoken, who)
        await world.block(
            world.morpho.supply_collateral(who, market, held),
            world.morpho.borrow(who, market, owed),
        )


async def _use_up(world: WideWorld, market: World, left_usdc: int) -> None:
    """Somebody borrows all of a market's USDC but this, on bitcoin."""
    asset, pledged = world.token("USDC"), world.raw("WBTC", 100)
    cash = await world.balance_of(asset, market.addresses.atokens["USDC"])
    await world.fund(HOARDER, WBTC=pledged)
    await world.block(
        market.supply(HOARDER, "WBTC", pledged),
        market.borrow(HOARDER, "USDC", cash - world.raw("USDC", left_usdc)),
    )


def _approval(world: WideWorld, owner: Address, token: Address) -> Tx:
    morpho = world.addresses.morpho.morpho
    return world.tx(owner, token, "approve(address,uint256)", morpho, MAX_UINT256)
