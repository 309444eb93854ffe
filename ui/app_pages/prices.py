"""The dated price catalogue: what every model costs, by which source, of which day, and how long it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import streamlit as st
import ui_explain as explain
import ui_shared as ui

from advisor import formatting as f
from advisor.cases.loading import load_case
from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.catalogue.of_case import price_for
from advisor.catalogue.table import GpuRow, PriceRow, gpu_rows, is_used, price_rows, used_by
from advisor.errors import AdvisorError

PROVIDERS = {"openai": "OpenAI", "azure_openai": "Azure OpenAI"}
TIERS = {"global": "global", "data_zone": "data zone", "regional": "regional", "developer": "developer tier"}
HEADER = (
    "Model",
    "Input",
    "Cached input",
    "Output",
    "In batches: input / output",
    "Training",
    "Hosting, per hour",
    "Life cycle",
    "Source and day",
)
UNITS = "USD per million tokens; training: USD per million training tokens; hosting: USD per hour"


@st.cache_data(show_spinner="Reading the catalogue …", max_entries=2)
def catalogue(on: date) -> tuple[tuple[PriceRow, ...], tuple[GpuRow, ...]]:
    """All prices on a day."""
    return price_rows(on), gpu_rows(on)


def cells(row: PriceRow, used: bool, today: date) -> list[str]:
    """A model as a row of text."""
    p = row.price
    kind = "tuned" if p.tuned else "base"
    tier = f", {TIERS[row.tier]}" if row.tier else ""
    until = f", until {row.tunable.until}" if row.tunable.until else ""
    batch = f"{f.usd(p.batch_input)} / {f.usd(p.batch_output)}" if p.batch_input is not None else f.UNKNOWN
    return [
        f"{p.model}, {kind}{tier}{' (this case)' if used else ''}",
        f.usd(p.input),
        f.usd(p.cached_input),
        f.usd(p.output),
        batch,
        f.usd(p.training),
        hosting(row),
        f"can be tuned: {row.tunable.answer}{until}; {shut_down(row, today)}",
        f"{p.source or f.UNKNOWN}, {as_of(p.date, row.stale, today)}",
    ]


def hosting(row: PriceRow) -> str:
    """The price of a deployment by the hour."""
    hours = row.price.deployment_hours
    return f.usd(row.price.hosting_usd_per_hour) + (
        f", removed after {f.count(hours)} hours" if hours else ""
    )


def as_of(day: date | None, stale: bool, today: date) -> str:
    """The day of a price, marked where it is old."""
    if day is None:
        return f"{f.UNKNOWN} (stale)" if stale else f.UNKNOWN
    age = f"{f.count((today - day).days)} days"
    return f"{day} (stale: {age})" if stale else f"{day} ({age})"


def shut_down(row: PriceRow, today: date) -> str:
    """When a model answers no more."""
    if row.ends is None:
        return "no end known"
    instead = f", instead: {row.ends.replacement}" if row.ends.replacement else ""
    return f"{'was' if row.ends.date <= today else 'to be'} shut down on {row.ends.date}{instead}"


def matching(rows: Sequence[list[str]], words: str) -> list[list[str]]:
    """The rows that hold all words."""
    return [r for r in rows if all(w in " ".join(r).casefold() for w in words.casefold().split())]


def show_case(case: Case, today: date) -> None:
    """What the models of the case cost, and where that is said."""
    rows = []
    for name, spec in case.models.items():
        tuned = any(b.model == name and b.kind == "fine_tuned" for b in case.baselines)
        price = price_for(spec, tuned=False, on=today)
        if spec.serving is not None:
            paid = f"{f.usd(likely(spec.serving.usd_per_hour))} an hour of its machine"
            source = "the case (declared)"
        elif price is not None:
            paid = f"{f.usd(price.input)} input, {f.usd(price.output)} output, per million tokens"
            source = f"{price.source}, {as_of(price.date, price.stale, today)}"
        else:
            paid, source = f.UNKNOWN, "give the model prices or serving in case.yaml"
        rows.append([name, f"{spec.provider}: {spec.model}", "yes" if tuned else "no", paid, source])
    st.header("Models of this case", anchor=False)
    explain.table(
        "",
        ("Model", "Provider and name", "Is tuned", "What is paid", "Said by"),
        rows,
        label="Models of this case",
    )


def own_case(folder: Path) -> Case | None:
    """The chosen case, where it can be read."""
    try:
        return load_case(folder).case
    except AdvisorError as error:
        st.caption(
            f"No models are marked, as the case cannot be read: {ui.escaped(error.message.splitlines()[0])}"
        )
        return None


folder = ui.chosen_case()
today = datetime.now(UTC).date()
st.title("Prices", anchor=False)
st.markdown(
    "What models cost, with source and day. Nothing here is asked over the network: prices came with this version of "
    "the product, and a case's own prices take their place. Unknown is not free."
)
explain.explanation("price", "cached", label="How to read this")
case = own_case(folder)
if case is not None:
    show_case(case, today)
models, gpus = catalogue(today)
used = used_by(case) if case is not None else frozenset()
stale = sum(r.stale for r in models) + sum(g.stale for g in gpus)
if stale:
    st.warning(
        f"{f.count(stale)} of {f.count(len(models) + len(gpus))} entries are older than 90 days (marked stale): look "
        "them up again before you rely on them.",
        icon=":material/schedule:",
    )
words = st.text_input(
    "Search",
    placeholder="Words of a model, a provider, a source; or: stale",
    icon=":material/search:",
    key="search",
)
shown = 0
for provider in dict.fromkeys(r.price.provider for r in models):
    title = PROVIDERS.get(provider, provider)
    rows = [cells(r, is_used(r, used), today) for r in models if r.price.provider == provider]
    found = [r for r in rows if matching([[*r, title]], words)]
    shown += len(found)
    if found:
        st.header(ui.escaped(title), anchor=False)
        marked = [i for i, r in enumerate(found) if r[0].endswith("(this case)")]
        explain.table(UNITS, HEADER, found, marked=marked, label=f"Prices of {title}")
gpu_cells = [
    [
        g.gpu.gpu,
        g.gpu.where,
        f.usd(g.gpu.usd_per_hour),
        f.usd(g.gpu.spot_usd_per_hour),
        f"{g.source.name}, {as_of(g.source.date, g.stale, today)}",
    ]
    for g in gpus
]
found = matching(gpu_cells, words)
if found:
    st.header("Machines with a GPU", anchor=False)
    header = ("GPU", "Where", "USD per hour", "USD per hour, may be taken away", "Source and day")
    explain.table("", header, found, label="Prices of machines")
if not shown and not found:
    st.info("No price holds these words.")
