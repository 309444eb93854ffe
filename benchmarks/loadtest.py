"""How much of a server's throughput does `advisor loadtest` see?

One mock server in a process of its own answers chat requests after a fixed time, any number at once. It is put
under load in turns by `advisor loadtest` and by a bare loop of httpx2 calls, which parses the answers and does nothing
else.

    python benchmarks/loadtest.py [--rounds 5] [--waves 30] [--latency 0.1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import _results
import httpx2

from advisor.evaluation.environment import hardware
from advisor.workflow.loadtest import loadtest

LEVELS = (1, 8, 32)
ANSWER = {
    "id": "x", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "delivery"}}],
    "usage": {"prompt_tokens": 60, "completion_tokens": 2, "total_tokens": 62},
}  # fmt: skip


def main() -> None:
    """Measures, prints a table, writes results/loadtest.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="the median of so many rounds counts")
    parser.add_argument("--waves", type=int, default=30, help="counted requests of each place")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds that the server takes")
    arguments = parser.parse_args()

    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(arguments.latency, theirs), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{mine.recv()}/v1"
        with tempfile.TemporaryDirectory() as scratch:
            case = write_case(Path(scratch) / "case", url)
            rows = [compare(case, url, level, arguments.waves * level, arguments.rounds) for level in LEVELS]
    finally:
        server.terminate()
        server.join()
    print(
        f"{'at a time':>9} {'possible/s':>11} {'bare loop/s':>12} {'loadtest/s':>11} {'ratio':>6} {'p95 s':>7}"
    )
    for row in rows:
        possible = row["at_a_time"] / arguments.latency
        print(
            f"{row['at_a_time']:>9} {possible:>11.1f} {row['bare_per_s']:>12.1f} {row['loadtest_per_s']:>11.1f} "
            f"{row['ratio']:>6.2f} {row['loadtest_p95_s']:>7.3f}"
        )
    path = _results.write(
        "loadtest",
        hardware=hardware(),
        packages=["openai", "httpx2", "uvicorn"],
        figures={"latency_s": arguments.latency, "requests_of_each_place": arguments.waves, "levels": rows},
    )
    print(f"written: {path}")


def compare(case: Path, url: str, level: int, n: int, rounds: int) -> dict[str, Any]:
    """Both ways in turns, so that other work on the machine hits both alike."""
    bare, seen, p95 = [], [], []
    for _ in range(rounds):
        bare.append(asyncio.run(bare_loop(url, level, n)))
        (point,) = loadtest(case, "zero_shot", [level], requests=n).test.points
        assert point.failed == 0 and point.p95_s is not None
        seen.append(point.requests_per_s)
        p95.append(point.p95_s)
    return {
        "at_a_time": level,
        "bare_per_s": statistics.median(bare),
        "loadtest_per_s": statistics.median(seen),
        "ratio": statistics.median(s / b for s, b in zip(seen, bare, strict=True)),
        "loadtest_p95_s": statistics.median(p95),
    }


async def bare_loop(url: str, level: int, n: int) -> float:
    """Requests a second of n calls, `level` at a time, after one warm-up each."""
    body = {
        "model": "m", "max_tokens": 256, "temperature": 0,
        "messages": [{"role": "system", "content": "Sort the message. " * 10}, {"role": "user", "content": "late"}],
    }  # fmt: skip
    left = iter(range(n))
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=level)
    async with httpx2.AsyncClient(limits=limits, timeout=60) as client:

        async def ask() -> None:
            answer = (await client.post(f"{url}/chat/completions", json=body)).json()
            assert answer["choices"]

        async def place() -> None:
            for _ in left:
                await ask()

        await asyncio.gather(*(ask() for _ in range(level)))
        started = time.perf_counter()
        await asyncio.gather(*(place() for _ in range(level)))
        return n / (time.perf_counter() - started)


def write_case(folder: Path, url: str) -> Path:
    """A case with enough prompts, whose model is the mock server."""
    folder.mkdir()
    case = {
        "schema_version": 1, "name": "load", "use_case": {"description": "d", "aspect": "latency"},
        "task": {"kind": "classification", "instructions": "Sort the message.", "labels": ["delivery", "other"]},
        "quality": {"metric": "accuracy"},
        "models": {"m": {"provider": "openai_compatible", "model": "m", "base_url": url,
                         "structured_outputs": "off", "serving": {"usd_per_hour": 1.0}}},
        "baselines": [{"name": "zero_shot", "kind": "zero_shot", "model": "m"}],
    }  # fmt: skip
    (folder / "case.yaml").write_text(json.dumps(case), encoding="utf-8")  # JSON is YAML
    for name, count in (("train", 200), ("held_out", 5)):
        rows = [
            {"id": f"{name}{i}", "input": f"message {name} {i}", "output": "delivery"} for i in range(count)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return folder


def serve(latency_s: float, told: Connection) -> None:
    """The mock server; tells its port."""
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def chat(request: Request) -> JSONResponse:
        await request.json()
        await asyncio.sleep(latency_s)
        return JSONResponse(ANSWER)

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    told.send(listener.getsockname()[1])
    config = uvicorn.Config(
        Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])]), log_level="critical"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
