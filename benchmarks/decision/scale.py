"""How long does a decision take on 100,000 held-out items of eight baselines, and how much memory?

Four figures, each in a process of its own: the decision from evidence in memory (statistics, rule, flips, odds,
tornado, map); the import of the results, with the search for near duplicates; that search alone; and the whole command
`advisor decide` on the case folder after it, with reading the case and the store.

    python benchmarks/decision/scale.py            # 100,000 items
    python benchmarks/decision/scale.py --quick    # 10,000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from _results import write

KINDS = ["zero_shot", "few_shot", "few_shot", "rag", "classifier", "fine_tuned", "fine_tuned", "fine_tuned"]


def case_values() -> dict[str, Any]:
    """A case with eight baselines."""
    baselines = []
    for k, kind in enumerate(KINDS):
        spec: dict[str, Any] = {"name": f"{kind}_{k}", "kind": kind}
        spec |= {} if kind == "classifier" else {"model": "m"}
        spec |= {"tuning": {"system": "existing", "model": "ft:m"}} if kind == "fine_tuned" else {}
        baselines.append(spec)
    return {
        "schema_version": 1,
        "name": "scale",
        "use_case": {"description": "A large held-out set.", "aspect": "accuracy"},
        "task": {"kind": "classification", "instructions": "x", "labels": [f"label {k}" for k in range(10)]},
        "quality": {"metric": "accuracy", "min_gain": 0.01},
        "data": {"documents": "documents"},
        "models": {
            "m": {
                "provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1",
                "prices": {"input": 0.4, "output": 1.6},
            }
        },
        "baselines": baselines,
        "traffic": {"requests_per_month": {"low": 20_000, "likely": 50_000, "high": 90_000}},
        "value": {"correct_usd": 0.05, "wrong_usd": -0.02},
        "effort": {
            "data_hours": 24, "evaluation_hours": 8, "refinement_hours": 8, "hourly_rate_usd": 80,
            "label_minutes_per_example": 2,
        },
    }  # fmt: skip


def scores(n: int) -> list[np.ndarray]:
    """Right and wrong answers of each baseline, alike in part."""
    rng = np.random.default_rng(1)
    shared = rng.random(n)
    return [(0.5 * shared + 0.5 * rng.random(n) < 0.5 + 0.03 * k).astype(float) for k in range(len(KINDS))]


def in_memory(n: int) -> dict[str, float]:
    """Seconds and gigabytes of deciding, from evidence that is there."""
    from advisor.cases.schema import Case
    from advisor.decision.decide import decide
    from advisor.decision.evidence import CaseEvidence, DataFacts
    from advisor.records import ItemTable, Measured, Provenance

    case = Case.model_validate(case_values())
    ids = [f"h{k}" for k in range(n)]
    usage = {"input": 200, "cached_input": 50, "output": 5}
    measured = tuple(
        Measured(
            name=spec.name,
            kind=spec.kind,
            model=spec.model,
            items=ItemTable.of_rows(
                {"id": i, "answer": "x", "scores": {"accuracy": s}, "usage": usage, "latency_s": 0.3}
                for i, s in zip(ids, column.tolist(), strict=True)
            ),
        )
        for spec, column in zip(case.baselines, scores(n), strict=True)
    )
    evidence = CaseEvidence(
        case=case,
        data=DataFacts(n_learn=1000, n_dev=200, n_held_out=n, n_documents=1, leaked=frozenset()),
        measured=measured,
        run="r",
        now=datetime(2026, 11, 1, tzinfo=UTC),
        provenance=Provenance(advisor_version="0"),
        expected={i: f"label {k % 10}" for k, i in enumerate(ids)},
    )
    started = time.perf_counter()
    decide(evidence)
    return {"seconds": time.perf_counter() - started, "gigabytes": _peak()}


def make_folder(folder: Path, n: int) -> dict[str, float]:
    """A case folder with its results in a store; seconds and gigabytes of importing them."""
    from advisor import workflow

    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text("Nothing.", encoding="utf-8")
    (folder / "case.yaml").write_text(yaml.safe_dump(case_values(), sort_keys=False), encoding="utf-8")
    rng = np.random.default_rng(2)
    words = np.array([f"word{k}" for k in range(5000)])
    for name, count, letter in (("train.jsonl", 1200, "t"), ("held_out.jsonl", n, "h")):
        with (folder / name).open("w", encoding="utf-8") as file:
            for k in range(count):
                text = " ".join(rng.choice(words, 20))
                row = {"id": f"{letter}{k}", "input": text, "output": f"label {k % 10}"}
                file.write(json.dumps(row) + "\n")
    results = folder / "from_elsewhere.jsonl"
    with results.open("w", encoding="utf-8") as file:
        for k, column in enumerate(scores(n)):
            for i, s in enumerate(column):
                line: dict[str, Any] = {
                    "baseline": f"{KINDS[k]}_{k}", "id": f"h{i}", "score": float(s), "input_tokens": 200,
                    "cached_input_tokens": 50, "output_tokens": 5, "latency_s": 0.3,
                }  # fmt: skip
                file.write(json.dumps(line) + "\n")
    started = time.perf_counter()
    workflow.import_results(folder, results)
    return {"seconds": time.perf_counter() - started, "gigabytes": _peak()}


def duplicates(folder: Path) -> dict[str, float]:
    """Seconds and gigabytes of the search for near duplicates."""
    from advisor.cases.duplicates import near_duplicates
    from advisor.cases.loading import load_case

    loaded = load_case(folder)
    started = time.perf_counter()
    near_duplicates(loaded.train, loaded.held_out)
    return {"seconds": time.perf_counter() - started, "gigabytes": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _itself(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Measures both, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--in-memory", type=int)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--duplicates", type=Path)
    parser.add_argument("--command", type=Path)
    options = parser.parse_args()
    if options.in_memory:
        print(json.dumps(in_memory(options.in_memory)))
        return
    n = 10_000 if options.quick else 100_000
    if options.make:
        print(json.dumps(make_folder(options.make, n)))
        return
    if options.duplicates:
        print(json.dumps(duplicates(options.duplicates)))
        return
    if options.command:
        from advisor import workflow

        started = time.perf_counter()
        workflow.decide(options.command)
        print(json.dumps({"seconds": time.perf_counter() - started, "gigabytes": _peak()}))
        return
    memory = json.loads(_itself("--in-memory", str(n)))
    print(
        f"{n:,} items x {len(KINDS)} baselines, from memory: {memory['seconds']:.2f} s, {memory['gigabytes']:.2f} GB"
    )
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own as well: a child's peak memory begins with that of its parent
        case = str(Path(folder) / "case")
        imported = json.loads(_itself("--make", case, *(["--quick"] if options.quick else [])))
        search = json.loads(_itself("--duplicates", case))
        whole = json.loads(_itself("--command", case))
    print(f"import: {imported['seconds']:.2f} s, {imported['gigabytes']:.2f} GB")
    print(f"near duplicates: {search['seconds']:.2f} s, {search['gigabytes']:.2f} GB")
    print(f"the whole command: {whole['seconds']:.2f} s, {whole['gigabytes']:.2f} GB")
    if not options.quick:
        figures = {
            "items": n,
            "baselines": len(KINDS),
            "from_memory": memory,
            "import": imported,
            "near_duplicates": search,
            "whole_command": whole,
        }
        write("scale", hardware="2 cores", packages=["numpy", "pydantic", "sqlalchemy"], figures=figures)


if __name__ == "__main__":
    main()
