"""`advisor init`: a new case folder that passes `check`, minimal or as a copy of a sample case."""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

from advisor.errors import UsageError
from advisor.resources import sample_cases_folder

_CASE = """\
# The decision to take. Everything here can be changed; `advisor check .` says what is wrong and what a run would cost.
schema_version: 1
name: {name}
title: {title}

use_case:
  description: "Sort short customer messages into three queues. Replace this by your own use case."
  aspect: accuracy            # what should improve: accuracy | format | knowledge | tone | latency | cost

task:
  kind: classification        # classification | extraction | question_answering | generation
  instructions: "You sort customer messages of a small shop. Name the queue that the message belongs to."
  labels: [delivery, payment, other]

quality:
  metric: accuracy
  bar: 0.85                   # what is good enough
  min_gain: 0.02              # the smallest gain worth having

data: {{train: train.jsonl, held_out: held_out.jsonl}}

models:
  small: {{provider: embedded, model: smollm2-135m, serving: {{usd_per_hour: 0.05, always_on: true}}}}

baselines:
  - {{name: zero_shot, kind: zero_shot, model: small}}
  - {{name: few_shot, kind: few_shot, model: small, examples: [1, 3], selection: nearest}}
  - {{name: fine_tuned, kind: fine_tuned, model: small, tuning: {{system: trl}}}}
  - {{name: classifier, kind: classifier}}

traffic: {{requests_per_month: 10000, horizon_months: 12}}
value: {{correct_usd: 0.0, wrong_usd: 0.0}}     # what a right and a wrong answer are worth, if you know
effort: {{data_hours: 16, evaluation_hours: 8, refinement_hours: 8, hourly_rate_usd: 80, retrains_per_year: 1}}
constraints: {{must_stay_local: false}}
declared: {{}}                # your own words on one of the ten questions, by its id
"""

_TRAIN = """\
{"id": "t1", "input": "My parcel was due on Monday and there is still no sign of it.", "output": "delivery"}
{"id": "t2", "input": "I was charged twice for the same basket.", "output": "payment"}
{"id": "t3", "input": "Do you have a shop in the north of the country?", "output": "other"}
{"id": "t4", "input": "The courier left the box in the rain.", "output": "delivery"}
{"id": "t5", "input": "Can I settle the invoice next month?", "output": "payment"}
{"id": "t6", "input": "Which of your lamps can be dimmed?", "output": "other"}
{"id": "t7", "input": "Tracking has not moved since last week.", "output": "delivery"}
{"id": "t8", "input": "My voucher is refused when I pay.", "output": "payment"}
{"id": "t9", "input": "I would like to work for you, who reads applications?", "output": "other"}
{"id": "t10", "input": "Please bring it to my neighbour, I am away.", "output": "delivery"}
{"id": "t11", "input": "Where is the receipt for the money I sent?", "output": "payment"}
{"id": "t12", "input": "What does the blue light on the front mean?", "output": "other"}
"""

_HELD_OUT = """\
{"id": "h1", "input": "How long until the chair gets here?", "output": "delivery"}
{"id": "h2", "input": "Your site took my money but says the card failed.", "output": "payment"}
{"id": "h3", "input": "Are the mugs safe for a dishwasher?", "output": "other"}
{"id": "h4", "input": "Somebody else signed for my package.", "output": "delivery"}
{"id": "h5", "input": "Is it possible to pay in three parts?", "output": "payment"}
{"id": "h6", "input": "Thank you, the team was very kind on the phone.", "output": "other"}
"""

_README = """\
# {title}

- Origin: examples of the template; replace `train.jsonl` and `held_out.jsonl` by your own.
- Licence: say under which terms these texts may be used.
- Split: say how it was made. Items that belong together (a customer, a document) get the same `group`.
- Known biases: say which cases are missing or too frequent.
"""


def create_case(folder: Path, *, sample: str | None = None) -> Path:
    """Creates a case folder; nothing is left behind if that fails.

    Raises:
        UsageError: The folder is there already and not empty, or the sample is unknown.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not empty.", hint="Choose a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".advisor-init-") as scratch:
        new = Path(scratch) / "case"
        if sample is None:
            _write_template(new, folder.resolve().name)
        else:
            source = sample_cases_folder() / sample
            if sample not in sample_names():
                known = ", ".join(sample_names())
                raise UsageError(f"There is no sample case {sample!r}.", hint=f"There are: {known}.")
            shutil.copytree(source, new, ignore=shutil.ignore_patterns(".advisor", "__pycache__"))
        if folder.exists():
            folder.rmdir()
        new.rename(folder)
    return folder


def sample_names() -> list[str]:
    """The sample cases that come with the package."""
    return sorted(p.parent.name for p in sample_cases_folder().glob("*/case.yaml"))


def case_name_from(text: str) -> str:
    """A case's name from any text, such as a title: letters, digits, `_ . -`, at most 64 of them."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in plain)
    name = re.sub("_{2,}", "_", name).strip("_.-")[:64].rstrip("_.-")
    return name or "my_case"


def _write_template(new: Path, folder_name: str) -> None:
    name = case_name_from(folder_name)
    title = name.replace("_", " ").replace("-", " ").capitalize()
    new.mkdir()
    (new / "case.yaml").write_text(_CASE.format(name=name, title=title), encoding="utf-8")
    (new / "train.jsonl").write_text(_TRAIN, encoding="utf-8")
    (new / "held_out.jsonl").write_text(_HELD_OUT, encoding="utf-8")
    (new / "README.md").write_text(_README.format(title=title), encoding="utf-8")
