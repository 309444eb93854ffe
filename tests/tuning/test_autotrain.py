"""AutoTrain in its own environment: what it is told, what it gets to see, and how its work is judged."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file, save_file  # noqa: E402

from advisor.cases.model_spec import ModelSpec  # noqa: E402
from advisor.errors import MissingExtraError, TuningError  # noqa: E402
from advisor.models._chat_format import ChatFormat  # noqa: E402
from advisor.models._weights import load_tokenizer  # noqa: E402
from advisor.models.huggingface import HuggingFaceProvider  # noqa: E402
from advisor.records import ChatRequest, Completion, Message  # noqa: E402
from advisor.tuning import _autotrain_environment as at_environment  # noqa: E402
from advisor.tuning import _autotrain_files as at_files  # noqa: E402
from advisor.tuning import _autotrain_runner as autotrain  # noqa: E402
from advisor.tuning._autotrain_log import LogReader  # noqa: E402
from advisor.tuning.autotrain import AutoTrainTuning  # noqa: E402
from advisor.tuning.base import JobState, TrainingExample, TuningJob, TuningSettings  # noqa: E402
from tests.tiny_model import save_tiny_model  # noqa: E402

LABELS = ("refund", "return", "order_status")
WORDS = {"refund": "money", "return": "send back", "order_status": "where is it"}
SETTINGS = TuningSettings(epochs=2, learning_rate=5e-3, batch_size=4)

FAKE = """#!{python}
import json, os, sys, time
from pathlib import Path
stamp = "2026-01-01 10:00:0"
def say(second, text, level="INFO    "):
    print(f"{{level}} | {{stamp}}{{second}} | autotrain.somewhere:f:1 - {{text}}", flush=True)
Path("seen.json").write_text(json.dumps(dict(os.environ)))
with Path("starts").open("a") as f: f.write("x")
say(0, "Starting to train...")
print("  0%|          | 0/4 [00:00<?, ?it/s]", end="\\r", flush=True)
for step in range(1, 5):
    time.sleep({pause})
    say(step, {{"loss": 5.0 - step, "grad_norm": 1.0, "epoch": step / 2}})
{end}
"""
WELL = """
say(5, {"train_runtime": 4.5, "train_loss": 2.5})
import shutil
Path("project").mkdir()
shutil.copytree("../../given", "project", dirs_exist_ok=True)
"""
BADLY = """
say(5, "train has failed due to an exception: Traceback (most recent call last):", "ERROR   ")
print("RuntimeError: something inside")
say(5, "the block size is wrong", "ERROR   ")
"""


def example(label: str, number: int) -> TrainingExample:
    system = Message(role="system", content="Answer with exactly one of these labels.")
    return (system, Message(role="user", content=f"{WORDS[label]} {number}")), label


EXAMPLES = [example(label, i) for i in range(3) for label in LABELS]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def version(base: Path) -> str:
    return HuggingFaceProvider().open(ModelSpec(provider="huggingface", model=str(base))).version


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter as AutoTrain leaves it: with embeddings that PEFT 0.14 has added."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("given")
    model = AutoModelForCausalLM.from_pretrained(base)
    get_peft_model(
        model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    ).save_pretrained(folder)
    weights = folder / "adapter_model.safetensors"
    save_file({**load_file(weights), "base_model.model.model.embed_tokens.weight": torch.ones(2, 2)}, weights)
    return folder


@pytest.fixture
def fake(tmp_path: Path, adapter: Path) -> Callable[..., at_environment.AutoTrainEnvironment]:
    """A script in AutoTrain's place, which like AutoTrain always ends with code 0."""

    def write(end: str = WELL, pause: float = 0.0) -> at_environment.AutoTrainEnvironment:
        made = at_environment.AutoTrainEnvironment(tmp_path / "environment")
        made.bin.mkdir(parents=True, exist_ok=True)
        made.autotrain.write_text(FAKE.format(python=sys.executable, pause=pause, end=end))
        made.autotrain.chmod(made.autotrain.stat().st_mode | stat.S_IXUSR)
        given = tmp_path / "given"
        if not given.exists():
            given.symlink_to(adapter)
        return made

    return write


def train(
    base: Path, folder: Path, where: at_environment.AutoTrainEnvironment, **options: object
) -> autotrain.AutoTrainRun:
    return autotrain.train(
        base,
        EXAMPLES,
        SETTINGS,
        folder,
        base_version=version(base),
        model_version="tiny+1",
        where=where,
        **options,  # type: ignore[arg-type]
    )


def starts(folder: Path) -> int:
    path = folder / "autotrain" / "starts"
    return len(path.read_text()) if path.exists() else 0


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.02)


# ── what AutoTrain is told ───────────────────────────────────────────────────────────────────────────────


def test_the_configuration_says_everything_that_autotrains_parser_asks_for(tmp_path: Path) -> None:
    path = at_files.write_config(tmp_path, base=Path("b"), block_size=33, settings=SETTINGS, gpu=False)
    written = yaml.safe_load(path.read_text())
    assert written["task"] == "llm-sft"
    assert written["log"] == "none"
    assert written["project_name"].replace("-", "").isalnum()
    data = {"path", "train_split", "valid_split", "chat_template", "column_mapping"}
    assert data == set(written["data"])
    assert "hub" not in written
    params = written["params"]
    assert (params["epochs"], params["lr"], params["lora_r"], params["lora_alpha"]) == (2, 5e-3, 16, 32)
    assert (params["batch_size"], params["gradient_accumulation"]) == (4, 1)
    assert params["quantization"] is None
    assert params["mixed_precision"] is None
    assert params["peft"] is True
    assert params["block_size"] == params["model_max_length"] == 33


@pytest.mark.parametrize("settings", [{"epochs": 1.5}, {"method": "full"}, {"early_stopping": 2}])
def test_what_autotrain_cannot_do_is_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    asked = TuningSettings.model_validate(settings)
    with pytest.raises(TuningError, match="AutoTrain"):
        at_files.write_config(tmp_path, base=Path("b"), block_size=33, settings=asked, gpu=False)


def test_each_example_fills_a_block_with_the_tokens_of_evaluation(base: Path, tmp_path: Path) -> None:
    data = at_files.encode(base, EXAMPLES, 512)
    at_files.write_data(data, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    chat = ChatFormat(load_tokenizer(str(base), local_only=True), name="tiny")
    for row, (messages, completion) in zip(rows, EXAMPLES, strict=True):
        prompt, answer = chat.prompt(messages), chat.answer(completion)
        ids = row["input_ids"]
        assert len(ids) == data.block_size - 1  # the trainer appends one
        assert ids[: len(prompt)] == prompt
        assert ids[len(prompt) : len(prompt) + len(answer)] == answer
        assert set(ids[len(prompt) + len(answer) :]) <= {data.fill}
        assert chat.text(row["text"]) == [*prompt, *answer]
    assert max(len(chat.prompt(m)) + len(chat.answer(c)) for m, c in EXAMPLES) == data.block_size - 1


def test_an_example_over_the_context_window_is_refused(base: Path) -> None:
    long = ((Message(role="user", content="long " * 600),), "refund")
    with pytest.raises(TuningError, match="context window holds 512"):
        at_files.encode(base, [long], at_files.context_window(base))


def test_the_position_encoding_is_said_in_the_old_keys() -> None:
    new = {"dtype": "bfloat16", "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"}}
    assert at_files.older_config(new) == {
        "torch_dtype": "bfloat16",
        "rope_theta": 100000.0,
        "rope_scaling": None,
    }
    scaled = {"rope_parameters": {"rope_theta": 5.0, "rope_type": "linear", "factor": 2.0}}
    assert at_files.older_config(scaled)["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    old = {"torch_dtype": "float32", "rope_theta": 7.0, "rope_scaling": None}
    assert at_files.older_config(old) == old
    with pytest.raises(TuningError, match="gemma"):
        at_files.older_config({"model_type": "gemma9", "rope_parameters": {"full_attention": {}}})


def test_the_older_folder_links_the_weights_and_names_a_tokenizer_of_that_time(
    base: Path, tmp_path: Path
) -> None:
    at_files.write_base(base, tmp_path / "b")
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert config["rope_theta"] == 10000.0
    assert "rope_parameters" not in config
    tokenizer = json.loads((tmp_path / "b" / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (tokenizer["eos_token"], tokenizer["pad_token"]) == ("<|im_end|>", "<|im_end|>")
    assert (tmp_path / "b" / "model.safetensors").is_symlink()


# ── its environment ──────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_reaches_it() -> None:
    given = {
        "PATH": "/bin",
        "OPENAI_API_KEY": "k",
        "HF_TOKEN": "t",
        "AZURE_CLIENT_SECRET": "s",
        "SOME_OTHER": "x",
        "HTTPS_PROXY": "p",
        "OMP_NUM_THREADS": "2",
    }
    assert at_environment.cleaned(given) == {"PATH": "/bin", "HTTPS_PROXY": "p", "OMP_NUM_THREADS": "2"}


def test_without_uv_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"advisor\[autotrain\]"):
        autotrain.environment(tmp_path)


def test_an_environment_that_cannot_be_made_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: no route to the registry' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setattr(at_environment, "_uv", lambda: str(uv))
    with pytest.raises(TuningError, match="no route to the registry"):
        autotrain.environment(tmp_path / "cache")
    assert not (tmp_path / "cache" / f"autotrain-{at_environment.VERSION}").exists()


def test_a_cpu_build_of_torch_is_preferred_where_there_is_no_gpu() -> None:
    assert [t for t, _ in at_environment.torch_choices(gpu=True)] == [at_environment.TORCH]
    first, second, last = at_environment.torch_choices(gpu=False)
    assert first == (f"{at_environment.TORCH}+cpu", [])
    assert second[1] == ["--torch-backend", "cpu"]
    assert last == (at_environment.TORCH, [])


def test_pips_places_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/one https://two/links")
    assert at_environment.find_links() == ["/one", "https://two/links"]


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────

SAID = (
    "INFO     | 2026-01-01 10:00:00 | autotrain.trainers.common:on_train_begin:386 - Starting to train...\n"
    "  0%|          | 0/2 [00:00<?, ?it/s]\r 50%|█████     | 1/2 [00:01<00:01,  1.45s/it]INFO     | "
    "2026-01-01 10:00:03 | autotrain.trainers.common:on_log:367 - {'loss': 8.0839, 'grad_norm': 3.0, 'epoch': 1.0}\n"
    "                       {'loss': 8.0839, 'grad_norm': 3.0, 'epoch': 1.0}\n"
    "INFO     | 2026-01-01 10:00:05 | autotrain.trainers.common:on_log:367 - {'loss': nan, 'epoch': 2.0}\n"
    "INFO     | 2026-01-01 10:00:05 | autotrain.trainers.common:on_log:367 - {'train_runtime': 4.25}\n"
)


def test_the_log_is_read_in_pieces_of_any_size() -> None:
    for size in (1, 7, len(SAID)):
        reader = LogReader()
        steps = [s for i in range(0, len(SAID), size) for s in reader.feed(SAID[i : i + size])]
        assert steps == reader.steps
        assert [(s.number, s.elapsed_s) for s in steps] == [(1, 3.0), (2, 5.0)]
        assert steps[0].loss == 8.0839
        assert steps[1].loss != steps[1].loss  # not a number
        assert (reader.total_steps, reader.duration_s) == (2, 4.25)


@pytest.mark.parametrize(
    ("said", "telling"),
    [
        (
            "ERROR    | 2026-01-01 10:00:00 | a.b:wrapper:1 - train has failed\nKeyError: 'log'\n",
            "train has failed",
        ),
        ("Traceback\nKeyError: 'log'\n", "KeyError: 'log'"),
        (
            "torch.OutOfMemoryError: no memory\nsubprocess.CalledProcessError: died\n",
            "torch.OutOfMemoryError",
        ),
        ("subprocess.CalledProcessError: died with SIGKILL\n", "died with SIGKILL"),
        ("something odd", "something odd"),
        ("", "it said nothing"),
    ],
)
def test_the_telling_line_is_found(said: str, telling: str) -> None:
    reader = LogReader()
    reader.feed(said)
    assert telling in reader.failure()


# ── a training ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_training_gives_an_adapter_its_losses_and_its_time(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    heard: list[tuple[int, int, float | None, float]] = []
    run = train(base, tmp_path / "job", fake(), on_progress=lambda *step: heard.append(step))
    assert heard == [(n, 4, 5.0 - n, float(n)) for n in (1, 2, 3, 4)]
    assert run.loss == ((1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0))
    assert run.duration_s == 4.5
    assert run.tokens == 2 * at_files.encode(base, EXAMPLES, None).tokens
    assert "Starting to train" in run.log.read_text()
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert all("lora_" in name for name in weights)
    assert run.trainable_parameters == sum(t.numel() for t in weights.values())
    opened = HuggingFaceProvider().open(
        ModelSpec(provider="huggingface", model=str(base)), adapter=str(run.adapter)
    )
    assert opened.version == "tiny+1"

    again = train(base, tmp_path / "job", fake())
    assert again == run
    assert starts(tmp_path / "job") == 1


def test_a_relative_folder_is_understood(
    base: Path,
    tmp_path: Path,
    fake: Callable[..., at_environment.AutoTrainEnvironment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = train(base, Path("job"), fake())
    assert run.adapter == tmp_path / "job" / "adapter"
    # AutoTrain is started in another folder, and would look for the model there, or on the hub
    assert yaml.safe_load(run.config.read_text())["base_model"] == str(
        tmp_path / "job" / "autotrain" / "base"
    )


def test_an_adapter_that_was_deleted_is_trained_anew(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    shutil.rmtree(train(base, tmp_path / "job", fake()).adapter)
    assert train(base, tmp_path / "job", fake()).adapter.is_dir()
    assert starts(tmp_path / "job") == 2


def test_the_merged_model_is_kept_where_it_is_wanted(
    base: Path,
    tmp_path: Path,
    fake: Callable[..., at_environment.AutoTrainEnvironment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autotrain, "environment", lambda: fake())
    spec = ModelSpec(provider="huggingface", model=str(base))
    job = TuningJob(
        base=spec,
        base_version=version(base),
        examples=tuple(EXAMPLES),
        settings=SETTINGS.model_copy(update={"keep_merged": True}),
        system="autotrain",
    )
    record = AutoTrainTuning(spec).train(job, tmp_path / "job", None)
    assert record.loss[0] == (1, 4.0)
    assert "autotrain" in (tmp_path / "job" / "merged" / "README.md").read_text()
    merged = ModelSpec(provider="huggingface", model=str(tmp_path / "job" / "merged"))
    assert HuggingFaceProvider().open(merged).context_window == 512
    assert AutoTrainTuning(spec).train(job, tmp_path / "job", None) == record
    assert starts(tmp_path / "job") == 1

    elsewhere = job.model_copy(update={"base_version": "another"})
    with pytest.raises(TuningError, match="planned for another"):
        AutoTrainTuning(spec).train(elsewhere, tmp_path / "other", None)


def test_the_process_sees_no_secret_and_no_network(
    base: Path,
    tmp_path: Path,
    fake: Callable[..., at_environment.AutoTrainEnvironment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret-1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-2")
    train(base, tmp_path / "job", fake())
    seen = json.loads((tmp_path / "job" / "autotrain" / "seen.json").read_text())
    assert "secret" not in json.dumps(seen)
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert seen["ALLOW_REMOTE_CODE"] == "false"
    assert seen["HF_HOME"].startswith(str(tmp_path))  # the user's own folder may hold a token


def test_code_0_without_an_adapter_is_a_failure_and_a_later_call_trains_anew(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    with pytest.raises(TuningError, match="the block size is wrong"):
        train(base, tmp_path / "job", fake(BADLY))
    assert not (tmp_path / "job" / "adapter").exists()
    assert train(base, tmp_path / "job", fake()).adapter.is_dir()
    assert starts(tmp_path / "job") == 2


def test_an_adapter_cut_short_is_not_taken(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    cut = WELL + (
        "weights = Path('project/adapter_model.safetensors')\n"
        "weights.write_bytes(weights.read_bytes()[:1000])\n"
    )
    with pytest.raises(TuningError, match="cannot be read"):
        train(base, tmp_path / "job", fake(cut))
    assert not (tmp_path / "job" / "adapter").exists()


def test_a_folder_serves_one_job_only(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    train(base, tmp_path / "job", fake())
    with pytest.raises(TuningError, match="another tuning job"):
        autotrain.train(
            base,
            EXAMPLES[1:],
            SETTINGS,
            tmp_path / "job",
            base_version=version(base),
            model_version="tiny+2",
            where=fake(),
        )


def test_an_interrupted_call_ends_its_training(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    def interrupt(step: int, total: int, loss: float | None, elapsed_s: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(base, tmp_path / "job", fake(pause=0.5), on_progress=interrupt)
    group = int((tmp_path / "job" / "autotrain" / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


CALLER = """
import sys
from pathlib import Path
from tests.tuning import test_autotrain as t
base, folder, environment = map(Path, sys.argv[1:])
t.train(base, folder, t.at_environment.AutoTrainEnvironment(environment))
"""


def test_a_killed_caller_leaves_one_training_which_the_next_call_follows(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    where, job = fake(pause=1.5), tmp_path / "job"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(base), str(job), str(where.folder)], env=environment
    )
    try:
        wait_until(lambda: starts(job) == 1, 120)
        with pytest.raises(TuningError, match="Another process"):
            train(base, job, where)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    heard: list[int] = []
    run = train(base, job, where, on_progress=lambda step, *_: heard.append(step))
    assert starts(job) == 1
    assert heard == [1, 2, 3, 4]
    assert run.adapter.is_dir()


@dataclass
class Page:
    """A job's page that is kept nowhere."""

    folder: Path
    state: JobState

    def keep(self, **changes: object) -> JobState:
        self.state = self.state.model_copy(update=changes)
        return self.state


def test_a_training_whose_caller_was_killed_counts_as_running_and_can_be_cancelled(
    base: Path, tmp_path: Path, fake: Callable[..., at_environment.AutoTrainEnvironment]
) -> None:
    where, job = fake(pause=30), tmp_path / "job"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(base), str(job), str(where.folder)], env=environment
    )
    try:
        wait_until(lambda: starts(job) == 1, 120)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    system = AutoTrainTuning(ModelSpec(provider="huggingface", model=str(base)))
    page = Page(job, JobState(fingerprint="f", system="autotrain", word="running", pid=caller.pid))
    assert system.status(page).word == "running"
    assert system.cancel(page).word == "cancelled"
    wait_until(lambda: not autotrain.is_training(job))  # its lock goes with its life
    page.keep(word="running")
    assert system.status(page).word == "paused"


@pytest.mark.slow
@pytest.mark.local
def test_autotrain_itself_tunes_the_tiny_model(base: Path, tmp_path: Path) -> None:
    try:
        where = autotrain.environment()
    except (MissingExtraError, TuningError) as error:
        pytest.skip(f"AutoTrain cannot be installed here: {error.message}")
    examples = [example(label, i) for i in range(7) for label in LABELS]
    heard: list[tuple[int, int, float | None, float]] = []
    run = autotrain.train(
        base,
        examples,
        TuningSettings(epochs=16, learning_rate=1e-2),
        tmp_path,
        base_version=version(base),
        model_version="tiny+autotrain",
        where=where,
        on_progress=lambda *step: heard.append(step),
    )
    assert [s[0] for s in heard] == list(range(1, 49))
    assert {s[1] for s in heard} == {48}
    assert tuple((s[0], s[2]) for s in heard) == run.loss
    assert run.loss[0][1] > 3 * run.loss[-1][1]
    assert run.duration_s > 0

    spec = ModelSpec(provider="huggingface", model=str(base))
    plain, tuned = (HuggingFaceProvider().open(spec, adapter=a and str(a)) for a in (None, run.adapter))
    assert tuned.version == "tiny+autotrain"
    requests = [ChatRequest(messages=m, max_tokens=16) for m, _ in examples]

    def right(model: object) -> int:
        answers = {i: c for batch in model.complete(requests) for i, c in batch}  # type: ignore[attr-defined]
        return sum(
            isinstance(c := answers[i], Completion) and c.text == expected
            for i, (_, expected) in enumerate(examples)
        )

    assert right(plain) == 0
    assert right(tuned) >= len(examples) / 2
