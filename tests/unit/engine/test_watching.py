import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from builders import USDC, WETH, a_block, an_address
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alerts import Alert, AlertType, BreakerPhase, BreakerState
from monitor.core.events import Place
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.risk import AccountRisk
from monitor.core.sources import Line, RiskRules, Statement
from monitor.core.units import WAD, MarketId, RawAmount, Wad
from monitor.engine.breaker import Origin
from monitor.engine.watching import SAFE, Health, Said, Wards, Watch, shown, state_name, step

ME, OTHER = an_address("me"), an_address("somebody else")
MARKET = MarketId("aave-core")
BELOW, RECOVERED, BLIND, SEEN = (
    AlertType.WATCH_BELOW,
    AlertType.WATCH_RECOVERED,
    AlertType.BLIND,
    AlertType.RECOVERED,
)


def a_watch(hold_blocks: int = 1) -> Watch:
    """Below 1.15 it speaks, from 1.20 on it is well again."""
    return Watch(
        name="mine",
        accounts=frozenset({ME}),
        markets=("*",),
        below_wad=Wad(115 * WAD // 100),
        recover_wad=Wad(120 * WAD // 100),
        hold_blocks=hold_blocks,
    )


@dataclass
class Accounts:
    """A market whose accounts have the health they are told; None owes nothing, "?" is unknown."""

    health: dict[Place, float | str | None] = field(default_factory=dict)
    market: MarketId = MARKET

    def places(self, view: LedgerView) -> list[Place]:
        return list(self.health)

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        if place not in self.health:
            return None
        told = self.health[place]
        wad = Wad(round(told * 100) * WAD // 100) if isinstance(told, float) else None
        unknown = ("price of WETH: gone",) if told == "?" else ()
        debt = () if told is None else (Line(USDC, RawAmount(1)),)
        risk = AccountRisk(0, 0, wad, None if unknown else False, unknown)
        return Statement(
            place.account, place.sub_market, (Line(WETH, RawAmount(1)),), debt, 0, risk
        )


def the_wards(rules: Accounts, watch: Watch | None = None) -> Wards:
    told: list[RiskRules] = [rules]  # type: ignore[list-item]
    return Wards(Origin("default", "0xgenesis"), told, [watch or a_watch()], to_checksum_address)


def lived(
    *healths: float | str | None, watch: Watch | None = None, silenced: Sequence[int] = ()
) -> list[Alert]:
    """What is said of my account over these healths, one a block. `silenced`: which blocks."""
    rules, states, block = Accounts(), dict[str, BreakerState](), a_block()
    said: list[Alert] = []
    wards = the_wards(rules, watch)
    for number, health in enumerate(healths):
        rules.health[Place(MARKET, ME)] = health
        why = {"mine": "known"} if number in silenced else {}
        told = wards.judge(Ledger(), block, states, why)
        states |= dict(told.states)
        said += told.alerts
        block = a_block(block)
    return said


def test_judge__below__its_state_names_the_episode_of_its_alerts() -> None:
    """By it the store knows which alerts fire, and forgets none of them."""
    rules = Accounts({Place(MARKET, ME): 1.1})
    told = the_wards(rules).judge(Ledger(), a_block(), {})
    ((_, state),) = told.states
    assert [alert.episode for alert in told.alerts] == [state.episode]
    again = the_wards(rules).judge(Ledger(), a_block(a_block()), dict(told.states))
    assert (again.states, again.alerts) == ((), ())


@pytest.mark.parametrize(
    ("healths", "types"),
    [
        ([], []),
        ([1.2, 1.15], []),
        ([1.14], [BELOW]),
        ([1.14, 1.10, 0.9], [BELOW]),
        ([1.14, 1.16, 1.19], [BELOW]),
        ([1.14, 1.16, 1.14], [BELOW]),
        ([1.14, 1.20], [BELOW, RECOVERED]),
        ([1.14, None], [BELOW, RECOVERED]),
        ([1.14, 1.30, 1.14], [BELOW, RECOVERED, BELOW]),
        (["?", "?"], [BLIND]),
        (["?", 1.5], [BLIND, SEEN]),
        ([1.14, "?", 1.14], [BELOW, BLIND, SEEN]),
        ([1.14, "?", 1.3], [BELOW, BLIND, SEEN, RECOVERED]),
        (["?", 1.1], [BLIND, SEEN, BELOW]),
    ],
)
def test_judge__healths_in_a_row__says(
    healths: list[float | str | None], types: list[AlertType]
) -> None:
    assert [alert.type for alert in lived(*healths)] == types


def test_judge__hold__waits_for_consecutive_blocks_which_an_unknown_one_does_not_break() -> None:
    watch = a_watch(hold_blocks=2)
    assert [a.type for a in lived(1.1, 1.3, 1.1, watch=watch)] == []
    assert [a.type for a in lived(1.1, 1.1, watch=watch)] == [BELOW]
    assert [a.type for a in lived(1.1, "?", 1.1, watch=watch)] == [BLIND, SEEN, BELOW]


UNHEARD = "nobody was told that it fired"


@pytest.mark.parametrize(
    ("healths", "silenced", "said"),
    [
        ([1.1, 1.1], [0, 1], [(BELOW, "known")]),
        ([1.1, 1.1, 1.1], [0], [(BELOW, "known"), (BELOW, "")]),
        ([1.1, 1.3], [0, 1], [(BELOW, "known"), (RECOVERED, "known")]),
        ([1.1, 1.3], [0], [(BELOW, "known"), (RECOVERED, UNHEARD)]),
        ([1.1, 1.3], [1], [(BELOW, ""), (RECOVERED, "")]),
        (["?", "?", 1.3], [0], [(BLIND, "known"), (BLIND, ""), (SEEN, "")]),
        (["?", 1.3], [0, 1], [(BLIND, "known"), (SEEN, "known")]),
        (["?", 1.3], [1], [(BLIND, ""), (SEEN, "")]),
        ([1.1, "?", "?"], [0], [(BELOW, "known"), (BLIND, ""), (BELOW, "")]),
    ],
)
def test_judge__under_a_silence__tells_nobody_and_says_again_what_still_holds(
    healths: list[float | str | None], silenced: list[int], said: list[tuple[AlertType, str]]
) -> None:
    alerts = lived(*healths, silenced=silenced)
    assert [(alert.type, alert.silenced) for alert in alerts] == said
    assert len({alert.id for alert in alerts}) == len(alerts)


def test_judge__others_accounts_and_markets__are_not_looked_at() -> None:
    rules = Accounts({Place(MARKET, OTHER): 0.5})
    assert the_wards(rules).judge(Ledger(), a_block(), {}).alerts == ()
    rules.health[Place(MARKET, ME)] = 0.5
    elsewhere = replace(a_watch(), markets=("morpho",))
    assert the_wards(rules, elsewhere).judge(Ledger(), a_block(), {}).alerts == ()


def test_judge__two_sub_markets__are_two_positions_with_fingerprints_of_their_own() -> None:
    rules = Accounts({Place(MARKET, ME, "0x1"): 1.1, Place(MARKET, ME, "0x2"): 1.1})
    told = the_wards(rules).judge(Ledger(), a_block(), {})
    assert len({alert.id for alert in told.alerts}) == 2
    assert len({alert.fingerprint for alert in told.alerts}) == 2
    assert {alert.breaker for alert in told.alerts} == {"mine"}


def test_judge__position_closed_altogether__recovers() -> None:
    rules = Accounts({Place(MARKET, ME): 1.1})
    wards, first = the_wards(rules), a_block()
    states = dict(wards.judge(Ledger(), first, {}).states)
    rules.health.clear()
    (alert,) = wards.judge(Ledger(), a_block(first), states).alerts
    assert alert.type is RECOVERED
    assert json.loads(alert.body)["data"]["value"] is None


def test_judge__safe_positions__leave_no_state_behind() -> None:
    rules = Accounts({Place(MARKET, ME): 2.0})
    assert the_wards(rules).judge(Ledger(), a_block(), {}).states == ()


def test_judge__below__has_the_contracts_shape() -> None:
    (alert,) = lived(1.14)
    block, account = a_block(), to_checksum_address(ME)
    told = json.loads(alert.body)
    assert told["type"] == "watch.below"
    assert told["data"]["alert"] == {
        "id": alert.id,
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "retracts": None,
        "breaker": "mine",
        "severity": "critical",
        "status": "firing",
        "starts_at": told["timestamp"],
        "ends_at": None,
    }
    assert told["data"]["block"]["hash"] == block.hash
    assert (told["data"]["value"], told["data"]["threshold"]) == ("1.1400", "1.1500")
    assert told["data"]["position"] == {
        "market": "aave-core",
        "sub_market": None,
        "account": account,
        "health_factor": str(114 * WAD // 100),
        "unknown": [],
    }


def test_judge__recovered__is_of_the_same_episode_and_begins_where_it_began() -> None:
    below, recovered = lived(1.14, 1.3)
    assert below.episode == recovered.episode
    starts = [json.loads(one.body)["data"]["alert"]["starts_at"] for one in (below, recovered)]
    assert starts[0] == starts[1]


def test_shown__health__is_cut_off_not_rounded_up() -> None:
    assert shown(Wad(10**18 - 1)) == "0.9999"


@given(
    st.lists(st.none() | st.just("?") | st.sampled_from([1.0, 1.14, 1.15, 1.19, 1.2, 2.0])),
    st.integers(1, 3),
)
def test_step__any_healths__below_and_recovered_take_turns(
    healths: list[float | str | None], hold_blocks: int
) -> None:
    alerts = lived(*healths, watch=a_watch(hold_blocks))
    for first, second in ((BELOW, RECOVERED), (BLIND, SEEN)):
        turns = [alert.type for alert in alerts if alert.type in (first, second)]
        assert turns == [first, second] * (len(turns) // 2) + [first] * (len(turns) % 2)
    assert len({alert.id for alert in alerts}) == len(alerts)


def test_step__unknown__keeps_what_it_was() -> None:
    watch, block = a_watch(), a_block()
    below, _ = step(watch, SAFE, Health(Wad(WAD)), block)
    blind, said = step(watch, below, Health(reasons=("no price",)), a_block(block))
    assert (blind.phase, blind.blind, said) == (
        BreakerPhase.WARNED,
        True,
        (Said(BLIND, is_silenced=False),),
    )


def test_state_name__is_found_again_by_its_market() -> None:
    name = state_name(a_watch(), Place(MARKET, ME, "0xabc"))
    assert name == f"watch/mine/aave-core/0xabc/{ME}"


def test_knows__account_market_or_watch_unconfigured__is_no_longer_watched() -> None:
    name = state_name(a_watch(), Place(MARKET, ME))
    here = replace(a_watch(), markets=(str(MARKET),))
    assert the_wards(Accounts()).knows(name)
    assert the_wards(Accounts(), here).knows(name)
    elsewhere = replace(a_watch(), markets=("morpho",))
    of_another = replace(a_watch(), accounts=frozenset({OTHER}))
    renamed = replace(a_watch(), name="ours")
    for watch in (elsewhere, of_another, renamed):
        assert not the_wards(Accounts(), watch).knows(name)
    assert not the_wards(Accounts(market=MarketId("spark"))).knows(name)
