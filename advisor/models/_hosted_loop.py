"""An event loop in a thread of its own: many calls under way, whoever asks and from whichever thread.

It runs on while the asker keeps an answer, so no latency holds the asker's time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from advisor.errors import ModelError

T = TypeVar("T")


class Ticket:
    """One job's standing among those that run together, as the job and its loop see it."""

    def __init__(self, stop: threading.Event) -> None:
        self.under_way = False
        """A call is under way, and its answer will have to be paid for: it is awaited even after an error."""
        self._stop = stop

    @property
    def stopped(self) -> bool:
        """Whether no further call may begin."""
        return self._stop.is_set()

    def stop_all(self) -> None:
        """Lets no further call begin; those under way come to their end."""
        self._stop.set()


Job = Callable[[Ticket], Awaitable[T]]


@dataclass(frozen=True)
class _End:
    error: BaseException | None


class BackgroundLoop:
    """Runs jobs; its thread begins with the first ones and ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def results(self, jobs: Sequence[Job[T]]) -> Iterator[list[tuple[int, T]]]:
        """(position, result) of jobs, each as soon as it is there, several where several are.

        An error of one stops those that wait; calls that are under way come to their end first. Closing the
        iterator cancels all.
        """
        out: queue.SimpleQueue[tuple[int, T] | _End] = queue.SimpleQueue()
        loop, begun = self._started(), list[asyncio.Task[None]]()

        def begin() -> None:
            task = loop.create_task(_run_all(jobs, out))
            task.add_done_callback(lambda t: out.put(_End(_closed() if t.cancelled() else t.exception())))
            begun.append(task)

        loop.call_soon_threadsafe(begin)
        end: _End | None = None
        try:
            while end is None:
                items = [out.get()]
                with suppress(queue.Empty):
                    while True:
                        items.append(out.get_nowait())
                if isinstance(items[-1], _End):
                    end = items.pop()  # type: ignore[assignment]
                if items:
                    yield items  # type: ignore[misc]
        finally:
            if end is None:
                with suppress(RuntimeError):  # the loop was closed, which ended the jobs
                    loop.call_soon_threadsafe(lambda: begun[0].cancel())
                while not isinstance(out.get(), _End):
                    pass
        if end.error is not None:
            raise end.error.with_traceback(None)

    def close(self, finish: Callable[[], Awaitable[None]] | None = None) -> None:
        """Cancels what runs, awaits `finish`, and ends the thread; jobs may be given again afterwards."""
        with self._starting:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_wind_up(finish), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(loop,), name=self._name, daemon=True)
                self._thread.start()
                weakref.finalize(self, _stop, loop)
            return self._loop


def _closed() -> ModelError:
    return ModelError("The model was closed while it answered.", hint="Run again; what was answered is kept.")


async def _run_all(jobs: Sequence[Job[T]], out: queue.SimpleQueue[tuple[int, T] | _End]) -> None:
    stop = threading.Event()
    tickets = [Ticket(stop) for _ in jobs]

    async def run(i: int) -> None:
        out.put((i, await jobs[i](tickets[i])))

    tasks = [asyncio.create_task(run(i)) for i in range(len(jobs))]
    error: BaseException | None = None
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            failures = [t.exception() for t in done if not t.cancelled()]
            error = error or next((e for e in failures if e is not None), None)
            if error is not None:
                stop.set()
                for ticket, task in zip(tickets, tasks, strict=True):
                    if not ticket.under_way:
                        task.cancel()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if error is not None:
        raise error


async def _wind_up(finish: Callable[[], Awaitable[None]] | None) -> None:
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    if finish is not None:
        await finish()
    await asyncio.get_running_loop().shutdown_asyncgens()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # closed already
        loop.call_soon_threadsafe(loop.stop)
