"""Aave's packed configuration words, unpacked.

Source: DataTypes.sol of aave-v3-origin 3.6 and of `@aave/core-v3` 1.19.3, one layout but for what
was given up since.
"""

from monitor.core.reserves import ReserveTerms
from monitor.core.units import Address, AssetId, Bps

LAST_ORDINAL = 127
"""A user's word has a pair of bits for each of 128 reserves."""


def _bits(word: int, first: int, last: int) -> int:
    return (word >> first) & ((1 << (last - first + 1)) - 1)


def decimals_of(word: int) -> int:
    return _bits(word, 48, 55)


def terms_of(word: int, grace_until_unix: int) -> ReserveTerms:
    """ReserveConfigurationMap."""
    return ReserveTerms(
        ltv_bps=Bps(_bits(word, 0, 15)),
        liquidation_threshold_bps=Bps(_bits(word, 16, 31)),
        liquidation_bonus_bps=Bps(_bits(word, 32, 47)),
        is_active=bool(_bits(word, 56, 56)),
        is_frozen=bool(_bits(word, 57, 57)),
        is_borrowable=bool(_bits(word, 58, 58)),
        is_paused=bool(_bits(word, 60, 60)),
        reserve_factor_bps=Bps(_bits(word, 64, 79)),
        borrow_cap=_bits(word, 80, 115),
        supply_cap=_bits(word, 116, 151),
        liquidation_fee_bps=Bps(_bits(word, 152, 167)),
        grace_until_unix=grace_until_unix,
    )


def category_in(word: int) -> int:
    """The e-mode category a reserve belongs to, 0 for none (before 3.2)."""
    return _bits(word, 168, 175)


def lends_at_stable_rate(word: int) -> bool:
    """Whether new debt may bear a stable rate (before 3.2)."""
    return bool(_bits(word, 59, 59))


def is_collateral(user_word: int, ordinal: int) -> bool:
    """UserConfigurationMap: the second bit of a reserve's pair."""
    return bool((user_word >> (2 * ordinal + 1)) & 1)


def collaterals_in(user_word: int) -> tuple[int, ...]:
    """Ordinals of all that the account uses as collateral, listed or not."""
    return tuple(bit // 2 for bit in ordinals_in(user_word) if bit % 2)


def vacancy(ordinal: int) -> AssetId:
    """What stands for the place of a dropped reserve (before 3.4, where flags can outlive it).

    An account's flag stays with the place, and holds for whatever is listed there next.
    """
    return AssetId(Address(f"0x{ordinal + 1:040x}"))


def is_vacancy(asset: AssetId) -> bool:
    return int(asset, 16) <= LAST_ORDINAL + 1


def ordinals_in(bitmap: int) -> tuple[int, ...]:
    """Positions of the set bits, ascending."""
    return tuple(bit for bit in range(bitmap.bit_length()) if bitmap >> bit & 1)
