"""The page's colours: enough contrast, light and dark, and series that everybody tells apart."""

import itertools
import re
from importlib.resources import files

import pytest

Rgb = tuple[float, float, float]
Matrix = tuple[Rgb, Rgb, Rgb]
LEAST_CONTRAST, LEAST_OF_WORDS = 3.0, 4.5
"""WCAG 2.2, 1.4.11 and 1.4.3."""
LEAST_DIFFERENCE = 20
"""CIE 1976: 2.3 is just noticeable to who looks at both side by side."""
SIGHT: dict[str, Matrix] = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
SERIES = [f"series-{number}" for number in range(1, 7)]
WORDS = ("ink", "muted", "tripped", "warned", "blind")
_BLOCK = re.compile(r"([^{}]*)\{([^{}]*--series-1:[^{}]*)\}")


def schemes() -> dict[str, dict[str, Rgb]]:
    """Linear RGB by name, of each block of the style that has all of them."""
    style = files("monitor.web.page").joinpath("assets", "page.css").read_text()
    found = {}
    for selector, body in _BLOCK.findall(style):
        named = re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", body)
        found[selector.strip().splitlines()[-1].strip()] = {name: linear(c) for name, c in named}
    return found


def linear(text: str) -> Rgb:
    def channel(at: int) -> float:
        value = int(text[at : at + 2], 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    return channel(1), channel(3), channel(5)


def seen(color: Rgb, sight: Matrix) -> Rgb:
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, color, strict=True)))) for row in sight
    )
    return red, green, blue


def contrast(first: Rgb, second: Rgb) -> float:
    light = [sum(a * b for a, b in zip(LUMINANCE, each, strict=True)) for each in (first, second)]
    return (max(light) + 0.05) / (min(light) + 0.05)


def lab(color: Rgb) -> Rgb:
    """CIE L*a*b* under D65."""
    red, green, blue = color

    def root(value: float) -> float:
        return float(value ** (1 / 3)) if value > 0.008856 else 7.787 * value + 16 / 116

    x = root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = root(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def difference(first: Rgb, second: Rgb) -> float:
    pairs = zip(lab(first), lab(second), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def test_style__has_a_light_and_two_dark_palettes() -> None:
    assert len(schemes()) == 3


@pytest.mark.parametrize("scheme", sorted(schemes()))
def test_colours__stand_out_from_the_panels(scheme: str) -> None:
    palette = schemes()[scheme]
    weak = {name: contrast(palette[name], palette["surface"]) for name in (*SERIES, *WORDS)}
    assert {name: c for name, c in weak.items() if c < LEAST_CONTRAST} == {}
    assert {name: weak[name] for name in WORDS if weak[name] < LEAST_OF_WORDS} == {}


@pytest.mark.parametrize("sight", sorted(SIGHT))
@pytest.mark.parametrize("scheme", sorted(schemes()))
def test_series__are_told_apart(scheme: str, sight: str) -> None:
    palette = {name: seen(schemes()[scheme][name], SIGHT[sight]) for name in SERIES}
    close = {
        (a, b): round(difference(palette[a], palette[b]))
        for a, b in itertools.combinations(SERIES, 2)
        if difference(palette[a], palette[b]) < LEAST_DIFFERENCE
    }
    assert close == {}
