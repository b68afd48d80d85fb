import io

from builders import a_block
from eth_utils.address import to_checksum_address
from rich.console import Console
from unit.engine.test_watching import MARKET, ME, Accounts, the_wards

from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.units import WAD
from monitor.display import breakers
from monitor.engine.watch_rows import watch_rows


def rows_of(rules: Accounts) -> list[dict[str, object]]:
    wards, block = the_wards(rules), a_block()
    states = dict(wards.judge(Ledger(), block, {}).states)
    return watch_rows(wards, Ledger(), block, states, to_checksum_address)


def shown(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    breakers(Console(file=out, width=160, color_system=None), {"breakers": [], "watches": rows})
    return out.getvalue()


def test_watch_rows__positions__are_there_well_below_and_unknown() -> None:
    rules = Accounts(
        {
            Place(MARKET, ME, "0x1"): 1.1,
            Place(MARKET, ME, "0x2"): 2.0,
            Place(MARKET, ME, "0x3"): "?",
        }
    )
    (row,) = rows_of(rules)
    assert (row["name"], row["health_below"], row["recover_above"]) == ("mine", "1.1500", "1.2000")
    told = [(p["sub_market"], p["health_factor"], p["below"]) for p in row["positions"]]  # type: ignore[attr-defined]
    assert told == [
        ("0x1", str(11 * WAD // 10), True),
        ("0x2", str(2 * WAD), False),
        ("0x3", None, False),
    ]
    text = shown([row])
    assert "1.1000 below" in text
    assert "unknown" in text


def test_watch_rows__account_that_holds_nothing__is_said() -> None:
    """As an address with a typo does."""
    (row,) = rows_of(Accounts())
    assert row["positions"] == []
    assert "mine: none of its accounts holds anything" in shown([row])
