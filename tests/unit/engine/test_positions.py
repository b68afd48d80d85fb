from dataclasses import replace
from fractions import Fraction

import pytest
from builders import (
    USDC,
    WETH,
    a_block,
    a_holding,
    a_market,
    a_position,
    a_price,
    a_reserve,
    an_address,
)

from monitor.core.keys import market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Ledger, Position
from monitor.core.ports import PositionFilter
from monitor.core.units import MarketId
from monitor.engine.net_value import net_values
from monitor.engine.positions import Owner, PositionBook, itself
from monitor.engine.totals import market_totals
from monitor.engine.valuation import total, usd_text
from monitor.errors import QuestionError
from monitor.protocols.aave_v3.rules import AaveRules

MARKET = MarketId("aave")
BIG, SMALL, LENDER, DARK = (an_address(name) for name in ("big", "small", "lender", "dark"))
DAI = an_address("DAI")


class Market(AaveRules):
    """The rules with the names a plug-in has."""

    protocol = "aave_v3"
    market = MARKET


def a_book(
    *, dai_price: int | None = 10**8, big_owes: int = 1500, owner: Owner = itself
) -> PositionBook:
    """BIG owes 1,500 USDC or more, SMALL 100, LENDER nothing, DARK 5 of DAI."""
    ledger = Ledger(
        {
            market_key(MARKET): a_market(),
            reserve_key(MARKET, WETH): a_reserve(WETH, symbol="WETH"),
            reserve_key(MARKET, USDC): a_reserve(USDC, symbol="USDC"),
            price_key(MARKET, WETH): a_price(2000 * 10**8),
            price_key(MARKET, USDC): a_price(10**8),
            price_key(MARKET, DAI): a_price(dai_price, reason="the oracle answers 0"),
            reserve_key(MARKET, DAI): a_reserve(DAI, symbol="DAI"),
            position_key(MARKET, BIG): a_position(owed_scaled=big_owes * 10**18),
            position_key(MARKET, SMALL): a_position(owed_scaled=100 * 10**18),
            position_key(MARKET, LENDER): a_position(),
            position_key(MARKET, DARK): _owing_dai(),
        }
    )
    return PositionBook(ledger, a_block(), [Market(MARKET)], str, owner=owner)


def _owing_dai() -> Position:
    return replace(a_position(), debts=(a_holding(DAI, 5 * 10**18),))


def accounts(book: PositionBook, **wanted: object) -> list[str]:
    page = book.page(PositionFilter(**wanted))  # type: ignore[arg-type]
    return [row["account"] for row in page["positions"]]


def test_page__of_all__is_sorted_by_debt_descending() -> None:
    assert accounts(a_book()) == [BIG, SMALL, DARK, LENDER]


def test_page__with_unknown_debt__shows_it_first_and_says_why() -> None:
    page = a_book(dai_price=None).page(PositionFilter())
    first = page["positions"][0]
    assert first["account"] == DARK
    assert (first["health_factor"], first["liquidatable"]) == (None, None)
    assert first["debt"][0]["value_usd"] is None
    assert "price of DAI: the oracle answers 0" in first["unknown"]


def test_filters__on_unknown_values__never_hide_a_row() -> None:
    book = a_book(dai_price=None)
    assert accounts(book, min_debt_usd="1000000") == [DARK]
    assert accounts(book, liquidatable=True) == [DARK]
    assert DARK in accounts(book, liquidatable=False)


def test_filters__by_debt_and_account__narrow() -> None:
    assert accounts(a_book(), min_debt_usd="100") == [BIG, SMALL]
    assert accounts(a_book(), account=SMALL.upper().replace("0X", "0x")) == [SMALL]


def test_owner__of_several_accounts__is_shown_and_found_by() -> None:
    safe = an_address("safe")
    book = a_book(owner=lambda account: safe if account in (BIG, LENDER) else account)
    shown = book.page(PositionFilter())["positions"]
    assert {row["account"]: row["owner"] for row in shown} == {
        BIG: safe,
        LENDER: safe,
        SMALL: SMALL,
        DARK: DARK,
    }
    assert accounts(book, owner=safe) == [BIG, LENDER]
    assert accounts(book, owner=SMALL) == [SMALL]
    assert accounts(book, owner=BIG) == [BIG, LENDER]
    assert accounts(book, owner=safe, account=SMALL) == []


def test_health__of_a_known_account__is_the_contracts_integer() -> None:
    page = a_book().page(PositionFilter(account=BIG))
    assert page["positions"][0]["health_factor"] == str(2000 * 8250 * 10**14 // 1500)


def test_cursor__walks_all_pages__once_each() -> None:
    book, seen, cursor = a_book(), [], None
    for _ in range(10):
        page = book.page(PositionFilter(limit=1, cursor=cursor))
        seen += [row["account"] for row in page["positions"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == [BIG, SMALL, DARK, LENDER]


def test_cursor__of_another_block__is_gone() -> None:
    with pytest.raises(QuestionError) as caught:
        a_book().page(PositionFilter(cursor="0xdead:1"))
    assert caught.value.status == 410


@pytest.mark.parametrize(
    "wanted",
    [
        {"account": "0x12"},
        {"account": BIG, "owner": "0x12"},
        {"account": an_address("nobody"), "min_debt_usd": "lots"},
        {"min_debt_usd": "NaN"},
        {"cursor": "x"},
        {"cursor": f"{a_block().hash}:{'9' * 5000}"},
    ],
)
def test_filters__that_are_not_what_they_should__are_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(QuestionError):
        accounts(a_book(), **wanted)
    with pytest.raises(QuestionError):  # also where there is no row to meet it
        PositionBook(Ledger({}), a_block(), [], str).page(PositionFilter(**wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 200), "0.01"),
        (Fraction(1, 201), "0.00"),
        (Fraction(2675, 1000), "2.68"),
        (Fraction(10**20), "100000000000000000000.00"),
        (None, None),
    ],
)
def test_usd_text__rounds__half_up_at_the_cent(value: Fraction | None, text: str | None) -> None:
    assert usd_text(value) == text


@pytest.mark.parametrize("dai_price", [10**8, None], ids=["all known", "one unknown"])
def test_totals__of_a_market__are_the_sums_of_its_rows(dai_price: int | None) -> None:
    book = a_book(dai_price=dai_price, big_owes=1600)
    worth = net_values({MARKET: book.sums[MARKET].pledged}, (), book.claims, book.usd_per_raw)
    found = market_totals(book, worth, Market(MARKET))
    held = [line for row in book.rows for line in row.statement.collateral]
    pledged = [book.usd(line) for line in held if line.used_as_collateral]
    assert found.positions == len(book.rows)
    assert found.collateral.gross == total(pledged)
    assert found.debt_usd == total([row.debt_usd for row in book.rows])
    assert found.at_risk_usd == (None if dai_price is None else 1600)  # BIG's alone: 1.03
    unknown = "price of DAI: the oracle answers 0"
    assert found.unknown == (() if dai_price else ("USD value of DAI", unknown))
