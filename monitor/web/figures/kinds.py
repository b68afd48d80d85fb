"""Which figures there are, and their summaries for the page."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from monitor.core import words
from monitor.web.figures import contagion, curve, loops, rounds
from monitor.web.figures.drawing import Document, Summary

LONGEST_SYMBOL = 12
SUMMARIES: Mapping[str, Callable[[Document], Summary]] = MappingProxyType(
    {
        "curve": curve.summary,
        "loops": loops.summary,
        "contagion": contagion.summary,
        "rounds": rounds.summary,
    }
)


def summary(kind: str, answer: Document, positions: Iterable[Document] = ()) -> Summary:
    """The same numbers as the figure's, in words and rows.

    `answer`: of `/api/v1/loops` for loops, else a row of `Answers.judged`. `positions`: those by
    which sub-markets are known better than by their ids. Raises KeyError for a kind that is none.
    """
    if kind == "contagion":
        return contagion.summary(answer, sub_market_names(positions))
    return SUMMARIES[kind](answer)


def sub_market_names(positions: Iterable[Document]) -> dict[str, str]:
    """What a sub-market's collateral and debt are called, by its id, as some position shows it."""
    found = {}
    for row in positions:
        if row.get("sub_market") and row["collateral"] and row["debt"]:
            sides = (row["collateral"][0], row["debt"][0])
            names = [words.plain(side["symbol"], LONGEST_SYMBOL) for side in sides]
            found[row["sub_market"]] = "/".join(names)
    return found
