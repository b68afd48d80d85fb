"""Amounts and choices, drawn so that extremes come up too."""

import math
import random


def amount(rng: random.Random, most_raw: int) -> int:
    """A wei, dust, everything, or most often something between."""
    if most_raw <= 1:
        return most_raw
    roll = rng.random()
    if roll < 0.04:
        return 1
    if roll < 0.10:
        return rng.randint(2, min(most_raw, 1_000))
    if roll < 0.16:
        return most_raw
    return max(1, int(most_raw * 10 ** rng.uniform(-2.5, -0.02)))


def between(rng: random.Random, least: float, most: float) -> float:
    """Every order of magnitude alike."""
    return math.exp(rng.uniform(math.log(least), math.log(most)))
