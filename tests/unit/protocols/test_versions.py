"""Which version a market runs: what is recognised, and what is refused by its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from builders import a_block, a_market, a_reserve, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import MarketChanged
from monitor.core.keys import market_key
from monitor.core.ledger import Ledger, Market
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import RAY, Address, Bps, MarketId
from monitor.errors import ConfigError, ContractUpgraded
from monitor.library import abi_library
from monitor.protocols.aave_v3.audit import Audit
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.evidence import Evidence, Holder, Verdicts
from monitor.protocols.aave_v3.fingerprint import proxies_of, strangeness
from monitor.protocols.aave_v3.recognition import Recognition
from monitor.protocols.aave_v3.versions import POOL_RULES, pool_rules, token_rules

ABI = AaveAbi.of(abi_library)
MARKET, ENTRY = MarketId("m"), a_market().entry
POOL, RESERVE = a_market().pool, a_reserve()
STABLE_TOKEN = an_address("stable WETH")
ALICE, BOB = an_address("alice"), an_address("bob")
BRIDGE = {"FLASHLOAN_PREMIUM_TO_PROTOCOL": 3_000, "BRIDGE_PROTOCOL_FEE": 2_000}
GETTERS = (
    ("3.0", "getEModeCategoryData"),
    ("3.1", "getVirtualUnderlyingBalance"),
    ("3.2", "getEModeCategoryCollateralBitmap"),
    ("3.3", "getReserveDeficit"),
    ("3.4", "RESERVE_INTEREST_RATE_STRATEGY"),
    ("3.6", "getEModeCategoryLtvzeroBitmap"),
    ("3.7", "getIsEModeCategoryIsolated"),
)


@dataclass
class Contracts:
    """A market whose pool has the getters of a release and all before it, but those given up."""

    release: str
    revision: int = 1
    is_first: bool = False
    answers: Mapping[tuple[Address, str], Any] = field(default_factory=dict)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return [self._answer(call) for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return True

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        return []

    def _answer(self, call: ViewCall) -> ViewResult:
        name = call.function.name
        known = {getter for release, getter in GETTERS if release <= self.release}
        told: dict[str, Any] = {
            "getPool": POOL,
            "getPoolConfigurator": a_market().configurator,
            "getPriceOracle": a_market().oracle,
            "BASE_CURRENCY_UNIT": 10**8,
            "POOL_REVISION": self.revision,
            **BRIDGE,
        }
        if name == "setReserveFlashLoaning":
            return ViewFailed("reverted" if self.is_first else "reverted: 4")
        if (call.to, name) in self.answers:
            return (self.answers[call.to, name],)
        if name in told:
            return (told[name],)
        return (0,) if name in known else ViewFailed("reverted")


async def recognised(contracts: Contracts) -> Market:
    return await Recognition(MARKET, ENTRY, ABI).known(contracts, a_block())


async def test_recognition__getters_of_3_0__is_it_whatever_its_revision() -> None:
    for revision in (1, 3, 77):
        found = await recognised(Contracts("3.0", revision))
        assert (found.pool_version, found.token_version) == ("3.0.2", "3.0.1")
        assert (found.flash_fee_to_treasury_bps, found.bridge_fee_to_treasury_bps) == (3_000, 2_000)


async def test_recognition__getters_of_3_0_but_not_its_configurator__is_3_0_0_and_refused() -> None:
    with pytest.raises(ConfigError, match=r"configurator at 0x\w+ is Aave V3.0.0's"):
        await recognised(Contracts("3.0", is_first=True))


async def test_recognition__getters_and_revision_of_3_6__is_it() -> None:
    found = await recognised(Contracts("3.6", 10))
    assert (found.pool_version, found.token_version) == ("3.6", "3.5")


async def test_recognition__getters_and_revision_of_3_7__is_it_with_the_tokens_of_3_5() -> None:
    found = await recognised(Contracts("3.7", 11))
    assert (found.pool_version, found.token_version) == ("3.7", "3.5")


@pytest.mark.parametrize(
    ("release", "revision", "said"),
    [
        ("3.1", 4, "answers as Aave V3.1; followed are V3.0 and V3.6 and V3.7"),
        ("3.2", 6, "answers as Aave V3.2; followed"),
        ("3.3", 7, "answers as Aave V3.3; followed"),
        ("3.4", 8, "answers as Aave V3.4 or V3.5; followed"),
        ("3.7", 12, r"has revision 12, expected 11 \(Aave V3.7\)"),
        ("3.6", 12, r"has revision 12, expected 10 \(Aave V3.6\)"),
        ("2", 1, "answers as no Aave V3 pool we know"),
    ],
)
async def test_recognition__release_that_is_not_followed__is_refused_by_name(
    release: str, revision: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        await recognised(Contracts(release, revision))


def reserve_data(*, lends_at_stable_rate: bool) -> tuple[Any, ...]:
    word = lends_at_stable_rate << 59
    tokens = (RESERVE.supply_token, STABLE_TOKEN, RESERVE.debt_token)
    return (word, RAY, 0, RAY, 0, 0, 0, 0, *tokens, an_address("strategy"), 0, 0, 0)


@pytest.mark.parametrize(
    ("lends", "owed", "said"),
    [
        (True, 0, "WETH can be borrowed at a stable rate"),
        (False, 5, "5 of WETH are owed at a stable rate"),
    ],
)
async def test_recognition__debt_at_a_stable_rate__is_refused_with_the_asset(
    lends: bool, owed: int, said: str
) -> None:
    contracts = Contracts("3.0", answers={(STABLE_TOKEN, "totalSupply"): owed})
    row = (reserve_data(lends_at_stable_rate=lends),)
    recognition = Recognition(MARKET, ENTRY, ABI)
    with pytest.raises(ConfigError, match=said):
        await recognition.refuse_stable_debt(contracts, a_block(), ["WETH"], [row])


async def test_recognition__no_debt_at_a_stable_rate__is_fine() -> None:
    contracts = Contracts("3.0", answers={(STABLE_TOKEN, "totalSupply"): 0})
    row = (reserve_data(lends_at_stable_rate=False),)
    recognition = Recognition(MARKET, ENTRY, ABI)
    await recognition.refuse_stable_debt(contracts, a_block(), ["WETH"], [row])


def former() -> Market:
    return replace(a_market(), pool_version="3.0.2", token_version="3.0.1")


INDEX = RAY * 14 // 10
"""At which 1 scaled is 1.4, 2 are 2.8 and 5 are 7."""
HALF_UP = {1: 1, 2: 3, 5: 7}
DIRECTED_SUPPLY, DIRECTED_DEBT = {1: 1, 2: 2, 5: 7}, {1: 2, 2: 3, 5: 7}


def evidence(shown: Mapping[int, int], *, is_debt: bool = False) -> frozenset[str]:
    """What holders of so much scaled prove, of whom the token displays `shown`."""
    token = RESERVE.debt_token if is_debt else RESERVE.supply_token
    scaled = {an_address(f"holder {some}"): some for some in shown}
    asked = Evidence(ABI, former(), [RESERVE], [Holder(token, who) for who in scaled])
    told: dict[ViewCall, ViewResult] = {}
    for call in asked.calls():
        if call.to == POOL:
            told[call] = (INDEX,)
        else:
            some = scaled[call.args[0]]
            told[call] = (some if call.function.name == "scaledBalanceOf" else shown[some],)
    return asked.verdicts(told).tokens


def test_evidence__balances_shown_half_up__are_3_0_1() -> None:
    assert evidence(HALF_UP) == evidence(HALF_UP, is_debt=True) == {"3.0.1"}


def test_evidence__balances_shown_directed__are_spark() -> None:
    assert evidence(DIRECTED_SUPPLY) == evidence(DIRECTED_DEBT, is_debt=True) == {"spark"}


def test_evidence__of_holders_whom_both_show_alike__proves_nothing() -> None:
    assert evidence({5: 7}) == evidence({}) == {"3.0.1", "spark"}


def test_evidence__of_tokens_that_round_in_another_way__fits_none() -> None:
    assert evidence(DIRECTED_DEBT) == evidence({1: 1, 2: 1}) == frozenset()


def valued(debt_base: int, *, is_plain: bool = True) -> Verdicts:
    """What is proven by a pool that values a debt of 2 scaled, 2.8 raw, at 1.5 each, so."""
    holders = [Holder(RESERVE.debt_token, ALICE, is_plain)]
    asked = Evidence(ABI, former(), [replace(RESERVE, decimals=1)], holders)
    answers: dict[str, tuple[int, ...]] = {
        "scaledBalanceOf": (2,),
        "balanceOf": (3,),
        "getReserveNormalizedVariableDebt": (INDEX,),
        "getAssetPrice": (15,),
        "getUserAccountData": (7, debt_base, 0, 0, 0, 0),
    }
    return asked.verdicts({call: answers[call.function.name] for call in asked.calls()})


def test_evidence__debt_valued_downwards__is_the_pool_of_3_0_2() -> None:
    assert valued(4).pools == {"3.0.2"}


def test_evidence__debt_valued_upwards__is_sparks_pool() -> None:
    assert valued(5).pools == {"spark"}
    assert valued(6).pools == frozenset()


def test_evidence__of_one_debt_among_others__says_nothing_of_the_pool() -> None:
    assert valued(4, is_plain=False).pools == {"3.0.2", "spark"}


def test_verdicts__of_both_axes__are_kept_apart() -> None:
    spark, plain = frozenset({"spark"}), frozenset({"3.0.1"})
    for verdicts, expected in (
        (Verdicts(), ("3.0.2", "3.0.1")),
        (Verdicts(tokens=spark), ("spark", "spark")),
        (Verdicts(tokens=plain), ("3.0.2", "3.0.1")),
        (Verdicts(pools=spark), ("spark", "3.0.1")),
        (Verdicts(tokens=spark, pools=frozenset({"3.0.2"})), ("3.0.2", "spark")),
    ):
        found = verdicts.of(former())
        assert (found.pool_version, found.token_version) == expected


async def test_recognition__tokens_round_in_no_known_way__is_refused() -> None:
    market = await recognised(Contracts("3.0"))
    answers = {
        (RESERVE.supply_token, "scaledBalanceOf"): 2,
        (RESERVE.supply_token, "balanceOf"): 7,
        (POOL, "getReserveNormalizedIncome"): INDEX,
    }
    contracts = Contracts("3.0", answers=answers)
    recognition, holders = Recognition(MARKET, ENTRY, ABI), [Holder(RESERVE.supply_token, ALICE)]
    with pytest.raises(ConfigError, match="round in no way we know"):
        await recognition.verdicts(contracts, a_block(), market, [RESERVE], holders)
    answers[RESERVE.supply_token, "balanceOf"] = 2
    verdicts = await recognition.verdicts(contracts, a_block(), market, [RESERVE], holders)
    found = verdicts.of(market)
    assert (found.pool_version, found.token_version) == ("spark", "spark")


def test_strangeness__ghos_debt_token_before_3_4__is_said() -> None:
    proxy = proxies_of(ABI, former(), [RESERVE])[-1]
    assert proxy.denied is not None
    plain: dict[ViewCall, ViewResult] = {proxy.revision: (2,), proxy.denied: ViewFailed("reverted")}
    assert strangeness(proxy, plain) == ""
    assert "gives discounts" in strangeness(proxy, {**plain, proxy.denied: (BOB,)})


def test_rules__of_a_record_without_versions__are_the_newest() -> None:
    assert pool_rules(a_market()) is POOL_RULES["3.6"]
    assert token_rules(a_market()).name == "3.5"


@pytest.mark.parametrize("axis", ["pool_version", "token_version"])
def test_rules__of_a_record_by_a_newer_program__are_said_to_be_unknown(axis: str) -> None:
    newer: dict[str, Any] = {axis: "4.0"}
    record = replace(a_market(), **newer)
    with pytest.raises(ContractUpgraded, match=r"version '4.0'.*newer version of this monitor"):
        token_rules(record) if axis == "token_version" else pool_rules(record)


def test_liquidation_terms__before_3_3__are_half_of_one_debt() -> None:
    for name in ("3.0.2", "spark"):
        terms = POOL_RULES[name].verdict.liquidation
        assert (terms.close_factor_bps, terms.of_one_debt, terms.writes_off) == (
            Bps(5_000),
            True,
            False,
        )
        assert terms.dust_value_base == terms.full_close_value_base == 0


def test_audit__of_a_record_from_before_versions__writes_them_down() -> None:
    old = a_market()
    revisions = tuple(sorted(((old.pool, 10), (old.configurator, 7))))
    view = Ledger({market_key(MARKET): replace(old, revisions=revisions)})
    audit = Audit(MARKET, ABI)
    told: dict[ViewCall, ViewResult] = dict.fromkeys(audit.calls(view), (10,))
    [changed] = audit.events(view, told)
    assert isinstance(changed, MarketChanged)
    expected = replace(old, revisions=revisions, pool_version="3.6", token_version="3.5")
    assert changed.contracts == expected


def test_audit__revision_of_a_fork_changes_without_a_log__stops() -> None:
    known = replace(former(), revisions=((POOL, 3), (former().configurator, 1)))
    view = Ledger({market_key(MARKET): known})
    audit = Audit(MARKET, ABI)
    told: dict[ViewCall, ViewResult] = dict.fromkeys(audit.calls(view), (4,))
    with pytest.raises(ContractUpgraded, match="has revision 4; it had 3"):
        audit.events(view, told)
