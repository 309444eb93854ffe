"""The decision report as GitHub-flavoured Markdown: what the HTML report says, without its charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from advisor.formatting import (
    badge,
    clean,
    count,
    difference,
    interval,
    number,
    one_line,
    p_value,
    percent,
    score,
    seconds,
    settings_text,
    tokens,
    usd,
)
from advisor.records import BaselineSummary, Decision, TuningRecord
from advisor.reports import charts, further, hidden, uncertain, wording
from advisor.reports.judge import TITLE as JUDGE_TITLE
from advisor.reports.judge import judge_lines
from advisor.reports.load import HEADER as LOAD_HEADER
from advisor.reports.load import load_rows, measured_on
from advisor.reports.over_time import costs_sentences, costs_table

_NEEDS_ESCAPE = re.compile(r"([\\`*_{}\[\]#|~$@^]|://|:(?=\w)|(?<=\bwww)\.)")


def escaped(text: str) -> str:
    """Foreign text in one line that Markdown, HTML, and GitHub's and Streamlit's extensions leave as it is."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _NEEDS_ESCAPE.sub(lambda m: "".join(f"\\{c}" for c in m[0]), plain)
    # what would begin a list or a heading, were it at the start of a line
    return re.sub(
        r"^(\d+)([.)])(?=\s|$)|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", plain
    )


def code(text: str) -> str:
    """Foreign text as a code span that also holds in a table."""
    plain = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    return (
        f"{fence} {plain} {fence}"
        if plain.startswith("`") or plain.endswith("`")
        else f"{fence}{plain}{fence}"
    )


def render_markdown(decision: Decision) -> str:
    """The report of a decision as Markdown."""
    sections = [
        _head(decision),
        _warnings(decision),
        _comparison(decision),
        _over_time(decision),
        _pairs(decision),
        _judge(decision),
        _diagnosis(decision),
        _hidden(decision),
        _slices(decision),
        _sure(decision),
        _break_even(decision),
        _load_tests(decision),
        _questions(decision),
        _flips(decision),
        _inputs(decision),
        _readiness(decision),
        _further(decision),
        _settings(decision),
        _assumptions(decision),
        _method(),
        _provenance(decision),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(d: Decision) -> list[str]:
    v = d.verdict
    lines = [
        f"# {wording.VERDICTS[v.decision]}: {escaped(d.facts.title)}",
        "",
        escaped(d.facts.use_case),
        "",
        f"Case {code(d.case)}: {escaped(d.facts.task_kind.replace('_', ' '))}, to improve: {escaped(d.facts.aspect)}; "
        f"{count(d.facts.n_held_out)} held-out items, {count(d.facts.n_train)} training examples.",
        "",
        f"**{escaped(wording.verdict_sentence(d))}** Confidence {wording.confidence(v.confidence)}.",
        "",
        *_bullets(v.reasons),
    ]
    if (stopped := wording.stopped_early(d)) is not None:
        lines += ["", f"*{escaped(stopped)}*"]
    if missing := uncertain.shopping(d):
        lines += ["", "**What is missing**", "", *_bullets(missing)]
    if (until := uncertain.meanwhile(d)) is not None:
        lines += ["", f"**{escaped(until)}**"]
    return lines


def _warnings(d: Decision) -> list[str]:
    if not d.warnings:
        return []
    return ["> [!WARNING]", *(f"> - {escaped(w)}" for w in d.warnings)]


def _comparison(d: Decision) -> list[str]:
    fraction = wording.is_fraction(d)
    months = count(d.facts.horizon_months)
    header = (
        "Baseline",
        "n",
        f"{escaped(d.facts.metric)} (95% interval)",
        "Tokens in (cached) / out",
        "Latency p50 / p95",
        "USD per 1,000 requests",
        "one-off",
        "per month",
        f"over {months} months",
    )

    def row(b: BaselineSummary) -> tuple[str, ...]:
        name = code(b.name)
        cost = b.cost_usd
        failed = f" ({count(b.failed)} failed)" if b.failed else ""
        return (
            f"**{name}** (recommended)" if b.name == d.verdict.recommended else name,
            f"{count(b.n)}{failed}",
            wording.score_with_interval(b, fraction=fraction),
            f"{tokens(b.tokens.input)} ({tokens(b.tokens.cached_input)}) / {tokens(b.tokens.output)}",
            f"{seconds(b.latency_s.p50)} / {seconds(b.latency_s.p95)}",
            escaped(usd(cost.per_1k_requests)),
            escaped(usd(cost.one_off)),
            escaped(usd(cost.per_month)),
            escaped(usd(cost.over_horizon)),
        )

    bar = "" if d.facts.bar is None else f" The bar is {score(d.facts.bar, fraction=fraction)}."
    volume = f"At {count(d.facts.requests_per_month)} requests a month ({badge('declared')})."
    lines = [
        "## The alternatives compared",
        "",
        f"Quality, tokens and latency are {badge('measured')}, costs are {badge('estimated')}. {volume}{bar}",
        "",
        *_table(header, [row(b) for b in d.baselines], right_from=1),
    ]
    notes = [
        f"- {code(b.name)}: {escaped('; '.join(b.cost_usd.notes))}" for b in d.baselines if b.cost_usd.notes
    ]
    if notes:
        lines += ["", "Notes on costs:", "", *notes]
    worth = [
        f"- {code(b.name)}: {escaped(usd(b.value_usd_over_horizon))}"
        for b in d.baselines
        if b.value_usd_over_horizon is not None
    ]
    if worth:
        lines += ["", f"Net value over {months} months ({badge('estimated')}):", "", *worth]
    return lines


def _over_time(d: Decision) -> list[str]:
    headers, rows = costs_table(d)
    if not rows:
        return []
    cells = [[code(name), *(escaped(cell) for cell in rest)] for name, *rest in rows]
    lines = [
        f"## Costs over {count(d.facts.horizon_months)} months",
        "",
        f"In USD, {badge('estimated')}.",
        "",
    ]
    lines += _table(headers, cells, right_from=1)
    said = costs_sentences(d)
    return [*lines, "", *_bullets(said)] if said else lines


def _pairs(d: Decision) -> list[str]:
    if not d.comparisons:
        return []
    fraction = wording.is_fraction(d)
    rows = [
        (
            f"{code(c.baseline)} against {code(c.reference)}",
            count(c.n),
            difference(c.difference, fraction=fraction),
            interval(c.ci95, fraction=fraction, signed=True),
            escaped(wording.reading(c, d)),
            wording.discordant(c),
            f"{p_value(c.adjusted_p_value)} ({p_value(c.p_value)} unadjusted; {escaped(c.test)})".replace(
                "<", "&lt;"
            ),
        )
        for c in d.comparisons
    ]
    header = ("Comparison", "n", "Difference", "95% interval", "In words", "Only one right", "p-value")
    return ["## How sure the differences are", "", f"All {badge('measured')}.", "", *_table(header, rows)]


def _judge(d: Decision) -> list[str]:
    lines = judge_lines(d)
    return [f"## {JUDGE_TITLE}", "", f"{badge('measured')}.", "", *_bullets(lines)] if lines else []


def _diagnosis(d: Decision) -> list[str]:
    if not d.diagnosis:
        return []
    return ["## What looks wrong", "", *_bullets(hidden.finding(f) for f in d.diagnosis)]


def _hidden(d: Decision) -> list[str]:
    lines = hidden.noise(d)
    return ["## How much may be luck", "", *_bullets(lines)] if lines else []


def _slices(d: Decision) -> list[str]:
    if not d.slices:
        return []
    rows = [tuple(escaped(cell) for cell in row) for row in hidden.slices_rows(d)]
    line = hidden.slices_line(d)
    return [
        "## Parts of the held-out set",
        "",
        *([escaped(line), ""] if line else []),
        *_table(tuple(escaped(h) for h in hidden.slices_header(d)), rows),
        *(["", escaped(small)] if (small := hidden.too_small(d)) else []),
    ]


def _sure(d: Decision) -> list[str]:
    if d.uncertainty is None:
        return []
    rows = [(code(name), *(escaped(cell) for cell in rest)) for name, *rest in uncertain.odds_rows(d)]
    said = uncertain.odds_sentence(d)
    return [
        "## How sure the choice is",
        "",
        *([f"{escaped(said)} All {badge('estimated')}.", ""] if said else []),
        *_table(uncertain.odds_header(d), rows, right_from=1),
        *(line for text in uncertain.information(d) for line in ("", escaped(text))),
    ]


def _break_even(d: Decision) -> list[str]:
    if not d.break_even:
        return [
            "## Break-even",
            "",
            "There is no tuned model whose costs could break even with an alternative's.",
        ]
    return [
        "## Break-even",
        "",
        f"Volumes are {badge('estimated')}.",
        "",
        *_bullets(wording.break_even(b) for b in d.break_even),
        *(
            f"- Over time: {code(a)} becomes cheaper than {code(b)} in month {month:.1f}."
            for a, b, month in charts.payback_months(d)
        ),
    ]


def _load_tests(d: Decision) -> list[str]:
    if not d.load_tests:
        return []
    lines = [
        "## Under load",
        "",
        f"Throughput and latency are {badge('measured')}, costs {badge('estimated')}.",
    ]
    for c in d.load_tests:
        rows = [[escaped(cell) for cell in row] for row in load_rows(c.test)]
        lines += ["", escaped(c.text), "", *_table(LOAD_HEADER, rows, right_from=0)]
        lines += ["", escaped(measured_on(c.test)), *(["", *_bullets(c.test.notes)] if c.test.notes else [])]
    return lines


def _questions(d: Decision) -> list[str]:
    lines = ["## The ten questions"]
    for i, q in enumerate(d.questions, start=1):
        lines += [
            "",
            f"### {i}. {escaped(q.question)}",
            "",
            f"*{escaped(q.section)}.* **{wording.ANSWERS[q.answer]}.** {escaped(q.summary)}",
            "",
            *(f"- {badge(e.kind)}: {escaped(e.text)}" for e in q.evidence),
            *([""] if q.evidence else []),
            f"What would change it: {escaped(q.would_change)}",
        ]
    return lines


def _flips(d: Decision) -> list[str]:
    flips = [wording.flip(f, d) for f in d.verdict.flips] or [
        "No single assumption was found that turns the verdict within the range that was searched."
    ]
    return ["## What would turn the verdict", "", *_bullets(flips)]


def _inputs(d: Decision) -> list[str]:
    """What each input could change, and the verdict at other volumes and worths."""
    lines: list[str] = []
    if d.tornado:
        rows = [tuple(escaped(cell) for cell in row) for row in uncertain.tornado_rows(d)]
        lines += [
            "",
            f"### {uncertain.tornado_title(d)}",
            "",
            f"{escaped(uncertain.tornado_note(d) or '')} All {badge('estimated')}.",
            "",
            *_table(uncertain.TORNADO_HEADER, rows),
        ]
    if d.verdict_map:
        rows = [tuple(escaped(cell) for cell in row) for row in uncertain.map_rows(d)]
        lines += ["", "### The verdict elsewhere", "", escaped(uncertain.map_sentence(d) or ""), ""]
        lines += _table(tuple(escaped(cell) for cell in uncertain.map_header(d)), rows)
        lines += ["", escaped(uncertain.map_legend(d))]
    return ["## What each input could change", *lines] if lines else []


def _readiness(d: Decision) -> list[str]:
    if not d.readiness:
        return []
    rows = [(escaped(r.item), wording.STATUSES[r.status], escaped(r.text)) for r in d.readiness]
    return ["## What tuning needs", "", *_table(("Item", "Status", ""), rows)]


def _further(d: Decision) -> list[str]:
    """More data, other seeds, other cases: as far as they were measured."""
    lines: list[str] = []
    for title, text, header, rows in (
        ("More data", d.learning_curve, further.CURVE_HEADER, further.curve_rows(d)),
        ("Other seeds", d.seed_spread, further.SEEDS_HEADER, further.seed_rows(d)),
    ):
        if text is None:
            continue
        cells = [tuple(escaped(cell) for cell in row) for row in rows]
        lines += [
            "",
            f"### {title} ({code(text.baseline)})",
            "",
            escaped(text.text),
            "",
            *_table(header, cells),
        ]
    if d.extensibility is not None:
        found = d.extensibility
        lines += ["", f"### Other cases ({code(found.baseline)})", "", escaped(found.text), ""]
        lines += _bullets(c.text for c in found.cases)
    return ["## More data, other seeds, other cases", *lines] if lines else []


def _settings(d: Decision) -> list[str]:
    fraction = wording.is_fraction(d)
    lines = [
        "## Settings and tuning",
        "",
        f"Settings were chosen on {count(d.facts.n_dev)} dev examples, never on the held-out items.",
    ]
    chosen = [f"- {code(b.name)}: {escaped(settings_text(b.setting))}" for b in d.baselines if b.setting]
    if chosen:
        lines += ["", *chosen]
    trials = [
        (
            code(b.name),
            escaped(settings_text(t.setting)),
            f"{score(t.value, fraction=fraction)} ({escaped(t.metric)})",
            count(t.n),
        )
        for b in d.baselines
        for t in b.trials
    ]
    if trials:
        lines += ["", *_table(("Baseline", "Setting", f"Score on dev, {badge('measured')}", "n"), trials)]
    for b in d.baselines:
        if b.retrieval is not None:
            lines += [
                "",
                f"Retrieval of {code(b.name)} ({badge('measured')}): the right document was among the "
                f"{count(b.retrieval.passages)} passages shown for {percent(b.retrieval.recall)} of "
                f"{count(b.retrieval.n)} items "
                f"(mean reciprocal rank {number(b.retrieval.mean_reciprocal_rank)}).",
            ]
        if b.tuning is not None:
            lines += ["", f"### Tuning of {code(b.name)}", "", *_tuning(b.tuning)]
    others = [
        f"- {code(b.name)}: "
        + ", ".join(f"{escaped(name)} {number(value)}" for name, value in b.quality.others.items())
        for b in d.baselines
        if b.quality.others
    ]
    others += [
        f"- {code(b.name)} without held-out items that also stand in the training data: "
        f"{score(b.quality.without_leaked, fraction=fraction)}"
        for b in d.baselines
        if b.quality.without_leaked is not None
    ]
    if others:
        lines += ["", "### Further figures", "", *others]
    return lines


def _tuning(t: TuningRecord) -> list[str]:
    facts = [
        ("System", t.system),
        ("Base model", t.base_model),
        ("Result", t.model_version),
        ("Examples × epochs", f"{count(t.n_examples)} × {number(t.epochs)}"),
        ("Tokens trained on", count(t.tokens)),
        ("Duration", seconds(t.duration_s)),
        ("Cost of the job", usd(t.cost_usd)),
        ("Trainable parameters", count(t.trainable_parameters)),
        ("Hardware", t.hardware or "unknown"),
        ("Settings", settings_text(t.settings)),
    ]
    for name, curve in (("training", t.loss), ("dev", t.dev_loss)):
        if curve:
            facts.append(
                (f"Loss on {name}", f"{number(curve[0][1])} at first, {number(curve[-1][1])} at the end")
            )
    return _table(("", ""), [(name, escaped(text)) for name, text in facts])


def _assumptions(d: Decision) -> list[str]:
    rows = [(code(name), escaped(value)) for name, value in wording.assumptions(d.facts.assumptions)]
    table = (
        _table(("Assumption", f"Value, {badge('declared')}"), rows) if rows else ["The case declares none."]
    )
    instructions = [f"> {escaped(line)}" for line in clean(d.facts.instructions).split("\n")]
    return ["## Assumptions", "", *table, "", "The task as models were told it:", "", *instructions]


def _method() -> list[str]:
    return [
        "## What each number means",
        "",
        *(f"- **{term}.** {escaped(text)}" for term, text in wording.METHOD),
    ]


def _provenance(d: Decision) -> list[str]:
    p = d.provenance
    facts = [
        ("Results", p.source),
        ("Recorded", p.recorded_at or "unknown"),
        ("Run", d.run or "none"),
        ("Decided", d.generated_at.isoformat(timespec="seconds")),
        ("Hardware", p.hardware or "unknown"),
        ("Looks at the held-out set", count(p.held_out_looks)),
        ("advisor", p.advisor_version),
        *((name, version) for name, version in p.software.items() if name != "advisor"),
    ]
    case = one_line(d.case)
    return [
        "## Where the figures come from",
        "",
        *_table(("", ""), [(escaped(name), escaped(value)) for name, value in facts]),
        "",
        "To reproduce it, in the folder that holds the case:",
        "",
        f"    advisor check {case}",
        f"    advisor run {case}",
        f"    advisor report {case} --format md",
    ]


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {escaped(text)}" for text in texts]


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right_from: int | None = None
) -> list[str]:
    """A table of cells that are escaped already; columns from `right_from` on stand to the right."""
    rule = ["---:" if right_from is not None and i >= right_from else "---" for i in range(len(header))]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
