"""People with debts in an Aave market of any version, and what they do there, a block at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devnet import Tx, World, account
from devnet.aave_deployment import TREASURY
from devnet.world import NO_REFERRAL
from fuzz.people import FLASH_OWNER, RETURNS_TRUE, flash_receiver

ALICE, BOB, CAROL, DAVE = (account(name) for name in ("alice", "bob", "carol", "dave"))
LIQUIDATOR = account("liquidator of 3.0.2")
PEOPLE = (ALICE, BOB, CAROL, DAVE, LIQUIDATOR, TREASURY)
E_MODE = 1
ODD_SECONDS = 86_399
FLASH = "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"
SIMPLE_FLASH = "flashLoanSimple(address,address,uint256,bytes,uint16)"

Txs = Callable[[World], Sequence[Tx]]


@dataclass(frozen=True, slots=True)
class Act:
    """One block of transactions."""

    name: str
    txs: Txs


def flash(market: World, who: str, loans: dict[str, tuple[int, int]]) -> Tx:
    """`loans`: (amount, rate mode) by asset; mode 0 is given back."""
    assets = [market.token(symbol) for symbol in loans]
    amounts, modes = ([loan[i] for loan in loans.values()] for i in (0, 1))
    args = (flash_receiver(), assets, amounts, modes, who, b"", NO_REFERRAL)
    return market.tx(who, market.addresses.pool, FLASH, *args, gas=6_000_000)


def simple_flash(market: World, symbol: str, amount: int) -> Tx:
    args = (flash_receiver(), market.token(symbol), amount, b"", NO_REFERRAL)
    return market.tx(DAVE, market.addresses.pool, SIMPLE_FLASH, *args)


def to_treasury(market: World) -> Tx:
    tokens = [market.token(symbol) for symbol in ("USDC", "WETH", "DAI")]
    return market.tx(DAVE, market.addresses.pool, "mintToTreasury(address[])", tokens)


async def lend(market: World) -> None:
    """Alice owes USDC against WETH, Carol WETH against wstETH in the e-mode, Dave WETH in WETH."""
    unit = market.raw
    await Tx(market, FLASH_OWNER, None, RETURNS_TRUE, "deploy flash receiver")
    rich = {symbol: unit(symbol, 10_000_000) for symbol in market.addresses.tokens}
    for who in (BOB, ALICE, CAROL, DAVE, LIQUIDATOR, flash_receiver()):
        await market.fund(who, **rich)
    await market.block(
        market.supply(BOB, "USDC", unit("USDC", 1_000_000)),
        market.supply(BOB, "WETH", unit("WETH", 500)),
        market.supply(BOB, "DAI", unit("DAI", 1_000_000)),
        market.supply(ALICE, "WETH", unit("WETH", 10)),
        market.supply(CAROL, "wstETH", unit("wstETH", 10)),
        market.supply(DAVE, "WETH", unit("WETH", 5)),
        market.supply(DAVE, "DAI", 10**18),
        market.set_emode(CAROL, E_MODE),
        market.borrow(ALICE, "USDC", unit("USDC", 14_800)),
        market.borrow(CAROL, "WETH", unit("WETH", 8)),
        market.borrow(DAVE, "WETH", unit("WETH", "3.9")),
    )
    await market.jump(ODD_SECONDS)
