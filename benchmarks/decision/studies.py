"""Does the advisor agree with the authors of published studies?

Every comparison of `studies/*.yaml` becomes a case folder and a file of results (see `study_cases.py` for what is
assumed), goes through `advisor import` and `advisor decide`, and its verdict is compared with the authors' conclusion.
`docs/method/studies.md` tells the sources, and argues every disagreement.

    python -m benchmarks.decision.studies [--only ID]
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from advisor import workflow
from advisor.evaluation.environment import describe_environment
from advisor.records import Decision
from benchmarks import _results
from benchmarks.decision.study_cases import Pairing, Study, StudyCase, items_of, read_studies, write_case

NOW = datetime(2026, 11, 24, tzinfo=UTC)
"""The day that all studies are decided on."""
SIZES = (30, 100, 300, 1000)
"""Sizes that are tried where a study does not say how many items it had."""


class Row(BaseModel):
    """What the authors and what the advisor conclude of one comparison."""

    study: str
    case: str
    n_published: int | None
    n: int
    authors: str
    advisor: str
    agree: bool
    recommended: str | None
    confidence: float | None
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    if_items_are_shared: str | None = None
    """Where advisor and authors differ: the verdict if all alternatives fail on the same items."""
    by_size: dict[int, str] = {}
    """The verdict by assumed number of items, where it was not published."""


def decide_case(study: Study, case: StudyCase, *, n: int, pairing: Pairing = "independent") -> Decision:
    """The real import and the real decision, in a folder of its own."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "case"
        results = write_case(folder, study, case, n=n, pairing=pairing)
        store = f"sqlite:///{parent}/store.db"
        workflow.import_results(folder, results, store=store)
        return workflow.decide(folder, store=store, now=NOW)


def judge(study: Study, case: StudyCase) -> Row:
    """One comparison, judged."""
    n = items_of(case)
    verdict = decide_case(study, case, n=n).verdict
    authors = study.concluded(case)
    agree = verdict.decision == authors
    return Row(
        study=study.id,
        case=case.name,
        n_published=case.n,
        n=n,
        authors=authors,
        advisor=verdict.decision,
        agree=agree,
        recommended=verdict.recommended,
        confidence=verdict.confidence,
        reasons=verdict.reasons,
        missing=verdict.missing,
        if_items_are_shared=None
        if agree
        else decide_case(study, case, n=n, pairing="shared").verdict.decision,
        by_size={}
        if case.n is not None
        else {size: decide_case(study, case, n=size).verdict.decision for size in SIZES},
    )


def agreeing(rows: list[Row]) -> list[str]:
    """Studies in which every comparison comes out as the authors conclude."""
    ids = dict.fromkeys(r.study for r in rows)
    return [i for i in ids if all(r.agree for r in rows if r.study == i)]


def main() -> None:
    """Decides all studies, prints a table, writes results/studies.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="a study's id: print its rows, write nothing")
    arguments = parser.parse_args()
    studies = [s for s in read_studies() if arguments.only in (None, s.id)]
    rows = [judge(study, case) for study in studies for case in study.cases]
    print(f"{'study':<23}{'comparison':<24}{'n':>6}  {'authors':<17}{'advisor':<17}{'':<3}why")
    for row in rows:
        n = f"{row.n}" if row.n_published else f"({row.n})"
        mark = "=" if row.agree else "≠"
        why = " ".join((row.reasons[0], *row.missing[:1] * (row.advisor == "not_yet")))
        print(f"{row.study:<23}{row.case:<24}{n:>6}  {row.authors:<17}{row.advisor:<17}{mark:<3}{why}")
    same = agreeing(rows)
    print(
        f"\n{len(same)} of {len(studies)} studies agree in all comparisons; "
        f"{sum(r.agree for r in rows)} of {len(rows)} comparisons. In brackets: n is not published, so assumed."
    )
    if arguments.only is None:
        path = _results.write(
            "studies",
            hardware=str(describe_environment()["hardware"]),
            packages=["advisor", "numpy", "scipy"],
            figures={
                "studies": len(studies),
                "agreeing": same,
                "comparisons": len(rows),
                "comparisons_agreeing": sum(r.agree for r in rows),
                "rows": [r.model_dump(mode="json") for r in rows],
            },
        )
        print(path)


if __name__ == "__main__":
    main()
