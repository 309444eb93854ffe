"""Files inside a zip, those compressed with Zstandard among them.

The standard library reads these from Python 3.14 on only.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

_ZSTANDARD = 93
_LOCAL_HEADER = 30
"""Bytes of a file's header inside a zip, before its name (APPNOTE.TXT 4.3.7)."""


class ZstdMissingError(Exception):
    """Nothing that is installed reads Zstandard."""


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files that are wanted.

    Raises:
        ZstdMissingError: One is compressed with Zstandard, which nothing here reads.
        ValueError: The zip is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            for info in archive.infolist():
                if not wanted(info.filename):
                    continue
                if info.compress_type != _ZSTANDARD:
                    yield info.filename, archive.read(info)
                    continue
                file.seek(info.header_offset)
                header = file.read(_LOCAL_HEADER)
                skipped = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
                file.seek(skipped, 1)
                content = _unpacked(file.read(info.compress_size), info.file_size)
                if zlib.crc32(content) != info.CRC:
                    raise ValueError(f"{info.filename} is not what was packed")
                yield info.filename, content
    except (zipfile.BadZipFile, NotImplementedError, zlib.error) as error:
        raise ValueError(str(error)) from error


def _unpacked(data: bytes, size: int) -> bytes:
    """Zstandard undone; by Arrow, which comes with Streamlit."""
    if size == 0:
        return b""
    try:
        import pyarrow  # type: ignore[import-untyped]
    except ImportError as error:
        raise ZstdMissingError from error
    if not pyarrow.Codec.is_available("zstd"):
        raise ZstdMissingError
    try:
        return bytes(pyarrow.decompress(data, decompressed_size=size, codec="zstd", asbytes=True))
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(str(error)) from error
