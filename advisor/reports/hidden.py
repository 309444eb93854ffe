"""What one run hides and what looks wrong, in words: shared by terminal, HTML and Markdown."""

from __future__ import annotations

from advisor.formatting import count, difference, interval, one_line, p_value, score
from advisor.records import Decision, Finding, Slice
from advisor.reports import wording

FLAGS = {
    "better": "tuned is better",
    "worse": "tuned is worse",
    "open": "not told apart",
}


def finding(item: Finding) -> str:
    """A finding with its cause and what to do."""
    kind = "a fault of configuration, so no finding about tuning. " if item.artefact else ""
    return f"{item.baseline} ({item.name}): {item.seen}: {kind}Likely cause: {item.cause}. {item.action}"


def noise(d: Decision) -> list[str]:
    """What is known of the luck in the scores; what the warnings say already is left out."""
    if d.noise is None:
        return []
    lines = [x.text for x in (d.noise.difference, d.noise.without_duplicates) if x is not None]
    tuned = {b.name for b in d.baselines if b.kind == "fine_tuned"}
    several = {b.baseline for b in d.noise.baselines if b.answers_per_item > 1}
    lines += [b.text for b in d.noise.baselines if b.baseline in tuned | several]
    for change in d.noise.versions:
        lines.append(change.text)
        lines += [
            f"{v.version}: {count(v.n)} items, {d.facts.metric} {score(v.quality, fraction=wording.is_fraction(d))}"
            for v in change.versions
        ]
        if change.test is not None:
            lines.append(
                f"The two versions with most items: p-value {p_value(change.p_value)} ({change.test})."
            )
    return [line for line in lines if line not in d.warnings]


def slices_line(d: Decision) -> str | None:
    """How many parts were compared, and on which of them the tuned model is surely better or worse."""
    tested = [s for s in d.slices if s.p_value is not None]
    if not tested:
        return None
    sides = []
    for flag in ("better", "worse"):
        found = [s for s in tested if s.flag == flag]
        if found:
            shown = ", ".join(slice_name(s) for s in found[:4])
            more = f" and {len(found) - 4} more" if len(found) > 4 else ""
            sides.append(f"surely {flag} on {len(found)} ({shown}{more})")
    said = "; ".join(sides) or "not surely better or worse on any"
    return f"Of {len(tested)} parts of the held-out set, the tuned model is {said}."


def slice_name(part: Slice) -> str:
    """A slice in words."""
    return f"{part.dimension} {one_line(part.value)}"


def slices_header(d: Decision) -> list[str]:
    """Columns of the table of slices."""
    return ["Part", "n", *_compared(d), "Difference", "95% interval", "p-value (adjusted)", ""]


def slices_rows(d: Decision) -> list[list[str]]:
    """A row of text for each slice that is not too small: quality of the pair, their difference, how sure it is."""
    fraction = wording.is_fraction(d)
    return [
        [
            slice_name(s),
            str(s.n),
            *(score(s.quality.get(name), fraction=fraction) for name in _compared(d)),
            "–" if s.difference is None else difference(s.difference, fraction=fraction),
            "–" if s.ci95 is None else interval(s.ci95, fraction=fraction, signed=True, unit=False),
            "–" if s.adjusted_p_value is None else p_value(s.adjusted_p_value),
            FLAGS[s.flag],
        ]
        for s in d.slices
        if s.flag != "too_small"
    ]


def too_small(d: Decision) -> str | None:
    """The slices of too few items, in a line."""
    found = [f"{slice_name(s)} ({s.n})" for s in d.slices if s.flag == "too_small"]
    return f"Too small to test, with their items: {', '.join(found)}." if found else None


def _compared(d: Decision) -> list[str]:
    """The pair that slices are compared by; without one, all baselines."""
    pair = d.noise.difference if d.noise is not None else None
    return [b.name for b in d.baselines if b.n] if pair is None else [pair.baseline, pair.reference]
