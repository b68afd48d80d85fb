"""What a kind of price contract is: how it is told, what it reads, and what its answer comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.core.abi import Abi, FunctionAbi
from monitor.core.ports import Readings, ViewCall
from monitor.core.prices import PriceKind
from monitor.core.units import ZERO_ADDRESS, Address

Facts = Mapping[str, int | str]
"""What never changes of a contract, by getter."""
Said = Mapping[str, int]
"""What a contract said now, by getter; what it reads answered, by the getter that names it."""

MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
"""Asked for the time, in the same call as all else: what depends on it is read at one time."""
TIME = "getCurrentBlockTimestamp"
ROUND = "latestRoundData"
_ANSWER, _UPDATED = 1, 3
"""Places in the answer to ROUND."""

ABIS = (
    "chainlink/Aggregator",
    "price_adapters/PriceCapAdapter",
    "price_adapters/PriceCapAdapterStable",
    "price_adapters/EURPriceCapAdapterStable",
    "price_adapters/FixedPriceAdapter",
    "price_adapters/PendlePriceCapAdapter",
    "price_adapters/CLSynchronicityPriceAdapter",
    "price_adapters/ExchangeRateOracle",
    "price_adapters/RateProvider",
    "price_adapters/Impostor",
    "morpho_oracles/MorphoChainlinkOracleV2",
    "morpho_oracles/ChainlinkOracle",
    "morpho_oracles/WstEthStEthExchangeRateChainlinkAdapter",
    "erc4626/Vault",
    "multicall3/Multicall3",
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A contract that is read: the getter that names it, and the view by which it is asked.

    `is_own`: the view is the reader's. `sample`: the argument, or the getter that tells it.
    `kind`: what the reader takes it for, where it is not recognised itself.
    """

    getter: str
    view: str = "latestAnswer"
    exponent: int = 1
    is_own: bool = False
    sample: int | str | None = None
    kind: PriceKind | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a contract of a kind answers, given what it was told.

    `cap`, `uncapped`: as in `Edge`; `binds`: what the contract itself must say of that.
    """

    answer: int
    cap: int | None = None
    uncapped: int | None = None
    binds: bool | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of contract.

    `marks`: getters that all answer, none of them ever reverting: by them it is told. `moving`:
    what is read of it every block. `keeps`: what is kept of it for good, beside what names its
    inputs. `cap_reads`: the slots that its cap moves with. `result`: its own arithmetic; raises
    LookupError where it was not told enough, ArithmeticError where there is no answer.
    """

    name: str
    title: str
    kind: PriceKind
    marks: tuple[str, ...]
    slots: tuple[Slot, ...] = ()
    moving: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ("decimals", "description")
    cap_reads: tuple[str, ...] = ()
    result: Callable[[Facts, Said], Result] | None = None

    @property
    def kept(self) -> tuple[str, ...]:
        """Every getter whose answer is kept."""
        named = [slot.getter for slot in self.slots]
        samples = [slot.sample for slot in self.slots if isinstance(slot.sample, str)]
        return tuple(dict.fromkeys((*named, *samples, *self.keeps)))


class Views:
    """Every view that price contracts are asked, by name."""

    def __init__(self, library: Callable[[str], Abi]) -> None:
        self._functions: dict[str, FunctionAbi] = {}
        for name in ABIS:
            self._functions |= library(name).functions
        self.answer_updated = library("chainlink/Aggregator").event("AnswerUpdated")

    def call(self, contract: Address, name: str, *args: int) -> ViewCall:
        to = MULTICALL3 if name == TIME else contract
        return ViewCall(to, self._functions[name], args)

    def input_call(self, reader: Address, slot: Slot, facts: Facts) -> ViewCall | None:
        """How a reader asks what a slot names; None where that is nobody."""
        named = input_of(slot, facts)
        if named is None:
            return None
        sample = facts.get(slot.sample) if isinstance(slot.sample, str) else slot.sample
        args = (sample,) if isinstance(sample, int) else ()
        return self.call(reader if slot.is_own else named, slot.view, *args)

    def calls(self, contract: Address, family: Family, facts: Facts) -> list[ViewCall]:
        """What is asked every block of a contract, and of what it reads."""
        own = [self.call(contract, name) for name in family.moving]
        inputs = [self.input_call(contract, slot, facts) for slot in family.slots]
        return own + [call for call in inputs if call is not None]


def input_of(slot: Slot, facts: Facts) -> Address | None:
    """The contract a slot names."""
    named = facts.get(slot.getter)
    return Address(named) if isinstance(named, str) and named != ZERO_ADDRESS else None


def number(readings: Readings, call: ViewCall) -> int | None:
    """The answer to a call: of a round, what it came to."""
    found = readings.get(call)
    if not isinstance(found, tuple):
        return None
    answer = found[_ANSWER] if call.function.name == ROUND else found[0]
    return int(answer) if isinstance(answer, int) else None


def updated_unix(readings: Readings, call: ViewCall) -> int | None:
    """When a round was answered; 0 is what contracts say that do not know."""
    found = readings.get(call)
    if not isinstance(found, tuple) or call.function.name != ROUND:
        return None
    return found[_UPDATED] or None
