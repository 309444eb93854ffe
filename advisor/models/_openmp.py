"""Keeps torch usable on a machine that does other work too; to be imported before torch.

GNU OpenMP's threads wait for one another by spinning for about a millisecond. Where another process holds one
of the cores, that burns the very time the slower thread needs: one busy process beside a training on two cores
made its steps 15 to 35 times as long. With a shorter spin it is about three times, and an idle machine
loses a few per cent. A value that the user has set stands.
"""

from __future__ import annotations

import os

os.environ.setdefault("GOMP_SPINCOUNT", "4000")
