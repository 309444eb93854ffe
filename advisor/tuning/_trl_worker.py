"""One of several training processes; it is started with the job's folder as its argument."""

from __future__ import annotations

import sys
from pathlib import Path

from advisor.tuning._checkpoints import read_json
from advisor.tuning.base import TuningJob, TuningSettings
from advisor.tuning.trl import train_here

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    job = TuningJob.model_validate(read_json(folder / "plan.json"))
    assert isinstance(job.settings, TuningSettings)
    train_here(job, job.settings, folder, None)
