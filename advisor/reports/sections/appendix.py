"""The appendix: settings and tuning, assumptions, what each number means, where the figures come from."""

from __future__ import annotations

from advisor.formatting import (
    badge,
    count,
    number,
    one_line,
    percent,
    score,
    seconds,
    settings_text,
    usd,
)
from advisor.records import BaselineSummary, Decision, TuningRecord
from advisor.reports import wording
from advisor.reports.document import (
    Block,
    Code,
    Quote,
    Section,
    Table,
    Text,
    bullets,
    code,
    facts,
    heading,
    paragraph,
    strong,
    table,
    text,
)
from advisor.reports.method import METHOD
from advisor.reports.sections.evidence import setting_of
from advisor.reports.sections.front import Drawn, figure
from advisor.version import __version__


def settings(d: Decision, drawn: Drawn) -> Section:
    """Which settings were tried and chosen, how tuning went, and further figures."""
    fraction = wording.is_fraction(d)
    blocks: list[Block] = [paragraph(wording.settings_origin(d))]
    if chosen := [setting_of(b) for b in d.baselines if b.setting]:
        blocks.append(bullets(chosen))
    trials = [
        (
            code(b.name),
            settings_text(t.setting),
            f"{score(t.value, fraction=fraction)} ({t.metric})",
            count(t.n),
        )
        for b in d.baselines
        for t in b.trials
    ]
    if trials:
        header = ("Baseline", "Setting", f"Score on dev, {badge('measured')}", "n")
        blocks.append(table(header, trials, title="Settings tried on the dev split"))
    for b in d.baselines:
        if b.retrieval is not None:
            blocks.append(_retrieval(b))
        if b.tuning is not None:
            blocks += [heading(text("Tuning of ", code(b.name))), _tuning(b.tuning)]
    loss = figure(d, "loss", drawn)
    blocks += [loss] if loss else []
    if others := _others(d, fraction):
        blocks += [heading("Further figures"), bullets(others)]
    return Section(id="settings", title="Settings and tuning", blocks=tuple(blocks))


def assumptions(d: Decision) -> Section:
    """What the case declares, and the task in its own words."""
    rows = [
        (_assumption(name), value, wording.given(name, value))
        for name, value in wording.assumptions(d.facts.assumptions)
    ]
    declared: Block = (
        table(("Assumption", "Value", "Given"), rows, title="Assumptions")
        if rows
        else paragraph("The case declares none.")
    )
    task = (heading("The task as models were told it"), Quote(text=d.facts.instructions))
    return Section(id="assumptions", title="Assumptions", blocks=(declared, *task))


def method() -> Section:
    """Each number's definition."""
    lines = [text(strong(f"{term}."), f" {words}") for term, words in METHOD]
    return Section(id="method", title="What each number means", blocks=(bullets(lines),))


def provenance(d: Decision) -> Section:
    """Where the figures come from, and how to have them again."""
    p = d.provenance
    rows = [
        ("Results", p.source),
        ("Recorded", p.recorded_at or "unknown"),
        ("Run", d.run or "none"),
        ("Decided", d.generated_at.isoformat(timespec="seconds")),
        ("Hardware", p.hardware or "unknown"),
        ("Configurations tried on the held-out set", count(p.held_out_looks)),
        ("advisor, results", p.advisor_version),
        ("advisor, this report", __version__),
        *((name, version) for name, version in p.software.items() if name != "advisor"),
    ]
    blocks: list[Block] = [facts("Where the figures come from", rows)]
    if p.hashes:
        hashes = [(name, code(value)) for name, value in p.hashes.items()]
        blocks += [
            heading("Fingerprints (SHA-256)"),
            table(("Of", "Fingerprint"), hashes, title="Fingerprints"),
        ]
    blocks += [
        heading("To reproduce it"),
        paragraph("In the folder that holds the case:"),
        Code(lines=commands(d)),
    ]
    return Section(id="provenance", title="Where the figures come from", blocks=tuple(blocks))


def commands(d: Decision) -> tuple[str, ...]:
    """What to type to have the same figures again."""
    case = one_line(d.case)
    measure = (
        f"advisor import {case} RESULTS    # takes in the file of results that were measured elsewhere"
        if d.provenance.source == "imported"
        else f"advisor run {case}    # measures what is missing; what is there is not paid for again"
    )
    return (
        f"advisor check {case}    # the data, the planned calls, their cost; calls no model",
        measure,
        f"advisor report {case}    # this report",
        f"advisor decide {case} --set traffic.requests_per_month=100000    # other assumptions, same results",
    )


def _assumption(key: str) -> Text:
    name = wording.parameter_name(key)
    return text(code(key)) if name == key else text(f"{name} (", code(key), ")")


def _retrieval(b: BaselineSummary) -> Block:
    r = b.retrieval
    assert r is not None
    return paragraph(
        "Retrieval of ",
        code(b.name),
        f" ({badge('measured')}): the right document was among the {count(r.passages)} passages shown for "
        f"{percent(r.recall)} of {count(r.n)} items (mean reciprocal rank {number(r.mean_reciprocal_rank)}).",
    )


def _others(d: Decision, fraction: bool) -> list[Text]:
    """Metrics for information, and quality without leaked items."""
    found = [
        text(
            code(b.name),
            ": " + ", ".join(f"{name} {number(value)}" for name, value in b.quality.others.items()),
        )
        for b in d.baselines
        if b.quality.others
    ]
    return found + [
        text(
            code(b.name),
            " without held-out items that also stand in the training data: "
            f"{score(b.quality.without_leaked, fraction=fraction)}",
        )
        for b in d.baselines
        if b.quality.without_leaked is not None
    ]


def _tuning(t: TuningRecord) -> Table:
    rows = [
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
            first, last = number(curve[0][1]), number(curve[-1][1])
            rows.append((f"Loss on {name}", f"{first} at first, {last} at the end"))
    return facts("The tuning job", rows)
