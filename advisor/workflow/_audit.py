"""The audit of a case's data; of a large case what takes time is kept beside its store."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from advisor.cases.loading import LoadedCase
from advisor.errors import AdvisorError
from advisor.files import write_whole
from advisor.workflow._cases import STORE_FOLDER, artefacts_folder

if TYPE_CHECKING:
    from advisor.cases.audit import Audit

LARGE = 2_000
"""From so many items on, the near duplicates are kept; those of fewer are found in a moment."""
_FILE = "near_duplicates.json"


def audited(loaded: LoadedCase) -> Audit:
    """Audits a case's data; near duplicates of a large one are looked for once, as long as the data stay the same."""
    from advisor.cases.audit import audit
    from advisor.cases.duplicates import Duplicates, near_duplicates

    if len(loaded.train) + len(loaded.held_out) < LARGE:
        return audit(loaded)
    key = _key(loaded)
    try:
        kept_key, _, content = (
            (loaded.folder / STORE_FOLDER / _FILE).read_text(encoding="utf-8").partition("\n")
        )
        if kept_key == key:
            return audit(loaded, Duplicates.model_validate_json(content))
    except (OSError, ValueError):
        pass  # not there, or damaged: it is made again
    found = near_duplicates(loaded.train, loaded.held_out)
    # a folder that cannot be written, such as an installed sample's, is audited each time
    with suppress(OSError, ValueError, AdvisorError):
        write_whole(artefacts_folder(loaded) / _FILE, f"{key}\n{found.model_dump_json()}\n")
    return audit(loaded, found)


def _key(loaded: LoadedCase) -> str:
    from advisor.cases.duplicates import DUPLICATES_VERSION

    digest = hashlib.sha256(f"{DUPLICATES_VERSION}".encode())
    for name, text in loaded.canonical.items():
        digest.update(f"\n{name} {len(text)}\n{text}".encode(errors="surrogatepass"))
    return digest.hexdigest()
