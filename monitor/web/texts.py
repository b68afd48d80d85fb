"""What the answers' words mean, as the OpenAPI description tells it."""

STATUS_TEXT = (
    "`leader`: the name of the daemon that leads. "
    "`collateral_net_usd`: collateral in use without `claimed_usd`, the part that is a claim on "
    "money lent in a followed market (what secures that is collateral there), or on nothing but "
    "itself, and without `looped_usd`, what was pledged with money borrowed from followed markets "
    "in loops that are known. `unseen_claims_usd`: what is pledged of claims that do not show what "
    "stands behind them; so much of the net value may be counted elsewhere too. `multiplier`: "
    "gross by net. `totals`: all markets. `concentration`: by owner; `top1`, `top5`: parts of the "
    "largest, `hhi`: the sum of squared parts; by value in USD, of one collateral by amount."
)
OWNERSHIP_TEXT = (
    "`ownership`, where one account is asked for: whose it is, and by what evidence. "
    "`controllers`: whom its code obeys, `threshold` of them together, as that code told; "
    "`unknown`: why it counts as its own."
)
LOOPS_TEXT = (
    "`collateral_usd`, `debt_usd`: each side of the path once, with all that is there now. "
    "`breaks_at`: what makes one of its positions liquidatable, in the grammar of shocks: a price "
    "(`WETH`) or peg (`peg:wstETH/WETH`) by its move, up or down; and for "
    "`rate:market/asset`, `utilisation@days`: after so many days at the present rates, those of "
    "that utilisation, the debt outgrows what secures it. It is not there where no move does it, "
    "or where interest takes more than ten years; null where an earlier break may be unknown. "
    "`liquidation_order`: the same of each indebted position, the first to break first. "
    "`carry`: a year's rates, not compounded, by value; `net` is on the equity. "
    "`because`: why it is taken for a loop."
)
CLAIMS_TEXT = (
    "All that is pledged, and all that is a claim. `rests_on`: what it finally comes down to, and "
    "where that is lent (`market` null: it is held), in shares of 1 with `circular`, the part that "
    "claims nothing but itself, and `unseen`, of which nobody tells what stands behind it. "
    "`claims_on`: the share of it that is lent in a market, itself or by what it holds. "
    "`shared_by`: where it is pledged, itself or as something of which `share` rests on it; `top1` "
    "is the largest owner's part. `markets`: how much of a market's collateral is a claim on money "
    "lent in another, or in itself, of the markets where something shown is pledged."
)
PROJECTION_TEXT = (
    "`by_loop_kind`: the sums by the kind of loop that a debt is part of, `none` for debts in no "
    "loop that counts. `contagion`: what was liquidated in `to` because of what liquidations in "
    "`from` sold or wrote off, and what `share` that is of all that was liquidated there; the "
    "largest 100, largest first; the rest of a market's liquidated debt the shock did itself. "
    "`branching_ratio`: 1 - first round / all; 0 where nothing is liquidated. "
    "`unliquidated_because`: what kept liquidators from debt that is liquidatable at the end. "
    "`largest`: accounts by debt repaid (`debt_usd`), `largest_unliquidated`: by debt left; "
    "`largest_share`: the first one's part of all debt repaid, null where nothing is. In "
    "`round_log`, `ratio` is the round's liquidated debt to that of the round before; `lending`: "
    "how what was repaid or taken out is borrowed afterwards, the rate a year. `unwinding`: loops "
    "closed before the first round, where the option `unwind` asked for it. Where prices are "
    "`unknown` no sum is told: null; `left_out` changes none."
)
PRICES_TEXT = (
    "`price`: what the oracle says one whole asset is worth, in parts of which `unit` make one of "
    "what it is counted in: USD, or the `numeraire`. `path`: the contracts on the way, first the "
    "one that the market asks, each before what it reads."
)
