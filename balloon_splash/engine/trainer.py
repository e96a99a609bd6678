"""Training loop: Detectron2's ``DefaultTrainer``, extended to resume exactly and to keep the best checkpoint."""

from __future__ import annotations

import logging
import weakref
from pathlib import Path
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog, build_detection_test_loader
from detectron2.engine import AMPTrainer, DefaultTrainer, HookBase, SimpleTrainer, TrainerBase
from detectron2.engine.hooks import EvalHook, PeriodicCheckpointer
from detectron2.evaluation import DatasetEvaluator, DatasetEvaluators
from detectron2.modeling import GeneralizedRCNNWithTTA
from detectron2.utils import comm
from detectron2.utils.events import CommonMetricPrinter, EventWriter, get_event_storage, has_event_storage
from detectron2.utils.logger import setup_logger
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from balloon_splash.config_mistakes import check_value
from balloon_splash.data.training.loader import build_train_loader, end_quietly
from balloon_splash.data.training.mapper import build_evaluation_mapper
from balloon_splash.devices import has_bf16
from balloon_splash.engine.averaging import WeightAverage
from balloon_splash.engine.evaluation import AveragePrecision, PredictionPictures
from balloon_splash.engine.hooks import BestCheckpointer, IterationSeed, MetricPrinter, Progress
from balloon_splash.engine.interruption import KeepInterrupted
from balloon_splash.engine.optimizer import build_optimizer
from balloon_splash.engine.processes import spread
from balloon_splash.errors import ConfigError
from balloon_splash.modeling.part_names import check_part_names
from balloon_splash.progress import say
from balloon_splash.weights.checkpoint import AVERAGE, Fit, SafeCheckpointer
from balloon_splash.wording import counted

logger = logging.getLogger(__name__)


class BalloonTrainer(DefaultTrainer):
    """Trainer of any Detectron2 model on any registered dataset, as configured.

    Beyond ``DefaultTrainer``: COCO box and mask AP and pictures of predictions at each evaluation, the best
    checkpoint beside the last, resuming with the losses of a run that never stopped, bfloat16 on CPU and GPU, and an
    error for weights that do not fit.

    Attributes:
        interruption: hook that keeps the steps of an interrupted run; None in runs of several processes.
    """

    interruption: KeepInterrupted | None = None

    def __init__(self, cfg: CfgNode) -> None:
        """Build model, optimizer, loader and hooks from a full configuration.

        Raises:
            ConfigError: there is no choice of a name, or the device cannot do the mixed precision.
        """
        cfg = _with_common_statistics(_without_imitated_bf16(cfg))
        _check_choices(cfg)
        amp = cfg.SOLVER.AMP
        if amp.ENABLED and amp.PRECISION == "fp16" and not cfg.MODEL.DEVICE.startswith("cuda"):
            raise ConfigError(f"SOLVER.AMP.PRECISION is 'fp16' on {cfg.MODEL.DEVICE!r}; expected 'bf16' without a GPU")
        # Not DefaultTrainer's: it spreads over GPUs only, and leaves no choice of the checkpointer.
        TrainerBase.__init__(self)
        if not logging.getLogger("detectron2").isEnabledFor(logging.INFO):
            setup_logger()
        self.cfg = cfg = self.auto_scale_workers(cfg, comm.get_world_size())
        model: Any = self.build_model(cfg)
        if amp.ENABLED and amp.PRECISION == "bf16" and not getattr(model, "bf16_training", False):
            raise ConfigError(
                f"SOLVER.AMP.PRECISION is 'bf16' for {cfg.MODEL.META_ARCHITECTURE}, which cannot; "
                "expected BalloonRCNN, 'fp16' on a GPU, or SOLVER.AMP.ENABLED: False"
            )
        if cfg.SOLVER.CHANNELS_LAST:
            model.to(memory_format=torch.channels_last)
        optimizer = self.build_optimizer(cfg, model)
        # In bfloat16 the model casts by itself; it has float32's range and needs no scaled loss.
        scaled = amp.ENABLED and amp.PRECISION == "fp16"
        step_by_step = AMPTrainer if scaled else SimpleTrainer
        self._trainer = step_by_step(spread(model), self.build_train_loader(cfg), optimizer)
        self.scheduler = self.build_lr_scheduler(cfg, optimizer)
        self.checkpointer = SafeCheckpointer(
            self.model,
            cfg.OUTPUT_DIR,
            fit=Fit.NEW_CLASS_HEADS if cfg.MODEL.BALLOON.NEW_CLASS_HEADS else Fit.PRETRAINED,
            new_layers=cfg.MODEL.BALLOON.NEW_LAYERS,
            class_names=MetadataCatalog.get(cfg.DATASETS.TRAIN[0]).thing_classes,
            keep=cfg.SOLVER.KEEP_CHECKPOINTS,
            trainer=weakref.proxy(self),
        )
        self.start_iter, self.max_iter = 0, cfg.SOLVER.MAX_ITER
        self.register_hooks(self.build_hooks())

    def build_hooks(self) -> list[HookBase | None]:
        """Detectron2's hooks, and ours among them."""
        cfg = self.cfg
        hooks = [IterationSeed(max(cfg.SEED, 0), comm.get_rank()), *super().build_hooks()]
        if cfg.SOLVER.EMA_DECAY:
            hooks = self._with_average(hooks)
        if not comm.is_main_process():
            return hooks
        # A checkpoint holds the best value so far, so it is written after the evaluation, not before as in Detectron2;
        # metrics are written last, once all hooks have added theirs.
        (saver,) = (hook for hook in hooks if isinstance(hook, PeriodicCheckpointer))
        *others, writer = (hook for hook in hooks if hook is not saver)
        best = BestCheckpointer(cfg.TEST.EVAL_PERIOD, self.checkpointer, best_metric(cfg))
        if comm.get_world_size() == 1:
            self.interruption = KeepInterrupted(self.checkpointer)
            evaluations = next(index for index, hook in enumerate(others) if isinstance(hook, EvalHook))
            others.insert(evaluations, self.interruption)
        return [*others, best, saver, writer, Progress()]

    def build_writers(self) -> list[EventWriter]:
        """Build Detectron2's writers, with a printer that can be interrupted at any moment."""
        return [
            MetricPrinter(self.max_iter) if isinstance(writer, CommonMetricPrinter) else writer
            for writer in super().build_writers()
        ]

    def _with_average(self, hooks: list[HookBase | None]) -> list[HookBase | None]:
        """Average the weights right after each step; evaluate and save the average as well."""
        model: Any = getattr(self.model, "module", self.model)  # inside DDP with several processes
        average = WeightAverage(model, self.cfg.SOLVER.EMA_DECAY)
        self.checkpointer.add_checkpointable(AVERAGE, average.model)

        def test_average() -> dict[str, dict[str, float]]:
            self._last_eval_results = self.test(self.cfg, average.model)
            return self._last_eval_results

        evaluation = EvalHook(self.cfg.TEST.EVAL_PERIOD, test_average)
        return [average, *(evaluation if isinstance(hook, EvalHook) else hook for hook in hooks)]

    def resume_or_load(self, resume: bool = True) -> None:
        """Resume as ``DefaultTrainer`` does; the batches continue where they stopped."""
        super().resume_or_load(resume)
        if self.checkpointer.started_anew and comm.is_main_process():
            layers = ", ".join(self.checkpointer.started_anew)
            say(f"note: these layers start from random weights, as intended; the file has none for them: {layers}")
        self.data_loader.batch_sampler.start = self.start_iter
        if resume and self.start_iter >= self.max_iter:
            if comm.is_main_process():
                say(
                    f"note: nothing left to train after {counted(self.start_iter, 'step')}; "
                    f"SOLVER.MAX_ITER is {self.max_iter}"
                )
            # It may have been killed after the last step, before this was written.
            self.checkpointer.save("model_final", iteration=self.iter)

    def after_train(self) -> None:
        """End as ``DefaultTrainer`` does, but do not evaluate a run that broke off in its last step."""
        if self.iter < self.max_iter:
            left_out = (EvalHook, BestCheckpointer)
            self._hooks: list[HookBase] = [hook for hook in self._hooks if not isinstance(hook, left_out)]
        super().after_train()

    @property
    def last_results(self) -> dict[str, dict[str, float]]:
        """Results of the last evaluation: task to metric to percent."""
        return self._last_eval_results

    @classmethod
    def test(cls, cfg: CfgNode, model: nn.Module, evaluators: list[DatasetEvaluator] | None = None) -> Any:
        """Test as ``DefaultTrainer``; with ``TEST.AUG.ENABLED``, on the mean over flips and ``TEST.AUG.MIN_SIZES``."""
        tested = GeneralizedRCNNWithTTA(cfg, model) if cfg.TEST.AUG.ENABLED else model
        return super().test(cfg, tested, evaluators)

    @classmethod
    def build_model(cls, cfg: CfgNode) -> nn.Module:
        """Build Detectron2's model; only the parts that ``MODEL.BALLOON.TRAIN_ONLY`` names learn, if it names any."""
        check_part_names(cfg)
        model: nn.Module = super().build_model(cfg)
        only = tuple(cfg.MODEL.BALLOON.TRAIN_ONLY)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and (not only or name.startswith(only)))
        return model

    @classmethod
    def build_train_loader(cls, cfg: CfgNode) -> DataLoader[Any]:
        """See :func:`balloon_splash.data.training.loader.build_train_loader`."""
        return build_train_loader(cfg)

    @classmethod
    def build_test_loader(cls, cfg: CfgNode, dataset_name: str) -> Any:
        """Build a loader as ``DefaultTrainer`` does; photos are read, and its processes end, as in training."""
        loader: Any = build_detection_test_loader(cfg, dataset_name, mapper=build_evaluation_mapper(cfg))
        loader.worker_init_fn = end_quietly
        return loader

    @classmethod
    def build_optimizer(cls, cfg: CfgNode, model: nn.Module) -> Optimizer:
        """See :func:`balloon_splash.engine.optimizer.build_optimizer`."""
        return build_optimizer(cfg, model)

    @classmethod
    def build_lr_scheduler(cls, cfg: CfgNode, optimizer: Optimizer) -> LRScheduler:
        """Build Detectron2's schedule; leave out steps that a shorter ``MAX_ITER`` does not reach."""
        reached = cfg.clone()
        reached.defrost()
        reached.SOLVER.STEPS = tuple(step for step in cfg.SOLVER.STEPS if step < cfg.SOLVER.MAX_ITER)
        return super().build_lr_scheduler(reached, optimizer)

    @classmethod
    def build_evaluator(cls, cfg: CfgNode, dataset_name: str) -> DatasetEvaluator:
        """Build evaluators: COCO AP for boxes and masks, and pictures of the predictions."""
        folder = Path(cfg.OUTPUT_DIR, "inference", dataset_name)
        step = f"{get_event_storage().iter:07d}" if has_event_storage() else "final"
        return DatasetEvaluators(
            [
                AveragePrecision(dataset_name, folder, max_detections=cfg.TEST.DETECTIONS_PER_IMAGE),
                PredictionPictures(dataset_name, folder / "pictures" / step, limit=cfg.TEST.NUM_PICTURES),
            ]
        )


def _check_choices(cfg: CfgNode) -> None:
    """Check what is used only after the model is built, or for the first photo."""
    check_value(cfg, "SOLVER.AMP.PRECISION", ("bf16", "fp16"))
    check_value(cfg, "INPUT.FORMAT", ("BGR", "RGB", "L", "YUV-BT.601"))
    check_value(cfg, "INPUT.MASK_FORMAT", ("polygon", "bitmask"))
    if cfg.MODEL.MASK_ON and cfg.MODEL.ROI_MASK_HEAD.POINT_HEAD_ON and cfg.INPUT.MASK_FORMAT != "bitmask":
        raise ConfigError(
            "INPUT.MASK_FORMAT is 'polygon'; expected bitmask with MODEL.ROI_MASK_HEAD.POINT_HEAD_ON: True"
        )
    check_value(cfg, "SOLVER.LR_SCHEDULER_NAME", ("WarmupMultiStepLR", "WarmupCosineLR", "WarmupStepWithFixedGammaLR"))
    task, _, metric = cfg.TEST.BEST_METRIC.partition("/")
    if task in ("bbox", "segm", "boundary") and not metric.startswith("AP"):
        raise ConfigError(f"TEST.BEST_METRIC is {cfg.TEST.BEST_METRIC!r}; expected {task}/AP, {task}/AP50, ...")
    for key in ("MAX_ITER", "CHECKPOINT_PERIOD"):
        if cfg.SOLVER[key] < 1:
            raise ConfigError(f"SOLVER.{key} is {cfg.SOLVER[key]}; expected 1 or more")


def _without_imitated_bf16(cfg: CfgNode) -> CfgNode:
    """Return ``cfg`` with bfloat16 off where the device would emulate it, which takes longer than fp32."""
    amp, device = cfg.SOLVER.AMP, cfg.MODEL.DEVICE
    if not (amp.ENABLED and amp.PRECISION == "bf16") or has_bf16(device):
        return cfg
    logger.info("%s does not compute in bfloat16 natively: training in fp32", device)
    in_fp32 = cfg.clone()
    in_fp32.defrost()
    in_fp32.SOLVER.AMP.ENABLED = False
    in_fp32.freeze()
    return in_fp32


def _with_common_statistics(cfg: CfgNode) -> CfgNode:
    """Return ``cfg`` with batch normalisation over the photos of all processes, as one process has for the whole batch.

    In plain ``BN`` each process normalises by its own photos, and keeps running statistics of its own.
    """
    if comm.get_world_size() == 1:
        return cfg
    # torch's works on GPUs only. Of Detectron2's own, this one counts: processes differ in their regions.
    common = "SyncBN" if cfg.MODEL.DEVICE.startswith("cuda") else "naiveSyncBN_N"
    synced = cfg.clone()
    synced.defrost()
    for part in (synced.MODEL.RESNETS, synced.MODEL.FPN, synced.MODEL.ROI_BOX_HEAD, synced.MODEL.ROI_MASK_HEAD):
        if part.NORM == "BN":
            part.NORM = common
    synced.freeze()
    return synced


def best_metric(cfg: CfgNode) -> str:
    """Return the name under which ``TEST.BEST_METRIC`` of the first test set is recorded."""
    metric = cfg.TEST.BEST_METRIC
    if metric.startswith("segm/") and not cfg.MODEL.MASK_ON:
        metric = metric.replace("segm/", "bbox/")
    return f"{cfg.DATASETS.TEST[0]}/{metric}" if len(cfg.DATASETS.TEST) > 1 else metric
