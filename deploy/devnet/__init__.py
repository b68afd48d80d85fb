"""The local chain: real lending protocol bytecode on anvil, for tests, demo and fuzz."""

from devnet.abi import ZERO_ADDRESS, Address, account, event_topic
from devnet.addresses import Addresses, MarketParams, WideAddresses
from devnet.anvil import Anvil, RpcError
from devnet.chain import Block, BlockRef, Chain, View
from devnet.deployer import ADMIN, Deployer
from devnet.executed import Executed
from devnet.listing import (
    find_tokens,
    list_reserve,
    listing,
    pool_upgrade,
    prepare_reserve,
    reissue_pool,
    reissue_token,
    token_upgrade,
    upgrade_pool,
    upgrade_token,
)
from devnet.loops import Loop, arbitrage_pools, loop, oracle_prices
from devnet.market import crash, shock, slide
from devnet.metamorpho import Vault, VaultTotals
from devnet.morpho import Accrued, MarketState, Morpho, Position
from devnet.pair_population import PairBorrower, make_pair_borrowers
from devnet.population import Borrower, make_borrowers
from devnet.saved_world import new_wide_world, new_world, open_wide_world, open_world, saved
from devnet.terms import USD, AssetTerms, EModeTerms, PoolTerms, RateTerms, WorldTerms
from devnet.transactions import Log, Receipt, RevertError, Tx
from devnet.wide_terms import CapTerms, PairTerms, StakingTerms, VaultTerms, WideTerms
from devnet.wide_world import WideWorld
from devnet.world import MAX, AccountData, Sale, World

__all__ = [
    "ADMIN",
    "MAX",
    "USD",
    "ZERO_ADDRESS",
    "AccountData",
    "Accrued",
    "Address",
    "Addresses",
    "Anvil",
    "AssetTerms",
    "Block",
    "BlockRef",
    "Borrower",
    "CapTerms",
    "Chain",
    "Deployer",
    "EModeTerms",
    "Executed",
    "Log",
    "Loop",
    "MarketParams",
    "MarketState",
    "Morpho",
    "PairBorrower",
    "PairTerms",
    "PoolTerms",
    "Position",
    "RateTerms",
    "Receipt",
    "RevertError",
    "RpcError",
    "Sale",
    "StakingTerms",
    "Tx",
    "Vault",
    "VaultTerms",
    "VaultTotals",
    "View",
    "WideAddresses",
    "WideTerms",
    "WideWorld",
    "World",
    "WorldTerms",
    "account",
    "arbitrage_pools",
    "crash",
    "event_topic",
    "find_tokens",
    "list_reserve",
    "listing",
    "loop",
    "make_borrowers",
    "make_pair_borrowers",
    "new_wide_world",
    "new_world",
    "open_wide_world",
    "open_world",
    "oracle_prices",
    "pool_upgrade",
    "prepare_reserve",
    "reissue_pool",
    "reissue_token",
    "saved",
    "shock",
    "slide",
    "token_upgrade",
    "upgrade_pool",
    "upgrade_token",
]
