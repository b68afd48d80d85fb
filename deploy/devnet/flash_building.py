"""Leverage built in one transaction, by a contract on behalf of the owner of the position.

On Aave our actor takes a flash loan of the collateral, pledges it beside the owner's equity, and
borrows on the owner's credit what buys it back. On Morpho it pledges first, and borrows and buys
in the callback, before it has to pay. Nothing stays with the actor but dust of one wei.
"""

from dataclasses import dataclass

from devnet.abi import MAX_UINT256, Address
from devnet.desks import AaveDesk, Desk, MorphoDesk
from devnet.flash_actor import FlashActor
from devnet.morpho import callback
from devnet.transactions import Receipt, Tx
from devnet.world import World

PREMIUM = "FLASHLOAN_PREMIUM_TOTAL()(uint128)"
QUOTE = "quoteExactOutput(bytes,uint256)(uint256,uint160[],uint32[],uint256)"
BUY = "exactOutput((bytes,address,uint256,uint256,uint256))"


@dataclass(frozen=True)
class Flash:
    """`owner` has the equity: raw collateral, beside which `loan_raw` more is pledged."""

    owner: Address
    desk: AaveDesk | MorphoDesk
    equity_raw: int
    loan_raw: int


@dataclass(frozen=True)
class FlashBuilt:
    """What came of it: all that was pledged, and what is owed for it."""

    flash: Flash
    pledged_raw: int
    borrowed_raw: int
    transaction: str


async def prepare_flash(world: World, flash: Flash, actor: Address) -> None:
    """Equity out of nothing, e-mode, and what the owner must allow the actor; one block."""
    owner, desk = flash.owner, flash.desk
    if isinstance(desk, AaveDesk):
        credit = desk.world.addresses.debt_tokens[desk.debt]
        allowed = world.tx(owner, credit, "approveDelegation(address,uint256)", actor, MAX_UINT256)
    else:
        allowed = desk.morpho.set_authorization(owner, actor)
    await world.block(
        *await desk.grants(owner, flash.equity_raw),
        _approve(world, owner, desk.token, actor),
        *desk.joins(owner),
        allowed,
    )


async def flash_build(world: World, flash: Flash, actor: Address) -> FlashBuilt:
    """In one transaction, which the owner sends. `actor`: a FlashActor, or Morpho's own."""
    desk = flash.desk
    back = flash.loan_raw
    if isinstance(desk, AaveDesk):
        premium_bps = await world.call(desk.spender, PREMIUM)
        back += flash.loan_raw * premium_bps // 10_000 + 1
    paid, buy = back, tuple[Tx, ...]()
    if desk.collateral != desk.debt:
        path = world.path(desk.collateral, desk.debt)  # backwards, as it names the output
        paid = (await world.call(world.addresses.quoter, QUOTE, path, back))[0]
        order = (path, actor, MAX_UINT256, back, paid)
        buy = (world.tx(actor, world.addresses.router, BUY, order),)
    receipt = await _sent(world, flash, actor, (desk.borrow(actor, paid, flash.owner), *buy))
    pledged = flash.equity_raw + flash.loan_raw
    return FlashBuilt(flash, pledged, paid, receipt.transaction_hash)


async def _sent(world: World, flash: Flash, actor: Address, inner: tuple[Tx, ...]) -> Receipt:
    """`inner`: borrowing, and buying back what was pledged beyond the equity."""
    desk, pledged = flash.desk, flash.equity_raw + flash.loan_raw
    signature = "transferFrom(address,address,uint256)"
    first = (
        *_allowances(world, desk, actor),
        world.tx(actor, desk.token, signature, flash.owner, actor, flash.equity_raw),
    )
    if isinstance(desk, AaveDesk):
        ours = FlashActor(desk.world, actor)
        loan = ours.flash_loan(
            desk.collateral, flash.loan_raw, desk.pledge(actor, pledged, flash.owner), *inner
        )
        return await ours.bundle(flash.owner, *first, loan)
    pledge = desk.morpho.supply_collateral(
        actor, desk.market, pledged, on_behalf_of=flash.owner, data=callback(*inner)
    )
    return await desk.morpho.bundle(flash.owner, *first, pledge)


def _allowances(world: World, desk: Desk, actor: Address) -> tuple[Tx, ...]:
    debt = world.token(desk.debt)
    return (
        _approve(world, actor, desk.token, desk.spender),
        _approve(world, actor, debt, world.addresses.router),
    )


def _approve(world: World, account: Address, token: Address, spender: Address) -> Tx:
    return world.tx(account, token, "approve(address,uint256)", spender, MAX_UINT256)
