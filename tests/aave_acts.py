"""People with debts in an Aave market of any version, and what they do there, a block at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devnet import Tx, World, account
from devnet.aave_deployment import TREASURY
from devnet.world import NO_REFERRAL, VARIABLE_RATE
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


VERBS = (
    Act("supply", lambda m: [m.supply(ALICE, "WETH", 10**18 + 1)]),
    Act("supply for another", lambda m: [m.supply(BOB, "DAI", 7 * 10**18 + 3, CAROL)]),
    Act("withdraw some", lambda m: [m.withdraw(BOB, "USDC", 1_234_567)]),
    Act("borrow more", lambda m: [m.borrow(ALICE, "USDC", 98_765_431)]),
    Act("first debt of an asset", lambda m: [m.borrow(ALICE, "DAI", 10**18 + 7)]),
    Act("repay less than its interest", lambda m: [m.repay(ALICE, "USDC", 2)]),
    Act("repay some", lambda m: [m.repay(ALICE, "USDC", 10_000_001)]),
    Act("repay for another", lambda m: [m.repay(BOB, "USDC", 10_000_003, ALICE)]),
    Act("repay all", lambda m: [m.repay(ALICE, "DAI")]),
    Act("repay with aTokens", lambda m: [m.repay_with_atokens(DAVE, "WETH", 10**17 + 1)]),
    Act("transfer", lambda m: [m.transfer_atoken(BOB, "WETH", DAVE, 10**18 + 9)]),
    Act("transfer to itself", lambda m: [m.transfer_atoken(BOB, "WETH", BOB, 10**18)]),
    Act("transfer of nothing", lambda m: [m.transfer_atoken(BOB, "WETH", DAVE, 0)]),
    Act("no collateral", lambda m: [m.set_collateral(BOB, "WETH", False)]),
    Act("collateral", lambda m: [m.set_collateral(BOB, "WETH", True)]),
    Act("out of the e-mode", lambda m: [m.set_emode(CAROL, 0)]),
    Act("into the e-mode", lambda m: [m.set_emode(CAROL, E_MODE)]),
    Act("flash loan", lambda m: [simple_flash(m, "USDC", 10**10)]),
    Act("two given back", lambda m: [flash(m, DAVE, {"USDC": (10**9, 0), "WETH": (10**18, 0)})]),
    Act("flash loan kept", lambda m: [flash(m, ALICE, {"USDC": (10**8, VARIABLE_RATE)})]),
    Act(
        "one given back, one kept",
        lambda m: [flash(m, ALICE, {"WETH": (10**18, 0), "DAI": (10**18, VARIABLE_RATE)})],
    ),
    Act("to the treasury", lambda m: [to_treasury(m)]),
    Act(
        "donations",
        lambda m: [m.mint(m.addresses.atokens["USDC"], "USDC", 10**9), m.supply(BOB, "USDC", 11)],
    ),
    Act("a donation alone", lambda m: [m.mint(m.addresses.atokens["WETH"], "WETH", 10**18)]),
    Act(
        "all in one block",
        lambda m: [
            m.supply(ALICE, "WETH", 10**18),
            m.borrow(ALICE, "USDC", 10**6 + 1),
            m.repay(ALICE, "USDC", 10**5 + 1),
            m.withdraw(ALICE, "WETH", 10**17 + 1),
            m.transfer_atoken(BOB, "USDC", ALICE, 10**6),
        ],
    ),
    Act("all of it to another", lambda m: [m.transfer_atoken(DAVE, "DAI", LIQUIDATOR, 10**18)]),
    Act("repay it all", lambda m: [m.repay(CAROL, "WETH")]),
    Act("withdraw it all", lambda m: [m.withdraw(CAROL, "wstETH")]),
)


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
