"""Charts show what is known, name what is not, and can be read."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records import BaselineSummary, Decision
from advisor.reports import charts
from advisor.reports.charts._labels import place_labels, spread, text_size, wrapped
from advisor.reports.charts.cost import month_ticks
from advisor.reports.charts.request import token_parts
from advisor.reports.charts.tradeoff import frontier, log_ticks
from tests.reports.decisions import full_decision, hostile_decision, sparse_decision

DRAWN = [name for name in charts.CHARTS if name not in ("loss", "learning", "tornado", "map")]


def draw(decision: Decision, name: str, **options: Any) -> Any:
    _, function = charts.CHARTS[name]
    return function(decision, **{"theme": charts.LIGHT, "width": charts.WIDE, **options})


def rows(chart: Any) -> list[dict[str, Any]]:
    """All rows of data of a chart, of whichever layer."""
    document = chart.to_dict()
    found = [row for layer in document["layer"] for row in layer.get("data", {}).get("values", [])]
    return found + [row for values in document.get("datasets", {}).values() for row in values]


def svg_text(svg: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())


def with_baselines(*changes: dict[str, Any]) -> Decision:
    """The full decision with its third baseline (rag), changed, as often as asked for."""
    document = full_decision().to_dict()
    template = document["baselines"][2]
    document["baselines"] = [
        _merged(template, {"name": f"b{i}", **change}) for i, change in enumerate(changes)
    ]
    document["break_even"] = document["comparisons"] = []
    return Decision.model_validate(document)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {
        k: _merged(v, new[k]) if isinstance(v, dict) and isinstance(new.get(k), dict) else new.get(k, v)
        for k, v in {**new, **old}.items()
    }


@pytest.mark.parametrize("name", charts.CHARTS)
@pytest.mark.parametrize("theme", [charts.LIGHT, charts.DARK], ids=lambda t: t.name)
@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_every_chart_becomes_svg_with_all_names_and_no_cut_text(
    name: str, theme: charts.Theme, width: int
) -> None:
    svg = charts.to_svg(draw(full_decision(), name, theme=theme, width=width), "p")
    text = svg_text(svg)
    of_one = {
        "loss": ["training loss", "dev loss"],
        "learning": ["measured", "if the curve goes on"],
        "tornado": ["Requests per month", "now $20,218", "+23.6 points", "assumed: half and double"],
        "map": ["F: Fine-tune", "D: Do not fine-tune", "N: Not yet", "$0.25", "50,000"],
    }
    shown = of_one.get(name, [b.name for b in full_decision().baselines])
    assert all(label in text for label in shown)
    assert "…" not in text
    assert "NaN" not in svg
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", svg), "nothing is loaded"


def test_charts_that_stand_on_the_page_take_their_containers_width() -> None:
    for name in charts.CHARTS:
        assert draw(full_decision(), name, width="container").to_dict()["width"] == "container"


@pytest.mark.parametrize("name", charts.CHARTS)
def test_where_nothing_is_known_nothing_is_drawn(name: str) -> None:
    assert draw(sparse_decision(), name) is None


@pytest.mark.parametrize("name", ["tradeoff", "all_in", "total", "cost"])
def test_unknown_costs_are_named_and_not_drawn_at_zero(name: str) -> None:
    chart = draw(full_decision(), name)
    assert "classifier" not in {row.get("name") for row in rows(chart)}
    assert re.search(r"unknown: classifier\.", svg_text(charts.to_svg(chart, "p")))


def test_who_needs_no_tokens_is_not_called_unknown() -> None:
    chart = draw(full_decision(), "tokens")
    assert "classifier" not in {row.get("name") for row in rows(chart)}
    told = svg_text(charts.to_svg(chart, "p"))
    assert "no prompt: classifier." in told
    assert "unknown: classifier" not in told


def test_all_costs_are_shared_among_the_requests_of_the_horizon() -> None:
    d = full_decision()
    drawn = {r["name"]: r["cost"] for r in rows(draw(d, "all_in")) if "cost" in r and "name" in r}
    tuned = next(b for b in d.baselines if b.name == "fine_tuned")
    requests = [
        sum(m.requests for m in b.cost_usd.months if m.month) for b in d.baselines if b.cost_usd.months
    ]
    total = requests[0] if requests else d.facts.requests_per_month * d.facts.horizon_months
    assert tuned.cost_usd.over_horizon is not None
    assert drawn["fine_tuned"] == pytest.approx(tuned.cost_usd.over_horizon / total * 1000)
    assert drawn["fine_tuned"] > (tuned.cost_usd.per_1k_requests or 0.0)


def test_a_kind_has_the_same_colour_in_every_report() -> None:
    d = full_decision()
    turned = d.model_copy(update={"baselines": tuple(reversed(d.baselines))})
    fewer = d.model_copy(
        update={"baselines": tuple(b for b in d.baselines if b.kind in ("rag", "fine_tuned"))}
    )
    assert {charts.colour_of(x, "fine_tuned") for x in (d, turned, fewer)} == {"#009E73"}
    twice = d.model_copy(
        update={
            "baselines": (*d.baselines, *(b.model_copy(update={"name": f"{b.name}_2"}) for b in d.baselines))
        }
    )
    assert len({charts.colour_of(twice, b.name) for b in twice.baselines}) == len(charts.COLOURS)


@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
@pytest.mark.parametrize("value", [0.83, 0.845, 0.85, 0.86, 0.9])
def test_no_score_is_struck_through_by_the_bar(value: float, width: int) -> None:
    from advisor.reports.charts._labels import text_size
    from advisor.reports.charts._theme import plot_px

    d = with_baselines(
        {"quality": {"metric": "accuracy", "value": value, "ci95": (value - 0.05, value + 0.05)}}
    )
    chart = charts.quality_chart(d, width=width)
    assert d.facts.bar is not None
    assert chart is not None
    row = next(r for r in rows(chart) if "low" in r)
    scale = re.search(r'"x": .*?"domain": \[([\d.]+), ([\d.]+)\]', json.dumps(chart.to_dict()))
    assert scale is not None
    low, high = map(float, scale.groups())
    at, bar = ((v - low) / (high - low) * plot_px(width) for v in (value, d.facts.bar))
    wide = text_size(row["text"])[0]
    start = at + row["dx"] - {"left": 0, "center": wide / 2, "right": wide}[row["align"]]
    assert not start < bar < start + wide


def test_a_known_cost_of_nothing_is_drawn() -> None:
    free = with_baselines({"cost_usd": {"per_1k_requests": 0.0}}, {"cost_usd": {"per_1k_requests": 500.0}})
    assert {row["cost"] for row in rows(draw(free, "tradeoff")) if "cost" in row} == {0.0, 500.0}


def test_a_baseline_has_one_colour_in_all_charts() -> None:
    seen: dict[str, set[str]] = {}
    for name in ("quality", "tradeoff", "cost", "loss"):
        document = json.dumps(draw(full_decision(), name).to_dict())
        for names, colours in re.findall(
            r'"field": "name", [^{}]*"scale": {"domain": (\[[^]]*\]), "range": (\[[^]]*\])', document
        ):
            for key, colour in zip(json.loads(names), json.loads(colours), strict=True):
                if colour.startswith("#"):
                    seen.setdefault(key, set()).add(colour)
    assert len(seen) == 5
    assert all(len(colours) == 1 for colours in seen.values())
    assert len(set.union(*seen.values())) == 5


def test_the_bar_is_drawn_where_there_is_one() -> None:
    assert "bar 85.0%" in svg_text(charts.to_svg(draw(full_decision(), "quality"), "p"))
    facts = full_decision().facts.model_copy(update={"bar": None})
    without = full_decision().model_copy(update={"facts": facts})
    assert "bar" not in svg_text(charts.to_svg(draw(without, "quality"), "p"))


def test_bar_and_latency_limit_are_drawn_where_quality_is_set_against_something() -> None:
    full = full_decision()
    limits = {**full.facts.assumptions, "constraints": {"latency_p95_s": 1.5, "must_stay_local": False}}
    limited = full.model_copy(update={"facts": full.facts.model_copy(update={"assumptions": limits})})
    assert "limit 1.5 s" in svg_text(charts.to_svg(draw(limited, "latency"), "p"))
    assert "limit" not in svg_text(charts.to_svg(draw(full, "latency"), "p"))
    for name in ("tradeoff", "total", "latency"):
        assert "bar 85.0%" in svg_text(charts.to_svg(draw(full, name), "p"))


STRESS = {
    "one": with_baselines({}),
    "nine": with_baselines(*({} for _ in range(9))),
    "long names": with_baselines(
        {"name": "a" * 64}, {"name": "few_shot_with_nearest_examples_of_the_same_customer_group_2026x"}
    ),
    "wide span": with_baselines(*({"cost_usd": {"per_1k_requests": 10.0**k}} for k in range(-3, 4))),
    "all free": with_baselines({"cost_usd": {"per_1k_requests": 0.0, "one_off": 0.0, "over_horizon": 0.0}}),
    "equal scores": with_baselines(
        {"quality": {"value": 1.0, "ci95": [1.0, 1.0]}}, {"quality": {"value": 1.0, "ci95": None}}
    ),
    "all wrong": with_baselines({"quality": {"value": 0.0, "ci95": [0.0, 0.02]}}),
    "bleu": with_baselines(
        {"quality": {"value": 62.0, "ci95": [58.0, 66.0]}}, {"quality": {"value": 87.0, "ci95": None}}
    ),
    "no parts": with_baselines({"prompt_parts": None, "tokens": {"output": None, "cached_input": None}}),
    "hostile": hostile_decision(),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("case", STRESS)
def test_charts_bear_extremes(case: str, name: str) -> None:
    svg = charts.to_svg(draw(STRESS[case], name), "p")
    ElementTree.fromstring(svg)
    assert not re.search("NaN|Infinity|undefined|null", svg)


def test_long_names_are_broken_into_lines_not_cut() -> None:
    text = svg_text(charts.to_svg(draw(STRESS["long names"], "quality"), "p")).replace(" ", "")
    assert all(b.name in text for b in STRESS["long names"].baselines)


def test_foreign_names_stay_text_and_ids_do_not_clash() -> None:
    svg = charts.to_svg(draw(hostile_decision(), "quality"), "quality-dark")
    root = ElementTree.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert all(i.startswith("quality-dark-") for i in ids)
    assert all(ref in ids for ref in re.findall(r"url\(#([^)]+)\)", svg))


def test_the_frontier_holds_what_is_nowhere_bettered() -> None:
    assert frontier([(1, 0.5), (2, 0.9), (3, 0.8), (1, 0.4), (4, 0.95)]) == [0, 1, 4]


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=12))
def test_off_the_frontier_something_is_as_cheap_and_as_good(points: list[tuple[float, float]]) -> None:
    best = set(frontier(points))
    for i, (cost, value) in enumerate(points):
        bettered = any(points[j][0] <= cost and points[j][1] >= value for j in best if j != i)
        assert (i in best) != bettered or i in best


def test_cumulative_costs_end_at_the_tables_cost_over_the_horizon() -> None:
    decision = full_decision()
    found = rows(draw(decision, "cost"))
    for b in decision.baselines:
        ends = [r["cost"] for r in found if r.get("name") == b.name and r["month"] == 12 and "cost_text" in r]
        if b.cost_usd.over_horizon is not None:
            assert ends[0] == pytest.approx(b.cost_usd.over_horizon)


def test_the_month_of_payback_is_where_the_lines_cross() -> None:
    # fine_tuned: 3200 at once, then (4918.4 - 3200) / 12 = 143.2 a month; rag: 640, then 438 a month
    ((baseline, against, month),) = charts.payback_months(full_decision())
    assert (baseline, against) == ("fine_tuned", "rag")
    assert month == pytest.approx((3200 - 640) / (438 - 143.2))
    assert 3200 + month * 143.2 == pytest.approx(640 + month * 438)


def test_parts_of_a_request_add_up_to_its_tokens() -> None:
    for b in full_decision().baselines:
        if b.tokens.input is not None and b.tokens.output is not None:
            assert sum(token_parts(b).values()) == pytest.approx(b.tokens.input + b.tokens.output)


def test_prompt_tokens_of_no_known_part_are_not_lost() -> None:
    b: BaselineSummary = with_baselines({"prompt_parts": None, "tokens": {"input": 1000.0}}).baselines[0]
    assert token_parts(b)["other prompt"] == 1000.0


@given(st.text(alphabet="ab_-. ", max_size=80), st.integers(1, 30))
def test_wrapped_lines_fit_and_lose_nothing(text: str, columns: int) -> None:
    lines = wrapped(text, columns).split("\n")
    assert all(len(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=10), st.floats(0, 40))
def test_spread_positions_keep_their_order_and_distance(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap, 0, 100)
    assert all(-1e-6 <= p <= 100 + 1e-6 for p in placed)
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    possible = min(gap, 100 / max(1, len(positions) - 1))
    for a, b in pairwise(order):
        assert placed[b] - placed[a] >= possible - 1e-6


def test_labels_of_near_points_do_not_cover_one_another() -> None:
    points = [(100.0, 100.0), (104.0, 103.0), (110.0, 96.0)]
    sizes = [text_size("fine_tuned")] * 3
    boxes = []
    for (x, y), (width, height), (align, dx, dy) in zip(
        points, sizes, place_labels(points, sizes, [], (0, 0, 600, 300)), strict=True
    ):
        left = x + dx - (width if align == "right" else 0)
        boxes.append((left, y + dy - height / 2, left + width, y + dy + height / 2))
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_ticks_are_round() -> None:
    assert log_ticks(0.05, 30) == pytest.approx([0.1, 1, 10])
    assert log_ticks(0.5, 12) == pytest.approx([0.5, 1, 2, 5, 10])
    assert month_ticks(12, 12) == list(range(13))
    assert month_ticks(120, 12) == list(range(0, 121, 12))


def test_a_chart_is_described_in_words() -> None:
    assert "fine_tuned 91.0% (86.2–94.2%)" in charts.describe(full_decision(), "quality")
    assert "classifier unknown" in charts.describe(full_decision(), "cost")
    for name in charts.CHARTS:
        assert charts.describe(sparse_decision(), name)
