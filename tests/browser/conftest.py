"""The whole chain as processes: Kafka, worker, gateway, a simulated history; and a headless Chromium on the page."""

import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway_process import GatewayProcess
from kafka import KafkaProducer
from page import Page
from ports import free_port
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from worker_process import WorkerProcess, wait_caught_up, wait_until

from streams import topics
from streams.gateway.ingestion import MAX_EVENTS
from streams.scoring.announcements import LIVE

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1500,1060",
)  # fmt: skip


@pytest.fixture(scope="module")
def gateway(broker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The chain, with twelve simulated members whose history the worker has read; gives its gateway."""
    folder = tmp_path_factory.mktemp("browser")
    history = folder / "history.jsonl"
    # To a file first: such a history ends some time ago, so that the page's clock has room to run fast.
    broker.cw("simulate", "--members", "12", "--days", "30", "--seed", "3", "-o", str(history))
    catalogue = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    for line in (folder / "history.titles.jsonl").read_bytes().splitlines():
        catalogue.send(topics.CATALOG, line, orjson.loads(line)["title_id"].encode())
    catalogue.close()
    with WorkerProcess(broker, folder / "worker") as worker:
        worker.wait_ready()
        env = {
            **broker.env,
            "CW_GATEWAY_PORT": str(free_port()),
            "CW_WORKER_URLS": f"http://127.0.0.1:{worker.port}",
        }
        process = GatewayProcess(env)
        process.start()
        events = history.read_bytes().splitlines()
        for at in range(0, len(events), MAX_EVENTS):
            process.post(b"[" + b",".join(events[at : at + MAX_EVENTS]) + b"]")
        wait_caught_up(broker.bootstrap_servers)
        process.history = history
        yield process
        process.stop()


@pytest.fixture
def model(gateway: GatewayProcess, broker: Any, tmp_path: Path) -> Iterator[str]:
    """A bundle trained on that history serves during the test; its version."""
    broker.cw("train", "--events", str(gateway.history), "-o", str(tmp_path / "bundle"))
    broker.cw("publish", str(tmp_path / "bundle"))
    version = str(orjson.loads((tmp_path / "bundle" / "manifest.json").read_bytes())["version"])
    worker = gateway.env["CW_WORKER_URLS"]

    def serves(name: str) -> bool:
        with urllib.request.urlopen(f"{worker}/readyz", timeout=5) as answer:
            return bool(orjson.loads(answer.read())["model_version"] == name)

    wait_until(lambda: serves(version), 30)
    yield version
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    producer.send(topics.MODELS, None, key=LIVE.encode()).get(20)
    producer.close()
    wait_until(lambda: serves("recency"), 30)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A Chromium with a fresh profile folder."""
    browser = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    driver_path = shutil.which("chromedriver")
    if browser is None or driver_path is None:
        pytest.fail("no Chromium with chromedriver here: run 'make browser'")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        yield driver
    finally:
        if os.environ.get("CW_SCREENSHOTS"):
            driver.save_screenshot(str(Path(os.environ["CW_SCREENSHOTS"]) / f"{tmp_path.name}.png"))
        driver.quit()


@pytest.fixture
def open_page(gateway: GatewayProcess, driver: webdriver.Chrome) -> Callable[..., Page]:
    """Opens the page, once both devices are connected."""

    def open_it(query: str = "") -> Page:
        driver.get(gateway.url + query)
        page = Page(driver)
        page.wait(lambda: page.text("#status") == "live", "both devices connected")
        return page

    return open_it
