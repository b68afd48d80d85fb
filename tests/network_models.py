"""Models of contagion that the monitor does not use: what worked cases of networks are asked of.

Each names its source; see cascade-theory 1.12 for how they hang together.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

Vector = list[Fraction]


class Network:
    """Who owes whom: `owed[i][j]` is what i owes j; `endowment[i]` what else i has.

    Who cannot pay loses a part of what it has: `kept_of_endowment` (alpha) and `kept_of_claims`
    (beta) are what is left. Both 1: Eisenberg and Noe, Systemic Risk in Financial Systems (2001),
    p = min(p, Pi'p + e). Else: Rogers and Veraart, Failure and Rescue in an Interbank Network
    (2013), where there may be several solutions, of which the greatest harms least.
    """

    def __init__(
        self,
        owed: Sequence[Sequence[float]],
        endowment: Sequence[float],
        kept_of_endowment: float = 1,
        kept_of_claims: float = 1,
    ) -> None:
        liabilities = [[exact(one) for one in row] for row in owed]
        self.due: Vector = [sum(row, Fraction(0)) for row in liabilities]
        self._everybody = range(len(liabilities))
        self._shares = [
            [one / due if due else Fraction(0) for one in row]
            for row, due in zip(liabilities, self.due, strict=True)
        ]
        self._endowment = [exact(one) for one in endowment]
        self._kept = exact(kept_of_endowment), exact(kept_of_claims)

    def greatest_clearing(self) -> Vector:
        """What each pays. Begins with nobody in default; who defaults stays so: n rounds at most
        (the fictitious default algorithm of Eisenberg and Noe, Rogers and Veraart's GA).
        """
        paid = self.due
        for _ in self._everybody:
            broke = [
                self._received(i, paid) + self._endowment[i] < self.due[i] for i in self._everybody
            ]
            paid = self._paid_with(broke)
        return paid

    def clears(self, paid: Sequence[float | Fraction]) -> bool:
        """Whether these payments follow from themselves."""
        vector = [exact(one) for one in paid]
        return all(self._pays(i, vector) == vector[i] for i in self._everybody)

    def _received(self, i: int, paid: Vector) -> Fraction:
        return sum((self._shares[j][i] * paid[j] for j in self._everybody), Fraction(0))

    def _pays(self, i: int, paid: Vector) -> Fraction:
        received = self._received(i, paid)
        if received + self._endowment[i] >= self.due[i]:
            return self.due[i]
        of_endowment, of_claims = self._kept
        return of_endowment * self._endowment[i] + of_claims * received

    def _paid_with(self, broke: Sequence[bool]) -> Vector:
        """Who is not broke pays in full, the others what they then have: a linear system."""
        of_endowment, of_claims = self._kept
        rows = [
            [Fraction(i == j) - of_claims * self._shares[j][i] * broke[i] for j in self._everybody]
            + [of_endowment * self._endowment[i] if broke[i] else self.due[i]]
            for i in self._everybody
        ]
        return solved(rows)


def solved(rows: list[Vector]) -> Vector:
    """A system of linear equations, each with its right side last. Gauss-Jordan, exact."""
    for place in range(len(rows)):
        pivot = next(i for i in range(place, len(rows)) if rows[i][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [one / rows[place][place] for one in rows[place]]
        for i, row in enumerate(rows):
            if i != place:
                rows[i] = [a - row[place] * b for a, b in zip(row, rows[place], strict=True)]
    return [row[-1] for row in rows]


def exact(figure: float | Fraction) -> Fraction:
    """As it is written: 2.2 is 22/10."""
    return Fraction(str(figure))


def price_after_sales(alpha: float, sold: float) -> float:
    """Exponential inverse demand: Cifuentes, Ferrucci and Shin, Liquidity Risk and Contagion
    (2005).
    """
    return math.exp(-alpha * sold)


def overlap(held: Sequence[Sequence[float]], depth: Sequence[float]) -> list[list[float]]:
    """Liquidity-weighted overlap of portfolios: what i loses when j sells all it has. Cont and
    Schaanning, Fire sales, indirect contagion and systemic stress testing (2017).
    """
    return [
        [sum(a * b / d for a, b, d in zip(mine, other, depth, strict=True)) for other in held]
        for mine in held
    ]


def passed_on(distress: float, alpha: float) -> float:
    """Non-linear DebtRank: what neighbours feel of a distress. With alpha 0 it is the linear one
    (Bardoscia and others, Distress propagation in complex networks: the case of non-linear
    DebtRank, 2016).
    """
    return distress * math.exp(alpha * (distress - 1))
