"""AdaptiveCurveIrm's own bytecode against its twin: the rate, and where it leaves the curve."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from devnet import Anvil, account
from devnet.abi import event_topic
from devnet.chain import Chain
from devnet.deployer import Deployer
from eth_abi import abi
from eth_utils.crypto import keccak

from monitor.core.units import WAD, YEAR_SECONDS
from monitor.protocols.morpho_blue.rate_model import (
    MAX_RATE_AT_TARGET_WAD,
    MIN_RATE_AT_TARGET_WAD,
    Rate,
    borrow_rate,
)

MORPHO, TOKEN = account("morpho"), account("token")
PARAMS = "(address,address,address,address,uint256)"
MARKET = "(uint128,uint128,uint128,uint128,uint128,uint128)"
UPDATED = event_topic("BorrowRateUpdate(bytes32,uint256,uint256)")
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Model:
    """The contract, on a chain whose singleton is an account of ours."""

    chain: Chain
    address: str

    async def ask(
        self, supply_raw: int, debt_raw: int, rate_at_target_wad: int, elapsed_seconds: int
    ) -> tuple[int, Rate]:
        """What the view says at the head, and what an accrual in the next block does."""
        params = (TOKEN, TOKEN, account(f"oracle {rate_at_target_wad}"), self.address, 0)
        id = keccak(abi.encode([PARAMS], [params]))
        slot = keccak(id + bytes(32))
        word = f"0x{rate_at_target_wad:064x}"
        await self.chain.anvil.rpc("anvil_setStorageAt", self.address, "0x" + slot.hex(), word)
        head = await self.chain.mine()
        totals = (supply_raw, 0, debt_raw, 0, head.timestamp - elapsed_seconds, 0)
        view = f"borrowRateView({PARAMS},{MARKET})(uint256)"
        seen: int = await self.chain.call(self.address, view, params, totals)
        later = (*totals[:4], totals[4] + 12, 0)
        accrue = f"borrowRate({PARAMS},{MARKET})(uint256)"
        receipt = await self.chain.tx(MORPHO, self.address, accrue, params, later)
        (log,) = receipt.logs_of(self.address, UPDATED)
        return seen, Rate(*abi.decode(["uint256", "uint256"], log.data))


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with Anvil() as anvil:
        chain = Chain(anvil)
        yield Model(chain, await Deployer(chain).deploy("AdaptiveCurveIrm", MORPHO))


async def test_borrow_rate__any_market__is_the_contracts(model: Model) -> None:
    draw = random.Random(4)
    for _ in range(DRAWS):
        supply = draw.choice([0, 1, 10**6, draw.randrange(10**24), draw.randrange(2**100)])
        debt = draw.choice([0, supply, supply * 9 // 10, draw.randrange(supply + 2)])
        first = draw.choice([0, draw.randrange(MIN_RATE_AT_TARGET_WAD, MAX_RATE_AT_TARGET_WAD)])
        elapsed = draw.choice([0, 1, 12, draw.randrange(86_400), draw.randrange(4 * YEAR_SECONDS)])
        asked = (supply, debt, first, elapsed)
        expected = borrow_rate(*asked)
        assert await model.ask(*asked) == (expected.average_wad, expected), asked


@pytest.mark.parametrize(
    ("debt", "elapsed", "bound"),
    [
        pytest.param(WAD, 4 * YEAR_SECONDS, MAX_RATE_AT_TARGET_WAD, id="all lent for years"),
        pytest.param(0, 4 * YEAR_SECONDS, MIN_RATE_AT_TARGET_WAD, id="nothing lent for years"),
    ],
)
async def test_rate_at_target__drifts__no_further_than_its_bounds(
    model: Model, debt: int, elapsed: int, bound: int
) -> None:
    first = 4 * WAD // 100 // YEAR_SECONDS
    _, told = await model.ask(WAD, debt, first, elapsed)
    assert told.rate_at_target_wad == bound == borrow_rate(WAD, debt, first, elapsed)[1]
