"""Several calls of anybody's in one transaction."""

from devnet import Address, Chain, Tx
from devnet.chain import MULTICALL3


def bundled(chain: Chain, sender: Address, calls: list[Tx]) -> Tx:
    """Several calls in one transaction, all made by the Multicall3."""
    return chain.tx(
        sender,
        MULTICALL3,
        "aggregate3((address,bool,bytes)[])",
        [(call.to, False, call.data) for call in calls],
        gas=20_000_000,
    )
