"""One round of liquidators: whom they visit, in which order, for what, and what it came to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from devnet import abi
from devnet.aave_deployment import TREASURY
from devnet.abi import Address, event_topic
from devnet.chain import View
from devnet.executed import Liquidation, total
from devnet.terms import USD
from devnet.transactions import Log, Receipt, Tx
from devnet.world import World

OPERATOR = abi.account("cascade liquidator")
HEALTHY_WAD = 10**18
RESERVE_DATA = (
    "getUserReserveData(address,address)"
    "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint40,bool)"
)
BORROW = event_topic("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
LIQUIDATION_CALL = event_topic(
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)"
)
LIQUIDATION_CALL_DATA = "data()(uint256,uint256,address,bool)"
DEFICIT_CREATED = event_topic("DeficitCreated(address,address,uint256)")
TRANSFER = event_topic("Transfer(address,address,uint256)")


@dataclass(frozen=True, slots=True)
class Visit:
    """An account below health 1, with the pair of largest value at the round's oracle prices."""

    account: Address
    debt: str
    collateral: str

    def tx(self, world: World, prices_e8: Mapping[str, int], gas_usd: Fraction) -> Tx:
        """Finds the pools as the visit before left them, if they share a block."""
        asset = world.terms.asset(self.debt)
        margin_raw = int(gas_usd * USD * 10**asset.decimals / prices_e8[self.debt])
        return world.visit(OPERATOR, self.account, self.collateral, self.debt, margin_raw)


async def borrowers(world: World) -> list[Address]:
    """Everybody who ever borrowed: debt cannot be transferred."""
    query = {
        "address": world.addresses.pool,
        "fromBlock": "0x0",
        "toBlock": "latest",
        "topics": [BORROW],
    }
    logs = await world.anvil.rpc("eth_getLogs", query)
    return sorted({_address(log["topics"][2]) for log in logs})


async def due(
    world: World, accounts: Sequence[Address], prices_e8: Mapping[str, int]
) -> list[Visit]:
    """Who can be liquidated now, by health, then address."""
    head = (await world.head()).hash
    data = await world.all_account_data(accounts, head)
    unsafe = sorted(
        (each.health_factor_wad, account)
        for account, each in zip(accounts, data, strict=True)
        if each.health_factor_wad < HEALTHY_WAD
    )
    symbols = list(world.addresses.tokens)
    pairs = [(account, symbol) for _, account in unsafe for symbol in symbols]
    reserves = await world.read(
        [
            View(world.addresses.data_provider, RESERVE_DATA, (world.token(symbol), account))
            for account, symbol in pairs
        ],
        head,
    )
    pledged_raw: defaultdict[Address, dict[str, int]] = defaultdict(dict)
    owed_raw: defaultdict[Address, dict[str, int]] = defaultdict(dict)
    for (account, symbol), (supplied, _, owed, *_, is_collateral) in zip(
        pairs, reserves, strict=True
    ):
        if supplied and is_collateral:
            pledged_raw[account][symbol] = supplied
        if owed:
            owed_raw[account][symbol] = owed
    return [
        Visit(
            account,
            debt=_largest(world, owed_raw[account], prices_e8),
            collateral=_largest(world, pledged_raw[account], prices_e8),
        )
        for _, account in unsafe
        # Without any collateral left there is nothing to take.
        if pledged_raw[account]
    ]


def liquidations_in(
    world: World, receipts: Iterable[Receipt], prices_e8: Mapping[str, int]
) -> tuple[Liquidation, ...]:
    """Read from events alone; a visitor that left the account as it was made none."""
    found = (_liquidation(world, receipt, prices_e8) for receipt in receipts)
    return tuple(each for each in found if each is not None)


def _liquidation(
    world: World, receipt: Receipt, prices_e8: Mapping[str, int]
) -> Liquidation | None:
    pool = world.addresses.pool
    calls = receipt.logs_of(pool, LIQUIDATION_CALL)
    if not calls:
        return None
    (call,) = calls
    symbols = {token: symbol for symbol, token in world.addresses.tokens.items()}
    collateral_token, debt_token, account = map(_address, call.topics[1:])
    collateral, debt = symbols[collateral_token], symbols[debt_token]
    repaid_raw, received_raw = abi.function(LIQUIDATION_CALL_DATA).decode(call.data)[:2]
    fee_raw = sum(
        _amount(log)
        for log in receipt.logs_of(world.addresses.atokens[collateral], TRANSFER)
        if (_address(log.topics[1]), _address(log.topics[2])) == (account, TREASURY)
    )
    deficit_raw = {
        symbols[_address(log.topics[2])]: _amount(log)
        for log in receipt.logs_of(pool, DEFICIT_CREATED)
    }

    def usd(symbol: str, amount_raw: int) -> Fraction:
        return value_usd(world, symbol, amount_raw, prices_e8)

    return Liquidation(
        account=account,
        debt=debt,
        collateral=collateral,
        repaid_raw=repaid_raw,
        received_raw=received_raw,
        fee_raw=fee_raw,
        deficit_raw=deficit_raw,
        repaid_usd=usd(debt, repaid_raw),
        received_usd=usd(collateral, received_raw),
        fee_usd=usd(collateral, fee_raw),
        deficit_usd=total(usd(*lost) for lost in deficit_raw.items()),
    )


def value_usd(world: World, symbol: str, amount_raw: int, prices_e8: Mapping[str, int]) -> Fraction:
    unit = 10 ** world.terms.asset(symbol).decimals
    return Fraction(amount_raw * prices_e8[symbol], unit * USD)


def _largest(world: World, amounts_raw: Mapping[str, int], prices_e8: Mapping[str, int]) -> str:
    """By value; the lower address where equal."""
    return max(
        amounts_raw,
        key=lambda symbol: (
            value_usd(world, symbol, amounts_raw[symbol], prices_e8),
            -int(world.token(symbol), 16),
        ),
    )


def _address(topic: str) -> Address:
    return "0x" + topic[-40:]


def _amount(log: Log) -> int:
    return int.from_bytes(log.data[:32])
