"""The assumptions of a case on controls: what was changed, kept for the session and in the address.

A change is a value by its key, as `advisor decide --set` takes it; of a range each end has a key of its own
(`traffic.requests_per_month.likely`). The address repeats `set=KEY=VALUE`, so that it can be sent to somebody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from advisor.cases.assumptions import Assumption, Group
from advisor.cases.numbers import Range
from advisor.reports.escaping import escaped
from advisor.reports.wording import parameter_name

__all__ = ["changes_of", "controls", "listed", "overrides_of", "reset", "shared"]

PARAMETER = "set"
GROUPS: Mapping[Group, str] = {
    "traffic": "Traffic",
    "value": "Worth of answers",
    "effort": "Effort of people",
    "prices": "Prices and machines",
    "costs": "Further costs",
    "limits": "Bar and limits",
}
UNITS = {
    "requests": "a month",
    "factor": "times",
    "share": "%",
    "months": "months",
    "usd": "USD",
    "usd_per_million": "USD",
    "hours": "hours",
    "per_year": "a year",
    "minutes": "minutes",
    "seconds": "seconds",
    "rate": "a second",
}
ENDS = ("low", "likely", "high")
Changes = dict[str, float | bool]


def changes_of(case: Path, assumptions: tuple[Assumption, ...]) -> tuple[Changes, list[str]]:
    """What was changed of a case, first as the address says it; and what in the address could not be read."""
    kept: dict[str, Changes] = st.session_state.setdefault("what_if", {})
    if str(case) in kept:
        return kept[str(case)], []
    known = {key: a for a in assumptions for key in _keys(a)}
    found: Changes = {}
    wrong = []
    for text in st.query_params.get_all(PARAMETER):
        key, _, value = text.partition("=")
        read = _read(value)
        if key not in known or read is None or isinstance(read, bool) != (known[key].unit == "switch"):
            wrong.append(text)
        elif read != _given(known[key], key):
            found[key] = read
    kept[str(case)] = found
    return found, wrong


def overrides_of(changes: Changes, assumptions: tuple[Assumption, ...]) -> tuple[tuple[str, str], ...]:
    """The changes as `workflow.decide` takes them; the ends of a range make way for its likely value."""
    found: dict[str, str] = {}
    for a in assumptions:
        if isinstance(a.value, Range):
            ends = {end: float(changes.get(f"{a.key}.{end}", getattr(a.value, end))) for end in ENDS}
            if any(f"{a.key}.{end}" in changes for end in ENDS):
                low, high = min(ends["low"], ends["likely"]), max(ends["high"], ends["likely"])
                found[a.key] = f"{{low: {low:.12g}, likely: {ends['likely']:.12g}, high: {high:.12g}}}"
        elif a.key in changes:
            found |= {key: f"{value:.12g}" for key, value in a.with_keys if key not in found}
            found[a.key] = _written(changes[a.key])
    return tuple(found.items())


def controls(case: Path, assumptions: tuple[Assumption, ...], changes: Changes, *, fraction: bool) -> None:
    """Every assumption on a control, by what it is about."""
    for group, title in GROUPS.items():
        of_group = [a for a in assumptions if a.group == group]
        n = sum(key in changes for a in of_group for key in _keys(a))
        marked = f"{title} ({n} changed)" if n else title
        if of_group:
            with st.expander(marked, expanded=group == "traffic", key=f"{case}|{group}"):
                for a in of_group:
                    _control(case, a, changes, fraction)


def listed(changes: Changes, assumptions: tuple[Assumption, ...], *, fraction: bool) -> list[str]:
    """Each change in words: what it was, and what it is now."""
    lines = []
    for a in assumptions:
        scale, unit = _scale(a, fraction), _unit(a, fraction)
        for key in _keys(a):
            if key in changes:
                was, now = (_shown(v, scale, unit) for v in (_given(a, key), changes[key]))
                lines.append(f"{_label(a, key)}: was {was}, now {now}")
    return lines


def shared(changes: Changes) -> None:
    """Puts the changes into the address."""
    wanted = [f"{key}={_written(value)}" for key, value in changes.items()]
    if st.query_params.get_all(PARAMETER) != wanted:
        st.query_params[PARAMETER] = wanted


def reset(case: Path) -> None:
    """Takes all changes back."""
    st.session_state.setdefault("what_if", {})[str(case)] = {}
    for key in [k for k in st.session_state if isinstance(k, str) and k.startswith(f"{case}|value|")]:
        del st.session_state[key]


def _control(case: Path, a: Assumption, changes: Changes, fraction: bool) -> None:
    help = f"`{a.key}`: what the case says, declared and not checked."
    if a.with_keys or (a.group == "prices" and a.unit == "usd_per_million"):
        help = f"`{a.key}`: from the price catalogue, or the case's own."
    if a.unit == "switch":
        widget = f"{case}|value|{a.key}"
        st.toggle(
            escaped(parameter_name(a.key)),
            value=bool(changes.get(a.key, a.value)),
            key=widget,
            help=help,
            on_change=_changed,
            args=(case, a, a.key, widget, 1.0),
        )
        return
    if not isinstance(a.value, Range):
        _number(case, a, a.key, changes, fraction, help)
        return
    st.markdown(f"{escaped(parameter_name(a.key))} ({_unit(a, fraction)})", help=help)
    for column, end in zip(st.columns(3, gap="xsmall"), ENDS, strict=True):
        with column:
            _number(case, a, f"{a.key}.{end}", changes, fraction, None, label=end)
    low, likely, high = (float(changes.get(f"{a.key}.{end}", getattr(a.value, end))) for end in ENDS)
    if not low <= likely <= high:
        follows = "Low" if likely < low else "High"
        st.caption(
            f"{follows} follows the likely value: {_shown(likely, _scale(a, fraction), _unit(a, fraction))}."
        )


def _number(
    case: Path,
    a: Assumption,
    key: str,
    changes: Changes,
    fraction: bool,
    help: str | None,
    label: str | None = None,
) -> None:
    scale, widget = _scale(a, fraction), f"{case}|value|{key}"
    value = changes.get(key, _given(a, key))
    shown = None if value is None else round(float(value) * scale, 10)
    name = f"{escaped(parameter_name(a.key))} ({_unit(a, fraction)})"
    st.number_input(
        label or name,
        min_value=None if a.least is None else a.least * scale,
        max_value=None if a.most is None else a.most * scale,
        value=shown,
        step=_step(shown, a),
        format="%.0f" if a.unit == "months" else "%.6g",
        key=widget,
        placeholder="not given",
        help=help,
        on_change=_changed,
        args=(case, a, key, widget, scale),
    )


def _changed(case: Path, a: Assumption, key: str, widget: str, scale: float) -> None:
    """Keeps what a control says, unless it is what the case says."""
    value = st.session_state[widget]
    changes: Changes = st.session_state["what_if"][str(case)]
    if value is not None and not isinstance(value, bool):
        value = float(f"{value / scale:.12g}")
    if value is None or value == _given(a, key):
        changes.pop(key, None)
        if value is None:  # what the case says cannot be unsaid
            del st.session_state[widget]
    else:
        changes[key] = value


def _keys(a: Assumption) -> tuple[str, ...]:
    return tuple(f"{a.key}.{end}" for end in ENDS) if isinstance(a.value, Range) else (a.key,)


def _given(a: Assumption, key: str) -> float | bool | None:
    if isinstance(a.value, Range):
        found: float = getattr(a.value, key.rpartition(".")[2])
        return found
    return a.value


def _label(a: Assumption, key: str) -> str:
    name = parameter_name(a.key)
    return f"{name}, {key.rpartition('.')[2]}" if isinstance(a.value, Range) else name


def _scale(a: Assumption, fraction: bool) -> float:
    return 100.0 if a.unit == "share" or (a.unit == "score" and fraction) else 1.0


def _unit(a: Assumption, fraction: bool) -> str:
    return UNITS.get(a.unit, "%" if fraction else "score")


def _step(shown: float | None, a: Assumption) -> float:
    """A tenth of the value's own power of ten, so that a click is felt and not too much."""
    if a.unit == "months":
        return 1.0
    size = abs(shown or 0.0)
    return (
        float(10 ** (math.floor(math.log10(size)) - 1)) if size >= 1e-6 else 0.01 if a.unit == "usd" else 1.0
    )


def _shown(value: float | bool | None, scale: float, unit: str) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value * scale:,.6g}"
    return f"{text}%" if unit == "%" else f"{text} {unit}"


def _written(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.12g}"


def _read(text: str) -> float | bool | None:
    if text in ("true", "false"):
        return text == "true"
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
