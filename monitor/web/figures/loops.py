"""Loops as streams of debt: what kind, on which collateral, in which market, what is owed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from monitor.core import words
from monitor.web.figures.drawing import (
    UNKNOWN,
    Document,
    Drawn,
    Summary,
    color,
    exact,
    figure,
    label,
    number,
)

MOST_OF_COLUMN = 7
"""Names in a column: the others are one."""
MOST_ROWS = 25
HEAD = ("kind", "collateral", "market", "debt", "loops", "debt in USD")
COLUMNS = ("kind", "collateral", "market", "debt")
OTHERS = "others"
_SHORT = 4
_MOST_IN_NAME = 2


@dataclass(frozen=True, slots=True)
class Stream:
    """Loops of one way: its name in every column, how many they are, and what they owe."""

    way: tuple[str, ...]
    loops: int
    debt_usd: float


def streams_of(loops: Sequence[Document]) -> list[Stream]:
    """Largest first. Loops of unknown debt, or of none, flow nowhere: they are counted apart."""
    names = _symbols(loops)
    debt, counts = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for loop in loops:
        value = number(loop.get("debt_usd"))
        if value is not None and value > 0:
            way = _way(loop, names)
            debt[way] += value  # type: ignore[assignment]  # typeshed: counts are int
            counts[way] += 1
    found = [Stream(way, counts[way], value) for way, value in debt.items()]
    return sorted(found, key=lambda stream: (-stream.debt_usd, stream.way))


def summary(answer: Document) -> Summary:
    """`answer`: of `/api/v1/loops`; whether there is a `next` is told, whatever it is."""
    loops = answer.get("loops") or ()
    if not loops:
        return Summary("No loops are known.")
    streams = streams_of(loops)
    total = sum(stream.debt_usd for stream in streams)
    sentence = f"{_count(len(loops), answer)} {_owe(len(loops))} {words.money(total)}"
    if streams and total:
        first = streams[0]
        kind, collateral, market, debt = first.way
        sentence += (
            f"; the largest stream is {debt} owed on {collateral} in {market} ({kind}), "
            f"{100 * first.debt_usd / total:.0f} % of it"
        )
    rows = tuple(
        (*stream.way, str(stream.loops), exact(f"{stream.debt_usd:.2f}"))
        for stream in streams[:MOST_ROWS]
    )
    return Summary(f"{sentence}.{_unknown(loops)}", HEAD, rows)


def draw(answer: Document) -> Drawn:
    loops = answer.get("loops") or ()
    if not loops:
        return Drawn("No loops are known.")
    streams = _gathered(streams_of(loops))
    if not streams:
        return Drawn(f"None of {len(loops)} loops has a debt that is known.")
    nodes, links, note = _nodes(streams), _links(streams), _unknown(loops).strip()
    from plotly import graph_objects as go

    places = {node: index for index, node in enumerate(nodes)}
    trace = go.Sankey(
        arrangement="fixed",
        valueformat="$,.0f",
        node={
            "label": [label(name) for _, name in nodes],
            "color": [color(f"series-{column + 1}") for column, _ in nodes],
            "line": {"width": 0},
            "pad": 14,
            "thickness": 14,
            "customdata": [_node_said(node, streams) for node in nodes],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        link={
            "source": [places[start] for start, _ in links],
            "target": [places[end] for _, end in links],
            "value": [links[link][0] for link in links],
            "color": [color(f"series-{start[0] + 1}", 30) for start, _ in links],
            "customdata": [_link_said(link, *links[link]) for link in links],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    )
    return Drawn(note, figure([trace], **_below(note)))


def _below(note: str) -> dict[str, Any]:
    """A line under the streams: what has no width because nobody knows it."""
    if not note:
        return {}
    line = {"text": note, "showarrow": False, "font": {"size": 12, "color": color("muted")}}
    at = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": -0.03, "yanchor": "top"}
    return {"annotations": [line | at], "margin": {"l": 8, "r": 8, "t": 8, "b": 28}}


def _symbols(loops: Sequence[Document]) -> Mapping[str, str]:
    """What each asset is called, by its address: two of one symbol are told apart."""
    told: dict[str, str] = {}
    for loop in loops:
        for leg in loop["path"]:
            told[leg["collateral"]] = leg.get("collateral_symbol") or leg["collateral"]
            if leg.get("debt"):
                told[leg["debt"]] = leg.get("debt_symbol") or leg["debt"]
    plain = {asset: words.plain(name, 16) or asset for asset, name in told.items()}
    of_name = Counter(plain.values())
    return {
        asset: name if of_name[name] == 1 else f"{name} ({asset[: 2 + _SHORT]}…{asset[-_SHORT:]})"
        for asset, name in plain.items()
    }


def _way(loop: Document, names: Mapping[str, str]) -> tuple[str, ...]:
    """Each loop is one stream, whatever its legs: its debt is told of all of them together."""
    path = loop["path"]
    return (
        words.plain(loop["kind"], 24).replace("_", " "),
        _joined(names[leg["collateral"]] for leg in path),
        _joined(words.plain(leg["market"], 24) for leg in path),
        _joined(names[leg["debt"]] for leg in path if leg.get("debt")),
    )


def _joined(names: Any) -> str:
    found = list(dict.fromkeys(names))
    if len(found) <= _MOST_IN_NAME:
        return " + ".join(found) or "nothing"
    return f"{' + '.join(found[:_MOST_IN_NAME])} + {len(found) - _MOST_IN_NAME} more"


def _gathered(streams: Sequence[Stream]) -> list[Stream]:
    """In every column the largest names, and one for all others."""
    kept = []
    for column in range(len(COLUMNS)):
        sums = Counter[str]()
        for stream in streams:
            sums[stream.way[column]] += stream.debt_usd  # type: ignore[assignment]
        fits = len(sums) <= MOST_OF_COLUMN
        most = MOST_OF_COLUMN if fits else MOST_OF_COLUMN - 1
        kept.append({name for name, _ in sums.most_common(most)})
    return [
        Stream(
            tuple(
                name if name in known else OTHERS
                for name, known in zip(stream.way, kept, strict=True)
            ),
            stream.loops,
            stream.debt_usd,
        )
        for stream in streams
    ]


Node = tuple[int, str]
Link = tuple[Node, Node]


def _nodes(streams: Sequence[Stream]) -> list[Node]:
    found = ((column, name) for stream in streams for column, name in enumerate(stream.way))
    return list(dict.fromkeys(found))


def _links(streams: Sequence[Stream]) -> dict[Link, tuple[float, int]]:
    """Debt and loops from column to column."""
    found: dict[Link, tuple[float, int]] = {}
    for stream in streams:
        nodes = list(enumerate(stream.way))
        for link in pairwise(nodes):
            usd, loops = found.get(link, (0.0, 0))
            found[link] = (usd + stream.debt_usd, loops + stream.loops)
    return found


def _node_said(node: Node, streams: Sequence[Stream]) -> str:
    column, name = node
    through = [stream for stream in streams if stream.way[column] == name]
    usd, loops = sum(s.debt_usd for s in through), sum(s.loops for s in through)
    return f"{COLUMNS[column]}: {label(name, 60)}<br>{_amount(usd, loops)}"


def _link_said(link: Link, usd: float, loops: int) -> str:
    (_, start), (_, end) = link
    return f"{label(start, 60)} → {label(end, 60)}<br>{_amount(usd, loops)}"


def _amount(usd: float, loops: int) -> str:
    return f"{exact(f'{usd:.2f}')} of debt in {loops} loop{'' if loops == 1 else 's'}"


def _count(loops: int, answer: Document) -> str:
    more = "The largest " if answer.get("next") else ""
    return f"{more}{loops} loop{'' if loops == 1 else 's'}"


def _owe(loops: int) -> str:
    return "owes" if loops == 1 else "owe"


def _unknown(loops: Sequence[Document]) -> str:
    blank = sum(number(loop.get("debt_usd")) is None for loop in loops)
    if not blank:
        return ""
    who = f"{blank} loop{'' if blank == 1 else 's'}"
    return f" What {who} {_owe(blank)} is {UNKNOWN}: not drawn."
