"""Any net of vaults: shares add up to one, solve their own equations, and forget names."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.receipts import ReceiptKind
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.leverage.claims import Claim, Claims, Part
from monitor.leverage.foundation import Rest, Spot

VAULTS = tuple(AssetId(f"0x{n:040x}") for n in range(1, 8))
PLAIN = tuple(AssetId(f"0x{n:040x}") for n in range(101, 104))
SPOTS: tuple[Spot | None, ...] = (None, (MarketId("a"), ""), (MarketId("m"), "0x1"))
PARTS = st.lists(
    st.builds(
        Part,
        st.sampled_from(VAULTS + PLAIN),
        st.sampled_from(SPOTS),
        st.integers(1, 10**24),
    ),
    max_size=4,
)
HIDDEN = st.one_of(st.just(0), st.just(None), st.integers(1, 10**24))
"""What a vault has and nobody sees; None: it does not even tell how much it has."""


@st.composite
def nets(draw: st.DrawFn) -> dict[AssetId, Claim]:
    net = {}
    for vault in VAULTS:
        parts, hidden = draw(PARTS), draw(HIDDEN)
        total = None if hidden is None else RawAmount(hidden + sum(part.raw for part in parts))
        net[vault] = Claim(ReceiptKind.ERC4626, None, tuple(parts), total)
    return net


def shares(rest: Rest) -> dict[object, Fraction]:
    found: dict[object, Fraction] = {"circular": rest.circular, "unknown": rest.unknown}
    return {node: share for node, share in (found | dict(rest.bases)).items() if share}


def mixed(claims: Claims, vault: AssetId) -> dict[object, Fraction]:
    """What a vault rests on, from what those that it holds rest on."""
    claim = claims.claims[vault]
    whole = claim.whole_raw
    if not whole:
        return {"unknown": Fraction(1)}
    found: dict[object, Fraction] = {}
    left = Fraction(1)
    for part in claim.parts:
        weight = Fraction(part.raw, whole)
        left -= weight
        rows = shares(claims.rests_on(part.asset)).items()
        if part.asset not in claims.claims:
            rows = [((part.asset, part.spot), Fraction(1))]  # type: ignore[assignment]
        for node, share in rows:
            found[node] = found.get(node, Fraction(0)) + weight * share
    if left:
        found["unknown"] = found.get("unknown", Fraction(0)) + left
    return found


@given(nets())
def test_rests_on__of_any_net__adds_up_to_one_and_solves_the_equations(
    net: dict[AssetId, Claim],
) -> None:
    claims = Claims(net)
    for vault in VAULTS:
        found = shares(claims.rests_on(vault))
        assert sum(found.values()) == 1
        assert all(share > 0 for share in found.values())
        assert found == mixed(claims, vault)


@given(nets())
def test_lent__of_any_net__lies_between_each_market_and_their_sum(
    net: dict[AssetId, Claim],
) -> None:
    claims = Claims(net)
    for vault in VAULTS:
        each = [claims.lent_in(vault, spot) for spot in SPOTS if spot]
        split = claims.split(vault)
        assert max(each) <= split.lent <= sum(each)
        assert sum(split) <= 1
        lent = sum(share for base, share in claims.rests_on(vault).bases if base.spot)
        assert lent <= split.lent


@given(nets(), st.permutations(VAULTS))
def test_rests_on__after_renaming__is_the_same(
    net: dict[AssetId, Claim], names: list[AssetId]
) -> None:
    renamed = dict(zip(VAULTS, names, strict=True))
    other = Claims(
        {
            renamed[vault]: Claim(
                claim.kind,
                None,
                tuple(p._replace(asset=renamed.get(p.asset, p.asset)) for p in claim.parts),
                claim.total_raw,
            )
            for vault, claim in net.items()
        }
    )
    claims = Claims(net)
    for vault in VAULTS:
        assert shares(claims.rests_on(vault)) == shares(other.rests_on(renamed[vault]))
