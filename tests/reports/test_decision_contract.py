"""The JSON that leaves the product fits the schema that it ships."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from advisor.records import Decision
from tests.reports.decisions import full_decision, hostile_decision, sparse_decision

SCHEMA = json.loads((files("advisor") / "decision.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("decision", [full_decision(), sparse_decision(), hostile_decision()])
def test_a_decision_fits_the_shipped_schema(decision: Decision) -> None:
    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert not [e.message for e in validator.iter_errors(json.loads(decision.to_json()))]


def test_the_schema_refuses_what_it_should() -> None:
    document = full_decision().to_dict()
    document["verdict"]["decision"] = "maybe"
    assert list(Draft202012Validator(SCHEMA).iter_errors(document))


def test_what_is_unknown_is_null_in_json() -> None:
    classifier = next(b for b in full_decision().to_dict()["baselines"] if b["name"] == "classifier")
    assert classifier["cost_usd"]["per_1k_requests"] is None
    assert classifier["tokens"]["input"] is None


def test_json_and_back_is_the_same_decision() -> None:
    assert Decision.model_validate_json(hostile_decision().to_json()) == hostile_decision()
