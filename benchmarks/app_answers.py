"""Does the page of answers stay fluid with 20,000 items of six baselines?

A case is made up and its results are imported, so that they stand in a store. Then, in a process of its own: opening
the answers, filtering, sorting, searching, a page, a prompt; and the wall time of the page's script, run by Streamlit's
AppTest: the first time, with everything to read, and for each interaction after it.

    python benchmarks/app_answers.py            # 20,000 items
    python benchmarks/app_answers.py --quick    # 2,000, and no result is written
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from _results import write

KINDS = ["zero_shot", "few_shot", "few_shot", "rag", "fine_tuned", "fine_tuned"]
ROUNDS = 7
WORDS = 5_000


def case_values() -> dict[str, Any]:
    """A case with six baselines whose answers are free text, which is more to hold and to search than labels."""
    baselines = []
    for k, kind in enumerate(KINDS):
        spec: dict[str, Any] = {"name": f"{kind}_{k}", "kind": kind, "model": "m"}
        spec |= {"tuning": {"system": "existing", "model": "ft:m"}} if kind == "fine_tuned" else {}
        baselines.append(spec)
    return {
        "schema_version": 1,
        "name": "answers",
        "use_case": {"description": "A large held-out set.", "aspect": "accuracy"},
        "task": {"kind": "question_answering", "instructions": "Answer in a sentence."},
        "quality": {"metric": "token_f1", "min_gain": 0.01},
        "data": {"documents": "documents"},
        "models": {"m": {"provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1"}},
        "baselines": baselines,
    }


def make(folder: Path, n: int) -> dict[str, float]:
    """A case folder with its results in a store; seconds and gigabytes of importing them."""
    from advisor import workflow

    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text("Nothing.", encoding="utf-8")
    (folder / "case.yaml").write_text(yaml.safe_dump(case_values(), sort_keys=False), encoding="utf-8")
    rng = np.random.default_rng(1)
    words = np.array([f"word{k}" for k in range(WORDS)])

    def text(length: int) -> str:
        return " ".join(rng.choice(words, length))

    expected = {}
    for name, count, letter in (("train.jsonl", 1000, "t"), ("held_out.jsonl", n, "h")):
        with (folder / name).open("w", encoding="utf-8") as file:
            for k in range(count):
                expected[f"{letter}{k}"] = text(15)
                row = {"id": f"{letter}{k}", "input": text(40), "output": expected[f"{letter}{k}"]}
                file.write(json.dumps({**row, "group": f"{letter}{k // 4}"}) + "\n")
    results = folder / "from_elsewhere.jsonl"
    with results.open("w", encoding="utf-8") as file:
        for k, kind in enumerate(KINDS):
            for i in range(n):
                line = {
                    "baseline": f"{kind}_{k}", "id": f"h{i}", "score": float(rng.random()),
                    "answer": f"{expected[f'h{i}'][:40]} {text(10)}", "input_tokens": 200, "output_tokens": 20,
                    "latency_s": float(rng.random()), "cost_usd": float(rng.random() / 1000),
                }  # fmt: skip
                file.write(json.dumps(line) + "\n")
    started = time.perf_counter()
    workflow.import_results(folder, results)
    figures = {"seconds": time.perf_counter() - started, "gigabytes": _peak()}
    keep_calls(folder)
    return figures


def keep_calls(folder: Path) -> None:
    """Makes of two imported baselines what a run here leaves: one with its calls, one with its setting alone."""
    from advisor.cases.loading import load_case
    from advisor.evaluation.fingerprint import measurement_fingerprint
    from advisor.prompts import build_request
    from advisor.records import Completion
    from advisor.store.database import Store, call_key

    loaded = load_case(folder)
    with Store(f"sqlite:///{folder / '.advisor' / 'store.sqlite'}") as store:
        for spec, setting in zip(loaded.case.baselines[:2], ({}, {"examples": 3}), strict=True):
            fingerprint = measurement_fingerprint(loaded, spec)
            there = store.measurement(loaded.case.name, spec.name, fingerprint)
            assert there is not None
            items = list(enumerate(there.items))
            if not setting:
                requests = [build_request(loaded.case.task, e) for e in loaded.held_out]
                keys = [call_key("m", r) for r in requests]
                done = [Completion(text=i.answer or "", usage=i.usage) for _, i in items]
                store.save_answers("m", list(zip(keys, requests, done, strict=True)))
                items = [(k, i.model_copy(update={"call_key": keys[k]})) for k, i in items]
            store.save_measurement(
                case_name=loaded.case.name,
                baseline=spec.name,
                fingerprint=fingerprint,
                run_id=there.run_id,
                about={**there.about, "imported": False, "setting": setting},
                items=items,
            )


def measure(folder: Path) -> dict[str, Any]:
    """Milliseconds of what a page asks for: the slowest of some rounds, each with a selection of its own."""
    from advisor.workflow.answers import ONLY, ORDERS, AnswerFilter, answers, prompt_in

    before = _peak()
    started = time.perf_counter()
    book = answers(folder)
    figures: dict[str, Any] = {"open_s": time.perf_counter() - started, "open_gigabytes": _peak() - before}
    names = book.names

    def slowest(do: Callable[[int], object]) -> float:
        times = []
        for k in range(ROUNDS):
            started = time.perf_counter()
            do(k)
            times.append(time.perf_counter() - started)
        return 1000 * max(times)

    some = [(a, b) for a in names for b in names if a != b]
    figures["right_and_wrong_ms"] = slowest(
        lambda k: book.select(AnswerFilter(right=(some[k][0],), wrong=(some[k][1],)))
    )
    for only in ONLY:
        started = time.perf_counter()
        book.select(AnswerFilter(only=(only,)))
        figures[f"only_{only}_ms"] = 1000 * (time.perf_counter() - started)
    started = time.perf_counter()
    book.select(AnswerFilter(text="first search"))
    figures["first_search_ms"] = 1000 * (time.perf_counter() - started)
    figures["search_ms"] = slowest(lambda k: book.select(AnswerFilter(text=f"word{k} w")))
    for order in ORDERS:
        started = time.perf_counter()
        book.select(AnswerFilter(right=(names[0],)), order)
        figures[f"order_{order}_ms"] = 1000 * (time.perf_counter() - started)
    chosen = book.select(AnswerFilter(wrong=(names[0],)))
    figures["page_ms"] = slowest(lambda k: book.page(chosen, len(chosen) * k // ROUNDS, 20))
    kept = prompt_in(book, None, names[0], "h9")
    figures["kept_prompt_ms"] = slowest(lambda k: prompt_in(book, None, names[0], f"h{k}"))
    started = time.perf_counter()
    rebuilt = prompt_in(book, None, names[1], "h9")
    figures["first_rebuilt_prompt_ms"] = 1000 * (time.perf_counter() - started)
    figures["rebuilt_prompt_ms"] = slowest(lambda k: prompt_in(book, None, names[1], f"h{k}"))
    assert (kept.origin, rebuilt.origin) == ("sent", "rebuilt")
    return {**figures, "gigabytes": _peak()}


def page(folder: Path) -> dict[str, Any]:
    """Seconds of the page's script: opened first, then for each interaction."""
    from streamlit.testing.v1 import AppTest

    from advisor.resources import ui_folder

    os.environ["ADVISOR_CASES"] = str(folder)
    sys.path.insert(0, str(ui_folder()))
    app = AppTest.from_file(str(ui_folder() / "streamlit_app.py"), default_timeout=300)
    app.switch_page("app_pages/answers.py")
    app.query_params["case"] = folder.name

    def run(do: Any) -> float:
        started = time.perf_counter()
        do.run()
        if app.exception:
            raise RuntimeError(str(app.exception))
        return time.perf_counter() - started

    first = run(app)
    names = [f"{kind}_{k}" for k, kind in enumerate(KINDS)]
    took: dict[str, float] = {}
    took["again"] = run(app)
    took["right"] = run(app.multiselect(key="answers_right").set_value([names[-1]]))
    took["wrong"] = run(app.multiselect(key="answers_wrong").set_value([names[0]]))
    took["next"] = run(next(b for b in app.button if b.label == "Next").click())
    took["item"] = run(app.radio[0].set_value(app.radio[0].options and _ids(app)[5]))
    app.query_params["page"], app.query_params["item"] = "200", []
    took["page"] = run(app)
    took["order"] = run(app.selectbox(key="answers_sort").set_value("difference"))
    took["first_search"] = run(app.text_input(key="answers_q").set_value("word77"))
    took["search"] = run(app.text_input(key="answers_q").set_value("word78"))
    took["differ"] = run(app.multiselect(key="answers_only").set_value(["differ"]))
    app.session_state["answers_prompt"] = True
    took["prompt"] = run(app)
    return {
        "first_s": first,
        "interactions_s": took,
        "median_s": statistics.median(took.values()),
        "slowest_s": max(took.values()),
        "gigabytes": _peak(),
    }


def _ids(app: Any) -> list[str]:
    """Ids of the items on the page: what stands first in each option, in bold."""
    return [option.split("**")[1] for option in app.radio[0].options]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _itself(*arguments: str) -> Any:
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measures each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--make", type=Path)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    n = 2_000 if options.quick else 20_000
    if options.make:
        print(json.dumps(make(options.make, n)))
    elif options.measure:
        print(json.dumps(measure(options.measure)))
    elif options.page:
        print(json.dumps(page(options.page)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            case = str(Path(temporary) / "answers")
            quick = ["--quick"] if options.quick else []
            figures = {
                "items": n,
                "baselines": len(KINDS),
                "import": _itself("--make", case, *quick),
                "book": _itself("--measure", case),
                "page": _itself("--page", case),
            }
        print(json.dumps(figures, indent=2))
        if not options.quick:
            write(
                "app_answers",
                hardware="2 cores",
                packages=["numpy", "streamlit", "sqlalchemy"],
                figures=figures,
            )


if __name__ == "__main__":
    main()
