"""LoRA tuning with AutoTrain Advanced, in an environment and a process of its own.

AutoTrain ends with code 0 whatever happened, so a training is judged by the adapter that it leaves. It writes
into a log file, not into a pipe: if the caller is killed, the training goes on, and the next call follows it
to its end instead of starting a second one beside it. A caller that is interrupted ends its training.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from advisor.errors import MissingExtraError, TuningError
from advisor.models import _openmp  # noqa: F401 (before torch)
from advisor.tuning.base import TrainingExample, TuningProgress, TuningSettings

try:
    from advisor.models._hardware import cpu_count
    from advisor.models._weights import ADAPTER_WEIGHTS
    from advisor.tuning._autotrain_environment import (
        VERSION,
        AutoTrainEnvironment,
        cleaned,
        environment,
        has_gpu,
    )
    from advisor.tuning._autotrain_files import (
        PROJECT,
        context_window,
        copy_adapter,
        encode,
        unsupported,
        write_base,
        write_config,
        write_data,
    )
    from advisor.tuning._autotrain_log import LogReader
    from advisor.tuning._checkpoints import read_json, write_folder, write_json
except ImportError as error:
    raise MissingExtraError("Tuning on this machine", "local") from error

__all__ = [
    "AutoTrainEnvironment",
    "AutoTrainRun",
    "end_training",
    "environment",
    "is_training",
    "train",
    "unsupported",
    "write_config",
]

_POLL_S = 0.2
_RUN = "run.json"
_LOCK = "training.lock"


@dataclass(frozen=True)
class AutoTrainRun:
    """A training that ended well."""

    adapter: Path
    """The adapter's folder, as PEFT reads it."""
    project: Path
    """What AutoTrain left."""
    config: Path
    log: Path
    """Everything that AutoTrain said."""
    loss: tuple[tuple[int, float], ...]
    """(step, training loss): over prompts, answers and filling, so it is no loss of answers alone."""
    duration_s: float
    """Seconds of the training itself, without loading."""
    tokens: int
    """Tokens learnt from, over all epochs, without filling."""
    trainable_parameters: int


def train(
    base: Path,
    examples: Sequence[TrainingExample],
    settings: TuningSettings,
    folder: Path,
    *,
    base_version: str,
    model_version: str,
    where: AutoTrainEnvironment | None = None,
    on_progress: TuningProgress | None = None,
) -> AutoTrainRun:
    """Tunes a model, or follows the training that an earlier call left behind, or returns what one finished.

    AutoTrain does not go on from a checkpoint: a training that was ended starts anew. It has no working
    evaluation for language models, so there is no place for dev examples, and the last epoch is kept. It
    ignores the seed: two trainings differ.

    Args:
        base: A model folder of transformers, with safetensors.
        examples: Prompt messages, and the completion to learn.
        settings: Epochs must be whole; the method must be LoRA.
        folder: The job's own; gets `adapter/` at the end, and `autotrain/` with configuration, data and log.
        base_version: What tells the base model from any other, for the adapter's manifest.
        model_version: The same of the tuned model.
        where: AutoTrain's environment; found or made where it is not given.
        on_progress: Called after each step.

    Raises:
        MissingExtraError: uv is not installed.
        TuningError: AutoTrain cannot be had, cannot train this, or failed; another process is at this job; or
            the folder is another job's.
        ModelError: The base model has no usable tokenizer.
    """
    folder = folder.resolve()  # AutoTrain is started in another folder than this one
    work = folder / "autotrain"
    work.mkdir(parents=True, exist_ok=True)
    caller = _try_lock(work / "caller.lock")
    if caller is None:
        raise TuningError("Another process is working on this tuning job.", hint="Wait until it has ended.")
    with caller:
        base = base.expanduser().resolve()
        data = encode(base, examples, context_window(base))
        identity = _identity(VERSION, base_version, settings.model_dump_json(), repr(data.rows))
        known = read_json(work / _RUN)
        if known.get("identity", identity) != identity:
            raise TuningError(
                f"{folder} belongs to another tuning job.",
                hint="Give every job a folder of its own, or delete this one.",
            )
        if "trainable_parameters" not in known or not (folder / "adapter").is_dir():
            process = None
            if not is_training(folder):  # else a training goes on whose caller was killed
                write_json(work / _RUN, {"identity": identity})
                shutil.rmtree(work / PROJECT, ignore_errors=True)
                write_base(base, work / "base")
                write_data(data, work / "data")
                block, gpu = data.block_size, has_gpu()
                write_config(work, base=work / "base", block_size=block, settings=settings, gpu=gpu)
                # last: what cannot be tuned is refused before anything is fetched
                process = _start(work, where or environment())
            reading = _follow(work, process, on_progress)
            parameters = _keep(reading, work, folder, base, base_version, model_version)
            known = {"identity": identity, "trainable_parameters": parameters}
            write_json(work / _RUN, known)
        reading = LogReader()
        reading.feed(_log(work).read_text(encoding="utf-8", errors="replace"))
        return AutoTrainRun(
            adapter=folder / "adapter",
            project=work / PROJECT,
            config=work / "config.yml",
            log=_log(work),
            loss=tuple((s.number, s.loss) for s in reading.steps),
            duration_s=reading.duration_s or 0.0,
            tokens=data.tokens * int(settings.epochs),
            trainable_parameters=int(str(known["trainable_parameters"])),
        )


def is_training(folder: Path) -> bool:
    """Whether AutoTrain is at work on a job, whoever started it."""
    lock = folder / "autotrain" / _LOCK
    return lock.exists() and _is_held(lock)


def end_training(folder: Path) -> None:
    """Kills a training whose caller is gone; one that has a caller is ended by interrupting that."""
    if is_training(folder):  # else its id may be another process's by now
        _kill(_pid(folder / "autotrain"))


def _start(work: Path, where: AutoTrainEnvironment) -> subprocess.Popen[bytes]:
    """Starts a training; it inherits a lock, which is thereby held for as long as it lives."""
    variables = {
        **cleaned(os.environ),
        "PATH": f"{where.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(cpu_count())),
        # one GPU, so that a batch has as many examples as the settings say
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        # of the job's own: the user's holds a token
        "HF_HOME": str(work / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ALLOW_REMOTE_CODE": "false",
        "PAUSE_ON_FAILURE": "0",
        "WANDB_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
    # The shell writes down its id and becomes AutoTrain: there is no moment at which a training runs unknown.
    command = ["sh", "-c", 'echo $$ > pid && exec "$0" "$@"', str(where.autotrain), "--config", "config.yml"]
    (work / "pid").unlink(missing_ok=True)
    with _log(work).open("wb") as log, (work / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.Popen(
            command,
            cwd=work,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock.fileno(),),
        )


def _follow(
    work: Path, process: subprocess.Popen[bytes] | None, on_progress: TuningProgress | None
) -> LogReader:
    """Reads the log until the training has ended; if interrupted, ends the training."""
    reading = LogReader()
    ended = False
    try:
        with _log(work).open(encoding="utf-8", errors="replace", newline="") as log:
            while not ended:
                ended = not _is_held(work / _LOCK)  # before reading: nothing is written after it
                for step in reading.feed(log.read()):
                    if on_progress is not None:
                        total = reading.total_steps or step.number
                        on_progress(step.number, total, step.loss, step.elapsed_s)
                if not ended:
                    time.sleep(_POLL_S)
    finally:
        if process is not None:
            _kill(process.pid)  # also where it ended by itself: what it started may live on
            process.wait()
        elif not ended:  # the id of a found one that has ended may be another process's by now
            _kill(_pid(work))
    return reading


def _keep(
    reading: LogReader, work: Path, folder: Path, base: Path, base_version: str, model_version: str
) -> int:
    """Copies the adapter, whole or not at all; returns its parameters."""
    project = work / PROJECT
    if reading.duration_s is None or not (project / ADAPTER_WEIGHTS).is_file():
        raise TuningError(
            f"AutoTrain has not tuned the model: {reading.failure()}",
            hint=f"Its whole output is in {_log(work)}.",
        )
    parameters = 0

    def fill(new: Path) -> None:
        nonlocal parameters
        parameters = copy_adapter(
            project, new, base=base, base_version=base_version, model_version=model_version
        )

    write_folder(folder / "adapter", fill)
    for leftover in (work / "hf", project / "autotrain-data"):
        shutil.rmtree(leftover, ignore_errors=True)
    return parameters


def _log(work: Path) -> Path:
    return work / "autotrain.log"


def _identity(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _pid(work: Path) -> int | None:
    try:
        return int((work / "pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _kill(group: int | None) -> None:
    """Kills a training with everything that it started; there is nothing that it could still save."""
    if group is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _try_lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _is_held(path: Path) -> bool:
    file = _try_lock(path)
    if file is not None:
        file.close()
    return file is None
