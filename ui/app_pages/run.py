"""A run of the case: what it would take, started, watched, stopped and gone on with."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
import ui_shared as ui

from advisor import formatting as f
from advisor import workflow
from advisor.errors import AdvisorError
from advisor.workflow import background
from advisor.workflow.background import BaselineState, RunState
from advisor.workflow.run_plan import RunPlan, plan_run

REDRAW_S = 1.0
FIGURE_WIDTH = 168  # pixels: two of them stand beside each other on a phone
STORE = os.environ.get("ADVISOR_STORE")
PHASES = {
    "settings": "choosing its settings on the dev split",
    "training": "tuning the model",
    "answers": "answering the held-out items",
    "latency": "measuring the latency of single requests",
    "judge": "judging the answers",
    "further": "further trainings, to see luck and the learning curve",
    "elsewhere": "answering the items of other cases",
}
GOES_ON = ("stopped", "budget", "interrupted", "failed")


def money(usd: float | None, *, known: bool = True) -> str:
    """US dollars for Markdown, in which a dollar sign begins a formula."""
    text = f.usd(usd) if known else f"at least {f.usd(usd)}"
    return text.replace("$", "\\$")


def moment(at: datetime | None) -> str:
    """A time of day, with its date where that is not today's."""
    if at is None:
        return f.UNKNOWN
    same_day = at.date() == datetime.now(UTC).date()
    return f"{at:%H:%M:%S} UTC" if same_day else f"{at:%Y-%m-%d %H:%M} UTC"


# --- the newest run ----------------------------------------------------------------------------------------------


def show_run(folder: Path) -> None:
    """How the newest run goes or went."""
    state = background.run_state(folder)
    if state.status != "running":
        if st.session_state.pop(f"running:{folder}", False):
            st.rerun()  # it has just ended: the whole page speaks of something else now
        show_end(folder, state)
    else:
        st.session_state[f"running:{folder}"] = True
        st.subheader("Stopping …" if state.stopping else "Running")
        st.caption(
            f"Started {moment(state.started_at)} by {ui.escaped(state.started_by or f.UNKNOWN)}"
            f"{' in a terminal' if state.started_from == 'terminal' else ''}, "
            f"process {state.pid or f.UNKNOWN}. It goes on when this page, the browser or the app is closed."
        )
    show_figures(state)
    for baseline in state.baselines:
        show_baseline(baseline, running=state.status == "running")
    if state.status == "running":
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            disabled=state.stopping or not ui.identity().may("editor"),
            on_click=stop,
            args=(folder,),
            help="It ends after the answer that is under way. What was answered is kept; Resume goes on from there.",
        )
    show_log(folder, state)


def show_end(folder: Path, state: RunState) -> None:
    """What the newest run came to."""
    when = f"{moment(state.started_at)} to {moment(state.ended_at)}"
    message = "\n\n".join(ui.escaped(line) for line in (state.error or "").splitlines())
    hint = f"\n\nWhat to do: {ui.escaped(state.hint)}" if state.hint else ""
    if state.status == "finished":
        st.success(f"**The run is finished.** {when}.", icon=":material/check_circle:")
        ui.page_link("recommendation", "See the recommendation", case=folder)
        if state.failed:
            st.warning(
                f"{f.count(state.failed)} answers failed. What failed for a while only (no connection, no capacity) "
                "is asked again by the next run; what failed for good counts as wrong.",
                icon=":material/warning:",
            )
    elif state.status == "stopped":
        st.info(
            f"**The run was stopped.** {when}. What was answered is kept: Resume asks only the rest.",
            icon=":material/pause_circle:",
        )
    elif state.status == "budget":
        st.warning(
            f"**The run stopped before its budget of {money(state.budget_usd)} was exceeded.** {message}\n\n"
            "What was answered is kept. Raise the budget below and resume: only the rest is asked and paid for.",
            icon=":material/savings:",
        )
    elif state.status == "interrupted":
        st.warning(f"**The run was interrupted.** {message}{hint}", icon=":material/power_off:")
    else:
        st.error(f"**The run failed.** {message}{hint}", icon=":material/error:")


def show_figures(state: RunState) -> None:
    """Money, calls and tokens of this start."""
    if not state.baselines:
        return
    at_least = "" if state.usd_known else ", at least"
    of = f" of {money(state.budget_usd)}" if state.budget_usd is not None else ""
    earlier = f" Earlier starts that ended early: {money(state.spent_before_usd)}."
    figures = {
        f"Spent{of}{at_least}": f.usd(state.spent_usd).replace("$", "\\$"),
        "Calls": f.count(state.calls),
        "Tokens in": f.count(sum(b.tokens_in for b in state.baselines)),
        "Tokens out": f.count(sum(b.tokens_out for b in state.baselines)),
    }
    with st.container(horizontal=True):
        for n, (label, figure) in enumerate(figures.items()):
            st.metric(
                label,
                figure,
                border=True,
                width=FIGURE_WIDTH,
                help=None
                if n
                else "Of this start, measured: by the tokens that the provider reports or the time of this machine, at "
                f"the case's prices.{earlier if state.spent_before_usd else ''}",
            )


def show_baseline(b: BaselineState, *, running: bool) -> None:
    """One baseline: its phase, how far it is, what it took."""
    share = min(1.0, b.items_done / b.items_total) if b.items_total else 0.0
    if b.phase is None:
        words = "waiting" if running else "not begun"
    elif b.state == "running" or b.items_done < b.items_total:
        words = PHASES[b.phase]
    else:
        words = "done"
    unit = "steps" if b.phase == "training" else "items"
    items = f"{f.count(b.items_done)} of {f.count(b.items_total)} {unit}" if b.items_total else ""
    if words == "done" and b.phase != "answers":
        items = ""  # those of its last phase, such as a latency's few requests, would be taken for all
    left = f"about {f.seconds(max(1, round(b.remaining_s)))} left" if b.remaining_s else ""
    head = " · ".join(part for part in (f"**{ui.escaped(b.name)}**", words, items, left) if part)
    st.progress(share, text=head)
    facts = [
        f"{f.count(b.items_stored)} were there already" if b.items_stored else "",
        f"{f.count(b.tokens_in)} tokens in, {f.count(b.tokens_out)} out"
        if b.tokens_in or b.tokens_out
        else "",
        money(b.usd, known=b.usd_known) if b.calls or b.usd else "",
        f"{f.count(b.failed)} failed" if b.failed else "",
        ui.escaped(b.detail)
        if b.phase in ("settings", "further", "elsewhere") and b.state == "running"
        else "",
    ]
    if any(facts):
        st.caption(" · ".join(fact for fact in facts if fact))


def show_log(folder: Path, state: RunState) -> None:
    """Messages and log."""
    log = background.log_of(folder) if state.started_from == "app" else ""
    if not log and not state.messages:
        return
    with st.expander("Log", icon=":material/subject:"):
        if log:
            st.code(f.clean(log), language=None, wrap_lines=True, height=320)
            st.caption("The file `.advisor/run.log` in the case's folder. Keys are never written to it.")
        else:
            st.code(f.clean("\n".join(state.messages)), language=None, wrap_lines=True)
            st.caption("This run was started in a terminal, where the rest of its log is.")


# --- what it would take ------------------------------------------------------------------------------------------


def data_change(folder: Path) -> float:
    """When what the user brings was last changed; a run's own files do not count."""
    files = [p for p in folder.rglob("*") if ".advisor" not in p.parts]
    return max((p.stat().st_mtime for p in files if p.exists()), default=0.0)


@st.cache_resource(show_spinner="Reading the case and counting its tokens …", max_entries=8, ttl=3600)
def checked(case: str, changed: float) -> workflow.Checked:
    """The audit and the plan of a case as it is now."""
    return workflow.check(case)


def show_plan(plan: RunPlan) -> None:
    """What each baseline would take."""
    st.subheader("What a run takes")
    n = plan.checked.plan.n_held_out
    rows = []
    for b in plan.checked.plan.baselines:
        there = plan.measured.get(b.name, 0)
        further = b.further
        rows.append(
            {
                "Baseline": f.one_line(b.name),
                "Measured here": "all" if b.name in plan.whole else f"{f.count(there)} of {f.count(n)} items",
                "Calls": f.count(b.calls_dev + b.calls_held_out + sum(x.calls for x in further)),
                "Tokens in": f.count(b.input_tokens) if b.model else f.DASH,
                "Tokens out": f.count(b.output_tokens) if b.model else f.DASH,
                "Training tokens": f.count(b.training_tokens) if b.training_tokens else f.DASH,
                "Cost": f.usd(total(b.usd, *(x.usd for x in further))),
                "Time": f.seconds(total(b.seconds, *(x.seconds for x in further))),
            }
        )
    if (judge := plan.checked.plan.judge) is not None:
        rows.append(
            {
                "Baseline": f.one_line(f"judge: {judge.model}"),
                "Measured here": f.DASH,
                "Calls": f.count(judge.calls),
                "Tokens in": f.count(judge.input_tokens),
                "Tokens out": f.count(judge.output_tokens),
                "Training tokens": f.DASH,
                "Cost": f.usd(judge.usd),
                "Time": f.seconds(judge.seconds),
            }
        )
    ui.table(rows, words=("Baseline",))
    st.caption(
        "Estimated for a run from nothing, with the most expensive setting of each baseline; no model was called. "
        "Unknown is not zero: a model needs prices or a machine's hourly rate in the case for its cost to be known."
    )
    notes = [f"{b.name}: {note}" for b in plan.checked.plan.baselines for note in b.notes]
    notes += [
        f"{b.name}: about {f.count(b.over_context)} prompts exceed the model's context window."
        for b in plan.checked.plan.baselines
        if b.over_context
    ]
    if notes:
        ui.bullets(notes)


def total(*parts: float | None) -> float | None:
    """The sum; None where a part is unknown."""
    return None if None in parts else sum(p for p in parts if p is not None)


def show_data(plan: RunPlan) -> None:
    """The audit of the data, in short."""
    sizes = {s.name: s.examples for s in plan.checked.audit.splits}
    findings = plan.checked.audit.findings
    st.markdown(
        f"{f.count(sizes.get('learn', 0))} examples to learn from, {f.count(sizes.get('dev', 0))} to choose settings, "
        f"{f.count(sizes.get('held_out', 0))} held-out items to decide by. "
        + (
            f"These show a true difference of about {plan.checked.plan.detectable * 100:.1f} points or more."
            if plan.checked.plan.detectable is not None
            else ""
        )
    )
    if findings:
        with st.expander(f"The data have {f.count(len(findings))} findings", icon=":material/rule:"):
            ui.bullets(findings)
    else:
        st.caption("The audit of the data found nothing to worry about.")


# --- start and stop ----------------------------------------------------------------------------------------------


def show_start(folder: Path, plan: RunPlan, state: RunState) -> None:
    """The choice of baselines, the budget, and the button."""
    goes_on = state.status in GOES_ON
    st.subheader("Resume" if goes_on else "Start a run")
    names = [b.name for b in plan.checked.plan.baselines]
    if not plan.missing:
        st.success(
            "**Everything is measured already.** Running again asks no model and costs nothing.",
            icon=":material/task_alt:",
        )
    elif plan.recorded and not plan.measured:
        st.info(
            "**This case comes with recorded results** (`results.jsonl`), from which its decision is taken now. A run "
            "measures anew on this machine, at the cost below; from then on the decision is taken from that.",
            icon=":material/history:",
        )
    if not plan.writable:
        st.warning(
            "**This case's folder cannot be written to**, as those of the samples of an installed package. Copy it "
            "first: create a new case from this sample, and run that.",
            icon=":material/lock:",
        )
        ui.page_link("new_case", "Copy it as a new case")
        return
    default = [n for n in state.chosen if n in names] if goes_on else list(plan.missing or names)
    chosen = st.multiselect(
        "Baselines", names, default=default, key=f"baselines:{folder}", format_func=f.one_line
    )
    left, right = st.columns(2)
    budget = left.number_input(
        "Budget, in US dollars",
        min_value=0.0,
        value=state.budget_usd if goes_on else None,
        step=1.0,
        format="%.2f",
        placeholder="no limit",
        key=f"budget:{folder}:{state.run}",
        help="The run stops before more than this is spent. Each start begins to count at zero.",
    )
    stop_early = right.toggle(
        "Stop once the verdict is settled",
        value=state.stop_early and goes_on,
        disabled=not plan.may_stop_early,
        key=f"early:{folder}:{state.run}",
        help="Asks the held-out items in random order, of all baselines side by side, and stops as soon as more of "
        "them would not change the verdict. Run again without it to ask the rest."
        if plan.may_stop_early
        else "This case's metric is one of a whole set, so that a part of it settles nothing.",
    )
    st.markdown(what_it_costs(plan, chosen, budget))
    may = ui.identity().may("editor")
    st.button(
        start_label(plan, chosen, budget, goes_on=goes_on),
        type="primary",
        icon=":material/play_circle:",
        disabled=not chosen or not may,
        on_click=start,
        args=(folder, tuple(chosen), budget, stop_early and plan.may_stop_early),
    )
    if not may:
        st.caption("Starting a run needs the role *editor*.")


def what_it_costs(plan: RunPlan, chosen: list[str], budget: float | None) -> str:
    """What a start takes, in a sentence or two."""
    if not chosen:
        return "Choose at least one baseline."
    calls = plan.calls_at_most(chosen)
    if not set(chosen) - plan.whole:
        return "No call will be made: all of this is measured."
    usd, seconds = plan.usd_at_most(chosen), plan.seconds_at_most(chosen)
    text = (
        f"At most {f.count(calls)} calls; estimated cost {money(usd)}, estimated time {f.seconds(seconds)}."
    )
    if unknown := plan.unknown_costs(chosen):
        names = ui.escaped(", ".join(unknown))
        text += f" What {names} costs is not known before it runs."
        if budget is not None:
            text += " **A budget cannot be held there, and the run will stop at it:** give the model prices in the "
            text += "case, or take the budget away."
    elif budget is not None and usd is not None and usd > budget:
        text += " That is more than the budget: the run will stop before the budget is exceeded, and can be resumed."
    elif budget is None:
        text += " Without a budget nothing limits what is spent."
    return text


def start_label(plan: RunPlan, chosen: list[str], budget: float | None, *, goes_on: bool) -> str:
    """The button says what pressing it may cost."""
    verb = "Resume" if goes_on else "Start"
    if not chosen or not set(chosen) - plan.whole:
        return f"{verb}, at no cost" if chosen else verb
    usd = plan.usd_at_most(chosen)
    if budget is not None:
        return f"{verb}, for at most {money(budget)}"
    return f"{verb}, cost unknown" if usd is None else f"{verb}, for about {money(usd)}"


def start(folder: Path, chosen: tuple[str, ...], budget: float | None, stop_early: bool) -> None:
    """Starts the run; what failed is shown when the page is drawn."""
    remember(
        folder,
        lambda: background.start_run(
            folder,
            store=STORE,
            baselines=chosen,
            budget_usd=budget,
            stop_early=stop_early,
            identity=ui.identity(),
        ),
    )


def stop(folder: Path) -> None:
    """Stops the run."""
    remember(folder, lambda: background.stop_run(folder, identity=ui.identity()))


def remember(folder: Path, act: Callable[[], RunState]) -> None:
    """Does something before the page is drawn, which then shows what went wrong."""
    try:
        act()
    except AdvisorError as error:
        st.session_state[f"error:{folder}"] = error


def show_error(folder: Path) -> None:
    """What went wrong when a button was pressed."""
    error: AdvisorError | None = st.session_state.pop(f"error:{folder}", None)
    if error is not None:
        hint = f"\n\nWhat to do: {ui.escaped(error.hint)}" if error.hint else ""
        lines = "\n\n".join(ui.escaped(line) for line in error.message.splitlines())
        st.error(lines + hint, icon=":material/error:")


# --- the page ----------------------------------------------------------------------------------------------------

folder = ui.chosen_case()
st.title("Run")
st.caption(f"Measures every baseline of **{ui.escaped(folder.name)}** on its held-out items.")
show_error(folder)
state = background.run_state(folder)
running = state.status == "running"
if running:
    st.fragment(show_run, run_every=REDRAW_S)(folder)
elif state.status != "never":
    show_run(folder)
with ui.errors_in_words():
    plan = plan_run(folder, store=STORE, checked=checked(str(folder), data_change(folder)))
if not running:
    show_start(folder, plan, state)
show_plan(plan)
show_data(plan)
