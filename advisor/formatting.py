"""Figures and foreign text as a reader sees them: small pure functions, all `value -> str`.

A figure that is not known is the word "unknown", never a zero. Three significant figures, unless a count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from advisor.records import EvidenceKind

UNKNOWN = "unknown"
MINUS = "\u2212"
DASH = "\u2013"
WORD_JOINER = "\u2060"

BADGES: Mapping[EvidenceKind, tuple[str, str]] = {
    "measured": ("●", "Measured on this case's own examples."),
    "estimated": ("◐", "Computed from measured and declared figures, and prices."),
    "declared": ("○", "Said by the user; not checked."),
}
"""A sign and an explanation for each kind of evidence."""

# Control characters would steer a terminal; directional controls can make text read as what it is not;
# tag characters are invisible. Line feed and tab are kept.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    r"""Foreign text with every steering character written out: \x1b, \u202e."""
    return _STEERING.sub(_visible, text.replace("\r\n", "\n"))


KEPT = re.compile(rf"(?<={MINUS})(?=[$\d])|(?<=\d)(?={DASH}\d)|(?<=\d{DASH})(?=\d)")
"""Where a line must not end: after a minus sign, and inside a range."""


def set_text(text: str) -> str:
    """A text for a page that breaks its lines: amounts, ranges and n = 180 stay whole, keys lose their backticks."""
    kept = KEPT.sub(WORD_JOINER, text)
    return _KEYS.sub(r"\1", re.sub(r"\b([nN]) = (?=\d)", "\\1\u00a0=\u00a0", kept))


_KEYS = re.compile(
    r"`(case\.yaml|serving|prices|organisation|extensibility|existing|value"
    r"|(?:data|tuning|effort|traffic|costs|quality|constraints)\.[a-z_]+)`"
)
"""Keys of a case in backticks, as our own texts write them; other backticks are somebody else's."""


def one_line(text: str) -> str:
    """Foreign text, cleaned, with runs of white space made one space."""
    return " ".join(clean(text).split())


def shortened(text: str, length: int) -> str:
    """Foreign text in one line of at most `length` characters."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def number(value: float | None) -> str:
    """Three significant figures: 1,230 · 12.3 · 0.0123; a small whole number as such: 24."""
    return _known(value, lambda x: _signed(x, _plain(abs(x))))


def count(value: float | None) -> str:
    """A whole number: 50,000."""
    return _known(value, lambda x: _signed(x, f"{abs(x):,.0f}"))


def plural(n: float, one: str, several: str = "") -> str:
    """A whole number with what is counted: 1 month, 12 months."""
    return f"{count(n)} {one if n == 1 else several or f'{one}s'}"


def usd(value: float | None) -> str:
    """US dollars: $12,345 · $123 · $12.30 · $0.73 · $0.00123 · $0 (which is known to be nothing)."""
    return _known(value, lambda x: _signed(x, f"${_money(abs(x))}"))


def usd_short(value: float | None) -> str:
    """US dollars where room is scarce, e.g. on an axis: $12.3k · $1.5M."""
    if value is not None and 0 < value < 0.005:
        return "< $0.01"
    return _known(value, lambda x: _signed(x, f"${_short(abs(x))}"))


def percent(value: float | None, *, digits: int = 1) -> str:
    """A fraction of one as a percentage: 0.862 -> 86.2%."""
    return _known(value, lambda x: _signed(x, f"{abs(x) * 100:.{digits}f}%"))


def probability(value: float | None) -> str:
    """A probability that was estimated by drawing: never quite certain. 94.8% · over 99.9% · under 0.1%."""
    return _known(
        value, lambda p: "over 99.9%" if p >= 0.9995 else "under 0.1%" if p < 0.0005 else percent(p)
    )


def score(value: float | None, *, fraction: bool) -> str:
    """A quality score: a percentage where the metric runs from 0 to 1, else a plain number."""
    return percent(value) if fraction else _known(value, lambda x: _signed(x, _three_figures(abs(x))))


def difference(value: float | None, *, fraction: bool) -> str:
    """A difference of two scores, with its sign: +5.2 points."""
    return _known(value, lambda x: f"{_difference(x, fraction)} points")


def points(difference: float | None) -> str:
    """A difference of two fractions in points of a percentage, with its sign: +4.5 points, −0.3 points."""
    return _known(difference, lambda x: f"{_difference(x, True)} points")


def interval(
    ends: tuple[float, float] | None, *, fraction: bool, signed: bool = False, unit: bool = True
) -> str:
    """An interval of scores (81.4% to 90.0%) or, `signed`, of differences (−1.2 to +4.5 points)."""
    if ends is None or not all(map(math.isfinite, ends)):
        return UNKNOWN
    low, high = ends
    if signed:
        text = f"{_difference(low, fraction)} to {_difference(high, fraction)}"
        return f"{text} points" if unit else text
    if fraction and min(ends) >= 0:
        return f"{low * 100:.1f}{DASH}{high * 100:.1f}{'%' if unit else ''}"
    return f"{score(low, fraction=fraction)} to {score(high, fraction=fraction)}"


def p_value(value: float | None) -> str:
    """A p-value; what is below 0.001 is said so."""
    return _known(value, lambda x: "< 0.001" if x < 0.001 else f"{x:.3f}" if x < 0.0995 else f"{x:.2f}")


def seconds(value: float | None) -> str:
    """A duration: 320 ms · 1.2 s · 12 min 5 s · 3 h 20 min."""
    return _known(value, lambda x: _signed(x, _duration(abs(x))))


def tokens(value: float | None) -> str:
    """Tokens, which may be a mean: 1,204 · 45.3 · 61."""
    return _known(
        value, lambda x: _signed(x, f"{abs(x):,.{0 if abs(x) >= 99.95 else 1}f}".removesuffix(".0"))
    )


def badge(kind: EvidenceKind) -> str:
    """What kind of evidence a figure is: ● measured · ◐ estimated · ○ declared."""
    return f"{BADGES[kind][0]} {kind}"


def json_text(value: JsonValue) -> str:
    """A value of a setting or an assumption, as short as it can be said."""
    match value:
        case None:
            return "not given"
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
        case float():  # as it was said, not rounded to three figures
            return count(value) if value.is_integer() and abs(value) < 1e15 else f"{value:,.6g}"
        case str():
            return value
        case list():
            return ", ".join(json_text(v) for v in value) or "none"
        case dict():
            return settings_text(value)


def settings_text(settings: Mapping[str, JsonValue]) -> str:
    """Settings in one line: examples = 5, selection = nearest."""
    return ", ".join(f"{key} = {json_text(value)}" for key, value in settings.items()) or "none"


def _known(value: float | None, text: Callable[[float], str]) -> str:
    return UNKNOWN if value is None or not math.isfinite(value) else text(value)


def _signed(value: float, magnitude: str) -> str:
    """A minus sign, unless all that is shown of the magnitude is zeros."""
    return f"{MINUS}{magnitude}" if value < 0 and re.search("[1-9]", magnitude) else magnitude


def _difference(value: float, fraction: bool) -> str:
    magnitude = f"{abs(value) * 100:.1f}" if fraction else _three_figures(abs(value))
    plus = "+" if value > 0 and re.search("[1-9]", magnitude) else ""
    return plus + _signed(value, magnitude)


def _plain(x: float) -> str:
    return f"{x:.0f}" if x == int(x) and x < 1000 else _three_figures(x)


def _three_figures(x: float) -> str:
    if x == 0:
        return "0"
    if x < 1e-6 or x >= 1e15:
        return f"{x:.2e}"
    rounded = float(f"{x:.3g}")
    decimals = max(0, 2 - math.floor(math.log10(rounded)))
    return f"{rounded:,.{decimals}f}"


def _money(x: float) -> str:
    if x == 0:
        return "0"
    if x >= 99.995:
        return f"{x:,.0f}"
    if x >= 0.9995 or x < 1e-6:
        return f"{x:.2f}" if x >= 0.9995 else _three_figures(x)
    shown = _trimmed(_three_figures(x))
    return shown if len(shown) >= len("0.00") else f"{shown}0"  # cents have two digits


def _short(x: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if x >= size * 0.9995:
            return f"{_trimmed(_three_figures(x / size))}{letter}"
    return _trimmed(_three_figures(x))


def _trimmed(digits: str) -> str:
    """Without zeros at the end of a fraction."""
    return digits.rstrip("0").rstrip(".") if "." in digits and "e" not in digits else digits


def _duration(x: float) -> str:
    if x < 0.9995:
        return f"{_trimmed(_three_figures(x * 1000))} ms" if x >= 1e-4 or x == 0 else "< 0.1 ms"
    if x < 119.5:
        return f"{_trimmed(_three_figures(x))} s"
    whole = round(x)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
