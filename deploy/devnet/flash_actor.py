"""An account of our own that does several things on Aave at once, also while a flash loan is out.

`actor = FlashActor(market, await Deployer(market).deploy("FlashActor"))`; its actions are those of
any account, `market.supply(actor.address, …)`, in one transaction: `actor.bundle(who, *actions)`.
`actor.flash_loan(symbol, amount_raw, *inner)` is one such action.
"""

from collections.abc import Sequence

from eth_abi import abi

from devnet.abi import Address
from devnet.transactions import Tx
from devnet.world import NO_REFERRAL, World

CALLS = "(address,bytes)[]"
BUNDLE_GAS = 12_000_000
LOAN = "flashLoanSimple(address,address,uint256,bytes,uint16)"
LOANS = "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"


class FlashActor:
    """On the market that `world` is a view of."""

    def __init__(self, world: World, address: Address) -> None:
        self.world = world
        self.address = address

    def bundle(self, sender: Address, *actions: Tx) -> Tx:
        """Actions of the actor in one transaction, which anyone may send."""
        signature, calls = f"run({CALLS})", _calls(actions)
        return self.world.tx(sender, self.address, signature, calls, gas=BUNDLE_GAS)

    def flash_loan(self, symbol: str, amount_raw: int, *inner: Tx) -> Tx:
        """Of one asset, given back; `inner` are actions of the actor while it is out."""
        loan = (self.world.token(symbol), amount_raw, _inside(inner), NO_REFERRAL)
        return self.world.tx(
            self.address, self.world.addresses.pool, LOAN, self.address, *loan, gas=BUNDLE_GAS
        )

    def flash_loans(self, loans: dict[str, tuple[int, int]], *inner: Tx) -> Tx:
        """`loans`: (amount, rate mode) by asset; of mode 0 are given back, others stay as debts."""
        assets = [self.world.token(symbol) for symbol in loans]
        amounts, modes = ([loan[i] for loan in loans.values()] for i in (0, 1))
        args = (self.address, assets, amounts, modes, self.address, _inside(inner), NO_REFERRAL)
        return self.world.tx(self.address, self.world.addresses.pool, LOANS, *args, gas=BUNDLE_GAS)


def _inside(actions: Sequence[Tx]) -> bytes:
    return abi.encode([CALLS], [_calls(actions)])


def _calls(actions: Sequence[Tx]) -> list[tuple[Address | None, bytes]]:
    return [(action.to, action.data) for action in actions]
