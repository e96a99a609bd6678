"""Workers of a batch: tasks through Ray Data to an actor per core or GPU, and one row for each task."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import cast

import ray
import ray.data
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from balloon_splash import __version__
from balloon_splash.batch.record import Row, failed_row
from balloon_splash.batch.tasks import Task
from balloon_splash.batch.worker import SplashWorker
from balloon_splash.errors import UsageError
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.options import SplashOptions

MOST_PER_BLOCK = 64
"""Most tasks that a worker gets at once, hence that are done again where a machine is lost."""

RETRIES = 1
"""Further attempts at a block whose worker has died; after these, each of its tasks gets a block of its own, with as
many."""


@dataclass(frozen=True)
class WorkerPool:
    """Workers of a batch.

    Attributes:
        options: of the splash.
        load: gives the model.
        count: number of workers at first.
        most: number of workers that a growing cluster may get; None has no bound.
        on_gpus: whether each has a GPU in place of a core.
    """

    options: SplashOptions
    load: Callable[[], Finder]
    count: int
    most: int | None = None
    on_gpus: bool = False

    def rows(self, tasks: Sequence[Task]) -> Iterator[Row]:
        """Yield one row for each task, as they are done.

        Raises:
            UsageError: the cluster failed.
        """
        waiting = {task.name: task for task in tasks if not task.clash}
        for task in tasks:
            if task.clash:
                error = f"{task.output}: would be the result of {task.clash}, too; expected inputs of different names"
                yield failed_row(task.name, error)
        # A worker that dies takes its block with it, which Ray Data tries again and then leaves out. Alone in a block,
        # only the task that does it is left out.
        for per_block in dict.fromkeys((self._per_block(len(waiting)), 1)):
            if not waiting:
                return
            for row in self._through_ray(list(waiting.values()), per_block):
                if waiting.pop(row["input"], None) is not None:
                    yield row
        for task in waiting.values():
            error = f"{task.name}: its worker died each time, as happens when memory runs out; expected a smaller file"
            yield failed_row(task.name, error)

    def _per_block(self, total: int) -> int:
        return max(1, min(MOST_PER_BLOCK, total // (4 * self.count)))

    def _through_ray(self, tasks: Sequence[Task], per_block: int) -> Iterator[Row]:
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current().copy()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1
        blocks = -(-len(tasks) // per_block)
        with ray.data.DataContext.current(context):
            data = ray.data.from_items([asdict(task) for task in tasks], override_num_blocks=blocks)
            # Ray Data's own default starts a worker again without a bound, however often the same file kills it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RayDeprecationWarning)  # of the last two, without a successor so far
                results = data.map_batches(
                    SplashWorker,
                    fn_constructor_args=(__version__, self.load, self.options),
                    batch_size=None,
                    batch_format="pyarrow",
                    num_cpus=0 if self.on_gpus else 1,
                    num_gpus=1 if self.on_gpus else 0,
                    compute=ray.data.ActorPoolStrategy(
                        min_size=1, max_size=self.most, initial_size=min(self.count, blocks)
                    ),
                    max_restarts=-1,
                    max_task_retries=RETRIES,
                )
        try:
            for row in results.iter_rows():
                yield cast(Row, row | {"notes": list(row["notes"])})
        except RayError as error:
            raise UsageError(f"the cluster failed: {str(error).strip().rpartition(chr(10))[2]}") from error
