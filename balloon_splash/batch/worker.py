"""Worker of a batch, which holds a model and turns tasks into results and rows."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pyarrow

from balloon_splash import __version__
from balloon_splash.batch.record import Row, as_table, failed_row
from balloon_splash.batch.store import Place
from balloon_splash.batch.tasks import Task
from balloon_splash.errors import MediaError, UsageError, one_line
from balloon_splash.media.formats import ANIMATED, format_of
from balloon_splash.media.inputs import Source
from balloon_splash.media.limits import media_limits
from balloon_splash.media.opening import quiet_libraries
from balloon_splash.splasher.finder import Finder, NamedFinder
from balloon_splash.splasher.finding import model_finder
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.outcomes import Job, Outcome
from balloon_splash.splasher.photo_batch import splash_photos
from balloon_splash.splasher.photo_results import PhotoResults
from balloon_splash.splasher.splasher import Splashed


@dataclass(frozen=True)
class StoredSource(Source):
    """A photo or video of another machine, read when its turn comes.

    Attributes:
        address: where.
    """

    address: str = ""

    @property
    def is_pipe(self) -> bool:
        """It can be read more than once."""
        return False

    def read(self, *, allow_private: bool = False) -> bytes:
        """Read the bytes of the file.

        Raises:
            MediaError: cannot be read, or is too large.
        """
        return Place(self.address).read(most=media_limits().max_file_bytes)

    @contextlib.contextmanager
    def local_file(self, *, allow_private: bool = False) -> Iterator[Path]:
        """Yield a temporary file with the bytes that are there.

        Raises:
            MediaError: cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="balloon_splash_") as folder:
            path = Path(folder) / self.relative.name
            Place(self.address).fetch(path)
            yield path


class SplashWorker:
    """Splashes blocks of tasks; one per core or GPU, each with a model of its own."""

    def __init__(self, version: str, load: Callable[[], Finder], options: SplashOptions) -> None:
        """Load the model.

        Args:
            version: of the package, where the batch was started.
            load: gives the model.
            options: of the splash.

        Raises:
            UsageError: this machine has another version of the package.
            BalloonSplashError: the model cannot be loaded.
        """
        if version != __version__:
            raise UsageError(f"balloon_splash {__version__} on a worker, {version} where the batch was started")
        quiet_libraries()
        self._options = replace(options, existing="overwrite")  # what exists is what an attempt that broke off has left
        self._finder: NamedFinder = model_finder(load(), tiles=options.tiles, add_boxes=options.add_boxes)

    def __call__(self, block: pyarrow.Table) -> pyarrow.Table:
        """Turn columns of :class:`Task` into columns of the record, a row for each task."""
        tasks = [Task(**values) for values in block.to_pylist()]
        try:
            rows = self.splash(tasks)
        except Exception as error:  # a bug, which Ray Data would answer by leaving out the whole block
            rows = [self._alone(task) for task in tasks] if len(tasks) > 1 else [_unexpected(tasks[0], error)]
        return as_table(rows)

    def _alone(self, task: Task) -> Row:
        try:
            return self.splash([task])[0]
        except Exception as error:
            return _unexpected(task, error)

    def splash(self, tasks: Sequence[Task]) -> list[Row]:
        """Write the result of each task; a row for each, in order. What fails is in its row."""
        rows: dict[str, Row] = {}
        started = time.monotonic()

        def report(outcome: Outcome, task: Task) -> None:
            nonlocal started
            now = time.monotonic()
            rows[task.input] = row_of(task, outcome, now - started)
            started = now

        with tempfile.TemporaryDirectory(prefix="balloon_splash_batch_") as folder:
            jobs: list[tuple[Task, Job]] = []
            for number, task in enumerate(tasks):
                target = Place(task.output).local or Path(folder, str(number), PurePosixPath(task.output).name)
                try:
                    jobs.append((task, Job(_source(task, Path(folder, f"{number}.in")), target, suffix_open=True)))
                except MediaError as error:
                    report(Outcome(Job(Source(task.name, Path(task.relative)), None), error=str(error)), task)
            self._splash_photos([(t, j) for t, j in jobs if not j.source.is_video], report)
            self._splash_videos([(t, j) for t, j in jobs if j.source.is_video], report)
        return [rows[task.input] for task in tasks]

    def _splash_photos(self, jobs: Sequence[tuple[Task, Job]], report: Callable[[Outcome, Task], None]) -> None:
        options = self._options
        tasks = {id(job.source): task for task, job in jobs}
        twins = frozenset(job.target for task, job in jobs if task.twin and job.target)
        results = PhotoResults(options.files, twins=twins)

        def write(job: Job, splashed: Splashed) -> tuple[str, ...]:
            notes = results(job, splashed)
            assert job.target is not None
            _upload(job.target, tasks[id(job.source)])
            return notes

        splash_photos(
            [job for _, job in jobs],
            self._finder,
            options.look,
            options.selection,
            write,
            batch_size=options.batch_size,
            allow_private=options.allow_private_urls,
            report=lambda outcome: report(outcome, tasks[id(outcome.job.source)]),
        )

    def _splash_videos(self, jobs: Sequence[tuple[Task, Job]], report: Callable[[Outcome, Task], None]) -> None:
        if not jobs:
            return
        from balloon_splash.splasher.video_batch import splash_videos  # with PyAV, which photos do not need

        options = self._options
        for task, job in jobs:
            (outcome,) = splash_videos(
                [job],
                self._finder,
                options.look,
                options.selection,
                options.video,
                allow_private=options.allow_private_urls,
            ).outcomes
            if outcome.error is None and outcome.job.target is not None:
                try:
                    _upload(outcome.job.target, task)
                except MediaError as error:
                    outcome = Outcome(job, error=str(error))
            report(outcome, task)


def row_of(task: Task, outcome: Outcome, seconds: float) -> Row:
    """Return a row of the record; ``seconds`` are those since the worker's last result."""
    failed = outcome.error is not None or outcome.job.target is None
    name = None if failed or outcome.job.target is None else outcome.job.target.name
    return {
        "input": task.name,
        "output": None if name is None else f"{Place(task.output).folder.address}/{name}",
        "objects": None if failed else outcome.kept,
        "seconds": round(seconds, 3),
        "error": outcome.error,
        "notes": list(outcome.notes),
    }


def _unexpected(task: Task, error: Exception) -> Row:
    return failed_row(task.name, f"{task.name}: {type(error).__name__}, which is a bug: {one_line(error)}")


def _source(task: Task, spool: Path) -> Source:
    """Source of a task. What may be an animation is fetched at once, as only the file tells."""
    place = Place(task.input)
    if place.local is not None or task.input.startswith(("http://", "https://")):
        return task.source
    relative = Path(task.relative)
    if format_of(relative) not in ANIMATED:
        return StoredSource(place.name, relative, address=task.input)
    place.fetch(spool)
    return Source(place.name, relative, spool=spool)


def _upload(target: Path, task: Task) -> None:
    """Move the files of a result to where they belong, the splash last; it is what tells that all are there.

    Raises:
        MediaError: cannot be written.
    """
    place = Place(task.output)
    if place.local is not None:
        return
    files = sorted(target.parent.iterdir(), key=lambda path: (path == target, path.name))
    for path in files:
        Place(f"{place.folder.address}/{path.name}").write(path.read_bytes())
        path.unlink()
