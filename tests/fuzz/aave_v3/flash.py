"""Flash loans: given back with a premium, or kept as debts, of one asset or of several."""

from devnet import Address, Tx
from devnet.world import NO_REFERRAL, VARIABLE_RATE

from fuzz.aave_v3.scene import AaveScene
from fuzz.people import flash_receiver

LOAN = "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"


def simple(scene: AaveScene) -> Tx | None:
    who, symbol = _borrower(scene), scene.rng.choice(scene.lending)
    signature = "flashLoanSimple(address,address,uint256,bytes,uint16)"
    asset, pool = scene.world.token(symbol), scene.world.addresses.pool
    loan = (flash_receiver(), asset, _amount(scene, symbol), b"", NO_REFERRAL)
    return scene.world.tx(who, pool, signature, *loan)


def several(scene: AaveScene) -> Tx | None:
    symbols = _some(scene, scene.lending)
    return _loan(scene, _borrower(scene), {s: (_amount(scene, s), 0) for s in symbols})


def into_debt(scene: AaveScene) -> Tx | None:
    """At least one asset is kept; others may be given back beside it."""

    def may_owe(who: Address) -> bool:
        return scene[who].data.available_borrows_e8 > 10**8 and bool(scene.borrowable(who))

    who = scene.actor(may_owe)
    if who is None:
        return None
    loans = {s: (_amount(scene, s), 0) for s in _some(scene, scene.lending)[1:]}
    kept = _some(scene, scene.borrowable(who))
    for symbol in kept:
        room = scene.raw(symbol, scene[who].data.available_borrows_e8 * 0.9 / len(kept))
        most = min(room, scene.sight.reserves[symbol].cash_raw // 2)
        loans[symbol] = (max(1, scene.amount(most)), VARIABLE_RATE)
    return _loan(scene, who, loans)


def _loan(scene: AaveScene, who: Address, loans: dict[str, tuple[int, int]]) -> Tx:
    """`loans`: (amount, rate mode) by asset."""
    assets = [scene.world.token(symbol) for symbol in loans]
    amounts, modes = ([loan[i] for loan in loans.values()] for i in (0, 1))
    args = (flash_receiver(), assets, amounts, modes, who, b"", NO_REFERRAL)
    return scene.world.tx(who, scene.world.addresses.pool, LOAN, *args, gas=6_000_000)


def _borrower(scene: AaveScene) -> Address:
    who = scene.actor()
    assert who is not None
    return who


def _some(scene: AaveScene, symbols: list[str]) -> list[str]:
    return scene.rng.sample(symbols, scene.rng.randint(1, min(3, len(symbols))))


def _amount(scene: AaveScene, symbol: str) -> int:
    return max(1, scene.amount(scene.sight.reserves[symbol].cash_raw // 2))
