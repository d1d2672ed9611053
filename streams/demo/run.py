"""The demo: a broker, a history, training on it, the services, and clients that go on; each a process of its own."""

import asyncio
import contextlib
import json
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from streams.broker import embedded
from streams.broker.layout import is_free
from streams.config import WORKER_APP_ID, Settings
from streams.demo import figures, summary
from streams.demo.processes import Process, environment
from streams.demo.screen import Screen
from streams.errors import CommandError
from streams.topics import EVENTS

MARKER: Final = ".cw-demo"  # a folder with this file in it is the demo's own, to be emptied
SPEED: Final = 577.0  # simulated seconds in one; the history then ends twelve days ago at this very hour
DAYS: Final = 60
READY_S: Final = 300.0
DRAIN_S: Final = 10.0
CAUGHT_UP_S: Final = 3.0  # a worker that keeps up is a commit interval behind, about a second

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    members: int  # simulated; 0 for none
    seed: int
    duration_s: float | None  # from readiness; None: until it is stopped
    history: tuple[Path, ...]  # viewing exports instead of a simulated history


class Stopped(Exception):
    """SIGINT, SIGTERM or SIGHUP came."""


class Demo:
    """One run. `run` returns 0, or 130 where it was stopped before it was ready."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._plan = plan
        self._home = settings.home / "demo"
        self._settings = replace(settings, home=self._home)
        self._ports = {
            "CW_BROKER_PORT": settings.broker_port,
            "CW_GATEWAY_PORT": settings.gateway_port,
            "CW_WORKER_PORT": settings.worker_port,
            "CW_MONITOR_PORT": settings.monitor_port,
            "CW_OUTCOMES_PORT": settings.outcomes_port,
        }
        self._env = environment(self._home, self._ports)
        self._started: list[Process] = []  # every process, in the order of their start
        self._services: list[Process] = []  # those of them that are to run until the end
        self._screen = Screen()
        self._stop = asyncio.Event()

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        if not self._settings.external_broker:
            # One that was killed could not stop its Kafka.
            await asyncio.to_thread(embedded.stop, self._settings, self._screen.say)
        self._check_ports()
        self._make_home()
        began = time.monotonic()
        try:
            await self._prepare()
            self._screen.say(f"Ready after {time.monotonic() - began:.0f} s.")
            await self._announce()
            measured = await self._live()
        except Stopped:
            return 130
        finally:
            self._screen.end_figures()
            await self._end()
        self._summarise(measured)
        return 0

    # --- before

    def _check_ports(self) -> None:
        for name, port in self._ports.items():
            if name == "CW_BROKER_PORT" and self._settings.external_broker:
                continue
            if not is_free("127.0.0.1", port):
                hint = ", or stop the broker with 'cw broker stop'" if name == "CW_BROKER_PORT" else ""
                raise CommandError(
                    f"port {port} is in use by another program: stop that one{hint}, or set {name} to a free port"
                )

    def _make_home(self) -> None:
        """Empties what an earlier demo left. Raises CommandError where the folder is somebody else's."""
        try:
            if self._home.exists():
                if not (self._home / MARKER).exists():
                    raise CommandError(
                        f"{self._home} is there and is not a demo's folder: set CW_HOME to another folder, or rename it"
                    )
                shutil.rmtree(self._home)
            (self._home / "logs").mkdir(parents=True)
            (self._home / MARKER).touch()
        except OSError as error:
            raise CommandError(
                f"can't use {self._home} ({error.strerror}): set CW_HOME to a folder you can write"
            ) from None

    # --- from nothing to the page

    async def _prepare(self) -> None:
        plan, screen = self._plan, self._screen
        broker = self._process("broker", "broker", "start")
        async with screen.step("Starting Kafka", lambda: broker.last_line):
            await self._unless_stopped(broker.run())
        await self._serve("monitor")
        if plan.history:
            source = self._process("import", "import", "netflix", *map(str, plan.history), "--produce")
            async with screen.step("Importing the viewing exports", lambda: source.last_line):
                await self._unless_stopped(source.run())
            screen.say("\n".join(f"  {line}" for line in source.lines))
        else:
            source = self._simulation(DAYS)
            title = f"Simulating {plan.members} members over {DAYS} days"
            async with screen.step(title, lambda: source.last_line):
                await source.start()
                await self._until(lambda: _sent(source))
            screen.say(f"  {_history_line(source)}")
        bundle = self._home / "bundle"
        training = self._process("train", "train", "--events", "kafka:playback.events", "-o", str(bundle))
        async with screen.step("Training on that history", lambda: training.last_line):
            await self._unless_stopped(training.run())
        for line in training.lines:
            if "sessions judged" in line or line.startswith(("model:", "recency:")):
                screen.say(f"  {line}")
        version = json.loads((bundle / "manifest.json").read_text())["version"]
        async with screen.step("Publishing the bundle"):
            await self._unless_stopped(self._process("publish", "publish", str(bundle)).run())
        # Only now: a row is made when its member does something, so a worker that had been through the history before
        # would show rows in recency order for those who are idle.
        await self._serve("worker")
        async with screen.step("Starting a worker: from the history to rows", lambda: self._waiting_for):
            await self._until(self._worker_caught_up)
        await self._serve("gateway", CW_REQUIRE_MODEL_VERSION=version)
        async with screen.step("Starting the gateway", lambda: self._waiting_for):
            await self._until(self._gateway_ready)
        await self._serve("outcomes")
        if plan.history and plan.members:
            await self._simulation(0).start()

    def _simulation(self, days: int) -> Process:
        plan = self._plan
        source = self._process(
            "simulate", "simulate", "--members", str(plan.members), "--days", str(days), "--seed", str(plan.seed),
            "--produce", "--speed", f"{SPEED:g}",
        )  # fmt: skip
        self._services.append(source)
        return source

    _waiting_for = ""

    async def _worker_caught_up(self) -> bool:
        worker, monitor = await asyncio.gather(
            figures.scrape(self._settings.worker_port), figures.scrape(self._settings.monitor_port)
        )
        self._waiting_for = f"{worker.total('cw_worker_events_applied_total'):,.0f} events"
        behind_s = monitor.values("cw_lag_seconds", group=WORKER_APP_ID, topic=EVENTS)
        return bool(behind_s) and max(behind_s) < CAUGHT_UP_S

    async def _gateway_ready(self) -> bool:
        ready, self._waiting_for = await figures.is_ready(self._settings.gateway_port)
        return ready

    async def _announce(self) -> None:
        known = await figures.members(self._settings.gateway_port)
        self._screen.say(f"\n  The page:  http://127.0.0.1:{self._settings.gateway_port}/\n")
        if known:
            self._screen.say(f"  Why a row stands as it does:  cw row '{known[0]}' --explain")
        self._screen.say("  How it does, judged live by what members then play:  cw live")
        self._screen.say(f"  What was trained:  {self._home / 'bundle' / 'report.html'}")
        until = "ctrl-c" if self._plan.duration_s is None else f"after {self._plan.duration_s:g} s, or by ctrl-c"
        self._screen.say(f"  The end:  {until}\n")

    # --- while it lives

    async def _live(self) -> summary.Measured:
        servers, ready = self._settings.bootstrap_servers, time.monotonic()
        since = await asyncio.to_thread(summary.now, servers)
        duration = self._plan.duration_s
        while not self._stop.is_set() and (duration is None or time.monotonic() - ready < duration):
            for process in self._services:
                process.check()
            self._screen.figures(await self._figures(time.monotonic() - ready))
            left = 1.0 if duration is None else min(1.0, max(0.0, duration - (time.monotonic() - ready)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), left)
        self._screen.end_figures()
        async with self._screen.step("Letting the last events become rows, and measuring"):
            for process in self._services:
                if process.name == "simulate":
                    await process.stop()
            await self._drain()
            return await asyncio.to_thread(summary.measure, servers, since)

    async def _figures(self, seconds: float) -> list[tuple[str, str]]:
        worker, monitor, outcomes = await asyncio.gather(
            figures.scrape(self._settings.worker_port),
            figures.scrape(self._settings.monitor_port),
            figures.scrape(self._settings.outcomes_port),
        )
        return [
            ("running for", f"{seconds:.0f} s"),
            ("events applied", f"{worker.total('cw_worker_events_applied_total'):,.0f}"),
            ("rows sent", f"{worker.total('cw_worker_rows_sent_total'):,.0f}"),
            ("rows recorded as served", f"{worker.total('cw_worker_impressions_sent_total'):,.0f}"),
            ("behind", f"{max(monitor.values('cw_lag_seconds', group=WORKER_APP_ID), default=0):.1f} s"),
            ("right show first", _right(outcomes)),
        ]

    async def _drain(self) -> None:
        """Waits until the worker has committed all events, or for ten seconds."""
        deadline = time.monotonic() + DRAIN_S
        await asyncio.sleep(1.5)  # the monitor looks once a second
        while time.monotonic() < deadline:
            monitor = await figures.scrape(self._settings.monitor_port)
            if monitor.total("cw_lag_records", topic=EVENTS, group=WORKER_APP_ID) == 0:
                return
            await asyncio.sleep(0.5)

    # --- the end

    async def _end(self) -> None:
        with contextlib.suppress(OSError):  # nobody may be reading any more
            self._screen.say("Stopping everything ...")
        for process in reversed(self._started):
            await process.stop()
        if not self._settings.external_broker:
            await asyncio.to_thread(embedded.stop, self._settings, lambda text: None)

    def _summarise(self, measured: summary.Measured) -> None:
        m = measured
        rows = [
            ("events in", f"{m.events:,} (and {m.events_before:,} before, the history)"),
            ("rows out", f"{m.rows:,} (and {m.rows_before:,} before)"),
        ]
        if m.latency_median_ms is None or m.latency_p99_ms is None:
            rows.append(("event to row", "no row was made"))
        else:
            rows.append(("event to row", f"median {m.latency_median_ms:.0f} ms, p99 {m.latency_p99_ms:.0f} ms"))
        rows.append(("sessions that played something", f"{m.sessions:,}"))
        if m.continued:
            rows.append(("  of them went on with their row", f"{m.continued:,}"))
            rows.append(("  right show first, by the model", f"{100 * m.model_right / m.continued:.1f} %"))
            rows.append(("  right show first, by recency", f"{100 * m.recency_right / m.continued:.1f} %"))
        self._screen.summary("Since the page was ready", rows)

    # --- helpers

    def _process(self, name: str, *arguments: str, **env: str) -> Process:
        process = Process(name, list(arguments), {**self._env, **env}, self._home / "logs" / f"{name}.log")
        self._started.append(process)
        return process

    async def _serve(self, name: str, **env: str) -> Process:
        """Starts a process that is to run until the end."""
        process = self._process(name, name, **env)
        self._services.append(process)
        await process.start()
        return process

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Waits until the condition holds. Raises Stopped, or CommandError where a process ended or it takes long."""
        deadline = time.monotonic() + READY_S
        while not await condition():
            for process in self._services:
                process.check()
            if time.monotonic() > deadline:
                raise CommandError(f"not ready within {READY_S:.0f} s: see the logs in {self._home / 'logs'}")
            if self._stop.is_set():
                raise Stopped
            await asyncio.sleep(0.1)

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        """Awaits the work. Raises Stopped as soon as the demo is to stop."""
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            return task.result()
        task.cancel()
        raise Stopped


def _right(outcomes: figures.Scrape) -> str:
    """How live outcomes judge the bundle that serves, beside recency on the same rows."""
    served = sorted(
        (decisions, dict(labels)["version"])
        for (name, labels), decisions in outcomes.samples.items()
        if name == "cw_live_decisions" and dict(labels)["role"] == "served" and dict(labels)["version"] != "recency"
    )
    if not served:
        return "no outcome yet"
    shown = [outcomes.values("cw_live_right_first_ratio", version=served[-1][1], order=o) for o in ("row", "recency")]
    if not all(shown):
        return "no outcome yet"
    return f"{100 * shown[0][0]:.1f} % (by recency {100 * shown[1][0]:.1f} %, {served[-1][0]:.0f} sessions)"


def _history_line(simulation: Process) -> str | None:
    """What `cw simulate` says once, when the history is sent and its members go on live."""
    return next((line for line in simulation.lines if line.startswith("history: ") and " events in " in line), None)


async def _sent(simulation: Process) -> bool:
    return _history_line(simulation) is not None
