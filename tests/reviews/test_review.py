"""A review is opened on frozen evidence, signed by people, goes stale when that changes, and gates a pipeline."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from advisor import workflow
from advisor.access import Identity
from advisor.cli import app
from advisor.errors import AccessError, AdvisorError, CaseError, UsageError
from advisor.resources import sample_cases_folder
from advisor.reviews.evidence import evidence_hash, evidence_parts
from advisor.reviews.gate import gate_of
from advisor.reviews.junit import junit_of
from advisor.reviews.telling import review_lines, review_markdown
from advisor.workflow.reviewing import gate, journal, open_review, review_status, sign
from tests.reports.decisions import full_decision

ANN = Identity(subject="1", name="Ann", roles=("editor", "reviewer"), asserted_by="https://id.example")
BOB = Identity(subject="2", name="Bob", roles=("reviewer",), asserted_by="https://id.example")
VIEWER = Identity(subject="3", name="Vic", roles=("viewer",), asserted_by="https://id.example")
HOSTILE = "<script>alert(1)</script> | =1+1 \x1b[31mred \u202etxt [x](javascript:y)"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    shutil.copytree(
        sample_cases_folder() / "support_intents", folder, ignore=shutil.ignore_patterns(".advisor")
    )
    return folder


def change(case: Path, **sections: dict[str, object]) -> None:
    file = case / "case.yaml"
    values = yaml.safe_load(file.read_text())
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    file.write_text(yaml.safe_dump(values, sort_keys=False))


def test_it_is_signed_on_frozen_evidence(case: Path) -> None:
    opened = open_review(case, comment="For Friday", identity=ANN)
    assert opened.result.outcome == "pending"
    assert len([i for i in opened.checklist if not i.id.startswith("readiness")]) == 10
    done = sign(case, "approve", comment="Fine", checked=[opened.checklist[0].id], identity=BOB)
    assert done.result.outcome == "approved"
    assert done.sign_offs[0].who == BOB
    assert review_status(case) == done
    assert [e.what for e in journal(case)[0]] == ["review opened", "review signed"]


def test_the_same_evidence_has_the_same_hash_on_another_day(case: Path) -> None:
    from datetime import UTC, datetime

    days = [datetime(2026, 11, d, tzinfo=UTC) for d in (25, 28)]
    hashes = {evidence_hash(evidence_parts(workflow.decide(case, now=day))) for day in days}
    assert len(hashes) == 1


def test_a_changed_assumption_makes_it_stale_and_is_named(case: Path) -> None:
    open_review(case, identity=ANN)
    sign(case, "approve", identity=BOB)
    change(case, traffic={"requests_per_month": 20_000})
    found = review_status(case)
    assert found is not None
    assert found.result.outcome == "stale"
    assert any("Requests per month" in line and "20,000" in line for line in found.changed)
    with pytest.raises(UsageError, match="stale"):
        sign(case, "approve", identity=BOB)
    again = open_review(case, identity=ANN)
    assert (again.result.outcome, again.sign_offs) == ("pending", ())


def test_another_bar_makes_it_stale_and_is_named(case: Path) -> None:
    open_review(case, identity=ANN)
    change(case, quality={"min_gain": 0.05})
    found = review_status(case)
    assert found is not None
    assert "Smallest gain worth having: 2.0 points → 5.0 points" in found.changed


def test_other_words_of_the_case_make_it_stale(case: Path) -> None:
    open_review(case, identity=ANN)
    change(case, declared={"use_case": "Something else by now."})
    found = review_status(case)
    assert found is not None
    assert found.result.outcome == "stale"
    assert any("own words" in line for line in found.changed)


def test_how_a_model_is_reached_is_no_evidence(case: Path) -> None:
    open_review(case, identity=ANN)
    models = yaml.safe_load((case / "case.yaml").read_text())["models"]
    change(case, models={name: {**spec, "concurrency": 3} for name, spec in models.items()})
    found = review_status(case)
    assert found is not None
    assert found.result.outcome == "pending"


def test_changed_results_make_it_stale(case: Path) -> None:
    open_review(case, identity=ANN)
    sign(case, "approve", identity=BOB)
    results = case / "results.jsonl"
    lines = results.read_text().splitlines()
    changed = next(n for n, line in enumerate(lines) if '"score": 0' in line or '"accuracy": 0' in line)
    lines[changed] = (
        lines[changed].replace('"score": 0', '"score": 1').replace('"accuracy": 0', '"accuracy": 1')
    )
    results.write_text("\n".join(lines) + "\n")
    found = review_status(case)
    assert found is not None
    assert found.result.outcome == "stale"
    assert found.changed


def test_what_is_changed_back_is_as_it_was_signed(case: Path) -> None:
    before = (case / "case.yaml").read_text()
    open_review(case, identity=ANN)
    sign(case, "approve", identity=BOB)
    change(case, value={"wrong_usd": -9.0})
    (case / "case.yaml").write_text(before)
    found = review_status(case)
    assert found is not None
    assert found.result.outcome == "approved"


def test_who_may_not_is_refused_and_nothing_is_kept(case: Path) -> None:
    with pytest.raises(AccessError, match="editor"):
        open_review(case, identity=BOB)
    open_review(case, identity=ANN)
    with pytest.raises(AccessError, match="reviewer"):
        sign(case, "approve", identity=VIEWER)
    assert [e.what for e in journal(case)[0]] == ["review opened"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vote": "reject"}, "needs a comment"),
        ({"vote": "maybe"}, "no vote"),
        ({"vote": "approve", "role": "data"}, "no role"),
        ({"vote": "approve", "checked": ["nonsense"]}, "no item"),
        ({"vote": "approve", "comment": "x" * 5_000}, "characters"),
        ({"vote": "approve", "evidence": "another"}, "meanwhile"),
    ],
)
def test_a_sign_off_that_does_not_fit_is_refused(case: Path, arguments: dict[str, str], message: str) -> None:
    open_review(case, identity=ANN)
    with pytest.raises(UsageError, match=message):
        sign(case, identity=BOB, **arguments)  # type: ignore[arg-type]
    assert len(journal(case)[0]) == 1


def test_a_second_review_of_the_same_evidence_is_refused(case: Path) -> None:
    open_review(case, identity=ANN)
    with pytest.raises(UsageError, match="open since"):
        open_review(case, identity=ANN)


def test_the_rule_that_held_when_it_was_opened_holds(case: Path) -> None:
    change(case, review={"quorum": 2})
    open_review(case, identity=ANN)
    change(case, review={"quorum": 1})
    assert sign(case, "approve", identity=BOB).result.outcome == "pending"
    assert sign(case, "approve", identity=ANN).result.outcome == "approved"


def test_hostile_comments_are_text(case: Path) -> None:
    open_review(case, comment=HOSTILE, identity=ANN)
    review = sign(case, "reject", comment=HOSTILE, identity=BOB)
    told = "\n".join(review_lines(review))
    assert "\x1b" not in told
    assert "\u202e" not in told
    document = review_markdown(review)
    assert "<script>" not in document
    assert "[x](javascript" not in document
    assert all(
        line.count("|") - line.count("\\|") == 4 for line in document.splitlines() if "rejects" in line
    )
    html = workflow.render(
        workflow.reporting.reportable(case).decision, "html", workflow.reporting.reportable(case).context
    )
    assert "<script>alert" not in html
    assert "alert(1)" in html


def test_the_report_tells_of_the_review(case: Path) -> None:
    from advisor.workflow.reporting import reportable

    assert reportable(case).context.review is None
    open_review(case, identity=ANN)
    sign(case, "approve", identity=BOB)
    facts = reportable(case).context.review
    assert facts is not None
    assert facts.status.startswith("Approved")
    assert "Bob" in facts.signatures[0].who


def test_the_gate_joins_verdict_and_review() -> None:
    decision = full_decision()  # fine-tune
    assert gate_of(decision, None, wanted=False).answer == "go"
    assert gate_of(decision, None, wanted=True).answer == "not_yet"
    no = decision.model_copy(
        update={"verdict": decision.verdict.model_copy(update={"decision": "do_not_fine_tune"})}
    )
    assert gate_of(no, None, wanted=False).answer == "no_go"
    later = decision.model_copy(
        update={"verdict": decision.verdict.model_copy(update={"decision": "not_yet"})}
    )
    assert gate_of(later, None, wanted=False).answer == "not_yet"


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [("approved", "go"), ("rejected", "no_go"), ("pending", "not_yet"), ("stale", "not_yet")],
)
def test_the_gate_follows_the_review(case: Path, outcome: str, answer: str) -> None:
    review = open_review(case, identity=ANN)
    review = review.model_copy(update={"result": review.result.model_copy(update={"outcome": outcome})})
    assert gate_of(full_decision(), review, wanted=True).answer == answer
    tampered = review.model_copy(update={"journal_intact": False})
    assert gate_of(full_decision(), tampered, wanted=True).answer == (
        answer if answer == "no_go" else "not_yet"
    )


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def test_the_commands(case: Path, tmp_path: Path) -> None:
    assert run("review", "open", str(case), "--comment", "x")[0] == 0
    code, out = run("review", "sign", str(case), "--approve", "--checked", "all", "--json")
    assert (code, json.loads(out)["result"]["outcome"]) == (0, "approved")
    assert json.loads(run("review", "status", str(case), "--json")[1])["case"] == "support_intents"
    code, out = run("gate", str(case), "--json", "--junit", str(tmp_path / "gate.xml"))
    assert (code, json.loads(out)["answer"]) == (20, "not_yet")
    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]
    assert suite.tag == "testsuite"
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) > 0
    assert run("review", "sign", str(case), "--reject", "--comment", "no")[0] == 0
    assert run("gate", str(case))[0] == 10
    assert run("review", "log", str(case))[0] == 0


def test_a_gate_that_cannot_be_asked_is_an_error_with_a_result(case: Path, tmp_path: Path) -> None:
    (case / "case.yaml").write_text("nonsense: [")
    file = tmp_path / "gate.xml"
    with pytest.raises(CaseError) as error:
        CliRunner().invoke(app, ["gate", str(case), "--junit", str(file)], catch_exceptions=False)
    assert error.value.exit_code == 1
    suite = ET.parse(file).getroot()[0]
    assert (suite.attrib["errors"], suite.attrib["failures"]) == ("1", "0")
    assert "not valid YAML" in str(suite.findtext("testcase/error"))


def test_a_junit_file_that_cannot_be_written_is_said(case: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdvisorError, match="cannot be written"):
        CliRunner().invoke(
            app, ["gate", str(case), "--junit", str(tmp_path / "file" / "gate.xml")], catch_exceptions=False
        )


def test_whoever_may_only_look_changes_nothing_by_command_either(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.workflow import tuning
    from advisor.workflow.loadtest import loadtest

    access = tmp_path / "access.yaml"
    access.write_text("default: viewer\n")
    monkeypatch.setenv("ADVISOR_ACCESS", str(access))
    verbs = [
        lambda: workflow.run(case),
        lambda: workflow.import_results(case, case / "results.jsonl"),
        lambda: open_review(case),
        lambda: sign(case, "approve"),
        lambda: tuning.start(case, baseline="fine_tuned"),
        lambda: tuning.cancel(case, baseline="fine_tuned"),
        lambda: tuning.deploy(case, baseline="fine_tuned"),
        lambda: tuning.undeploy(case, baseline="fine_tuned"),
        lambda: loadtest(case, "zero_shot", [1]),
    ]
    for verb in verbs:
        with pytest.raises(AccessError):
            verb()
    assert not (case / ".advisor").exists()
    assert gate(case).exit_code == 20  # looking is for everybody


def test_junit_holds_any_text() -> None:
    hostile = full_decision().model_copy(
        update={
            "verdict": full_decision().verdict.model_copy(update={"missing": (HOSTILE + "\x00\ud800 & <x>",)})
        }
    )
    root = ET.fromstring(junit_of(gate_of(hostile, None, wanted=True)).encode())
    assert any("alert(1)" in (f.text or "") for f in root.iter("failure"))


def test_a_case_without_results_is_not_yet(case: Path) -> None:
    (case / "results.jsonl").unlink()
    assert gate(case).exit_code == 20
