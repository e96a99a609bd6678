"""Hooks around each training step, beyond Detectron2's own."""

from __future__ import annotations

from typing import Any

from detectron2.engine import HookBase, hooks
from detectron2.utils.events import CommonMetricPrinter, get_event_storage

from balloon_splash.data.training.loader import seed_everything
from balloon_splash.progress import ProgressBar


class IterationSeed(HookBase):
    """Hook that seeds the sampling of anchors and proposals, so that a step does not depend on those before it.

    Without it, a resumed run would draw other samples than one that never stopped.
    """

    def __init__(self, seed: int, rank: int = 0) -> None:
        """Use ``seed`` (not negative) for the whole run, and other numbers in the process of each ``rank``."""
        self.seed = seed
        #: Keeps these seeds apart from those of the data loader, which also consist of a seed and a number.
        self._stream = 1 + rank

    def before_step(self) -> None:
        """Seed the global generators."""
        seed_everything(self.seed, self.trainer.iter, self._stream)


class BestCheckpointer(hooks.BestCheckpointer):
    """Detectron2's hook with a memory: a resumed run does not replace the best checkpoint with a worse one."""

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far and its step; saved with each checkpoint."""
        return {"best_metric": self.best_metric, "best_iter": self.best_iter}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.best_metric, self.best_iter = state["best_metric"], state["best_iter"]


class MetricPrinter(CommonMetricPrinter):
    """Detectron2's writer of log lines, which writes each iteration once.

    Detectron2 writes again where a run ends. In the first iterations of a process its estimate of the time left divides
    by the iterations since the last line, and a run interrupted just after a line would end with a ZeroDivisionError.
    """

    def __init__(self, max_iter: int) -> None:
        """Print the progress towards ``max_iter``."""
        super().__init__(max_iter)
        self._written: int | None = None

    def write(self) -> None:
        """Write a line, unless this iteration has one."""
        iteration = get_event_storage().iter
        if iteration != self._written:
            super().write()
            self._written = iteration


class Progress(HookBase):
    """Progress line with the loss, the pace and the time left."""

    def before_train(self) -> None:
        """Start the line; a resumed run starts it part-filled."""
        self._bar = ProgressBar(
            total=self.trainer.max_iter, initial=self.trainer.start_iter, desc="training", unit="it", dynamic_ncols=True
        )

    def after_step(self) -> None:
        """Advance by one step."""
        loss = self.trainer.storage.latest().get("total_loss")
        if loss is not None:
            self._bar.set_postfix(loss=f"{loss[0]:.3f}", refresh=False)
        self._bar.update()

    def after_train(self) -> None:
        """End the line."""
        self._bar.close()
