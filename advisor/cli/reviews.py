"""`advisor review` and `advisor gate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from advisor.cli._shared import CaseArgument, JsonOption, StoreOption, print_json, say
from advisor.errors import UsageError

app = typer.Typer(
    name="review",
    help="Go/no-go review of a decision: open it, sign it, see where it stands.",
    no_args_is_help=True,
)
CommentOption = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why, in your own words.")]


@app.command("open")
def open_(
    case: CaseArgument, comment: CommentOption = "", store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Freeze the decision as it is now, for people to sign.

    Example: advisor review open my_case --comment "For the meeting on Friday"
    """
    from advisor.workflow.reviewing import open_review

    _show(open_review(case, comment=comment, store=store), as_json)


@app.command()
def sign(
    case: CaseArgument,
    approve: Annotated[bool, typer.Option("--approve", help="Go along with the verdict.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not; needs a --comment.")] = False,
    abstain: Annotated[bool, typer.Option("--abstain", help="On record, counted neither way.")] = False,
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="NAME", help="What you speak for: one of the case's review.roles."),
    ] = None,
    comment: CommentOption = "",
    checked: Annotated[
        str | None,
        typer.Option("--checked", metavar="ID,ID|all", help="What of the checklist you looked at, by id."),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign the open review, as the user of this machine. A sign-off cannot be taken back, only followed by another.

    Example: advisor review sign my_case --approve --role data --checked all
    """
    from advisor.workflow.reviewing import VOTES, review_status
    from advisor.workflow.reviewing import sign as sign_off

    chosen = [vote for vote, given in zip(VOTES, (approve, reject, abstain), strict=True) if given]
    if len(chosen) != 1:
        raise UsageError("Say how you sign.", hint="With one of --approve, --reject and --abstain.")
    ids = [c.strip() for c in (checked or "").split(",") if c.strip()]
    if ids == ["all"]:
        review = review_status(case, store=store)
        ids = [i.id for i in review.checklist] if review is not None else []
    _show(sign_off(case, chosen[0], role=role, comment=comment, checked=ids, store=store), as_json)


@app.command()
def status(
    case: CaseArgument,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown document, to be kept.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where the newest review stands: sign-offs, quorum, and whether it still holds."""
    from advisor.reviews.telling import review_markdown
    from advisor.workflow.reviewing import review_status

    found = review_status(case, store=store)
    if found is None:
        if as_json:
            print_json(None)
        say(f"No review was opened. Open one: advisor review open {case}")
        return
    if markdown:
        typer.echo(review_markdown(found), nl=False)
        return
    _show(found, as_json)


@app.command()
def log(case: CaseArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Who did what to a case, and whether the journal is what was written; exit code 1 if it is not."""
    from advisor.formatting import one_line
    from advisor.reviews.telling import person
    from advisor.workflow.reviewing import journal

    entries, broken = journal(case, store=store)
    if as_json:
        hidden = {"decision"}  # a frozen decision is long, and has a command of its own
        print_json(
            {
                "entries": [
                    {
                        **e.model_dump(mode="json"),
                        "details": {k: v for k, v in e.details.items() if k not in hidden},
                    }
                    for e in entries
                ],
                "broken_at": broken,
            }
        )
    for e in entries if not as_json else ():
        typer.echo(f"{e.number:>5}  {e.at:%Y-%m-%d %H:%M:%S} UTC  {one_line(e.what)}  {person(e.who)}")
    if broken is not None:
        say(
            f"The journal was tampered with: entry {broken} is not what was written, or does not follow the one before."
        )
        raise typer.Exit(1)
    say("The journal is intact." if entries else "Nothing is in the journal yet.")


def gate(
    case: CaseArgument,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit result for the pipeline.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go, no-go or not yet, for a pipeline: exit code 0 go, 10 no-go, 20 not yet, 1 error.

    Example: advisor gate my_case --junit gate.xml
    """
    from advisor.files import write_whole
    from advisor.formatting import one_line
    from advisor.reviews.junit import junit_of
    from advisor.workflow.reviewing import gate as gate_of

    found = gate_of(case, store=store)
    if junit is not None:
        write_whole(junit, junit_of(found))
    if as_json:
        print_json({**found.model_dump(mode="json"), "exit_code": found.exit_code})
    else:
        typer.echo({"go": "GO", "no_go": "NO-GO", "not_yet": "NOT YET"}[found.answer])
        for check in found.checks:
            typer.echo(
                f"  {'met    ' if check.passed else 'not met'}  {one_line(check.name)}: {one_line(check.text)}"
            )
    raise typer.Exit(found.exit_code)


def _show(review: object, as_json: bool) -> None:
    from advisor.reviews.records import ReviewRecord
    from advisor.reviews.telling import review_lines

    assert isinstance(review, ReviewRecord)
    if as_json:
        print_json(review.model_dump(mode="json"))
        return
    for line in review_lines(review):
        typer.echo(line)
