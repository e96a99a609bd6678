"""Training or evaluation from a full configuration, in one process or as one of several."""

from __future__ import annotations

import argparse
import logging
import sys

from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.engine import default_setup
from detectron2.evaluation import verify_results
from detectron2.utils import comm
from detectron2.utils.logger import setup_logger
from tabulate import tabulate

from balloon_splash.engine.failures import photo_named_in_one_line, told_in_one_line
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import WeightsError
from balloon_splash.inference.loading import load_chosen
from balloon_splash.web.addresses import without_secrets
from balloon_splash.weights.checkpoint import compare_classes

#: Results of an evaluation: task ("bbox", "segm") to metric ("AP", "AP50", ...) to percent.
Results = dict[str, dict[str, float]]

logger = logging.getLogger(__name__)


def train(cfg: CfgNode, *, resume: bool = False) -> Results:
    """Train, evaluate, and write checkpoints, metrics and pictures to ``cfg.OUTPUT_DIR``.

    Raises:
        ConfigError, DatasetError, WeightsError: the configuration, a dataset or the weights are wrong or missing.
        TrainingError: the run had to end early.
    """
    trainer = BalloonTrainer(cfg)
    trainer.resume_or_load(resume=resume)
    with told_in_one_line(trainer):
        trainer.train()
    return trainer.last_results


def evaluate(cfg: CfgNode) -> Results:
    """Evaluate ``cfg.MODEL.WEIGHTS`` on ``cfg.DATASETS.TEST``; compare with ``TEST.EXPECTED_RESULTS`` if set.

    Raises:
        WeightsError: there are no weights, they do not fit exactly, or they have other classes.
        MediaError: a photo cannot be read.
    """
    if not cfg.MODEL.WEIGHTS:
        raise WeightsError("no weights to evaluate; expected --weights PATH, or --resume for those of the run")
    loaded = load_chosen(cfg)
    for name in cfg.DATASETS.TEST:
        compare_classes(loaded.class_names, MetadataCatalog.get(name).thing_classes, cfg.MODEL.WEIGHTS)
    with photo_named_in_one_line():
        results = BalloonTrainer.test(cfg, loaded.model)
    if comm.is_main_process():
        verify_results(cfg, results)
    return results


def results_table(results: Results) -> str:
    """Return a table of AP in percent, with one row each for boxes and masks."""
    rows = {name: values for name, values in results.items() if values}
    metrics = ["AP", "AP50", "AP75", "APs", "APm", "APl"]
    cells = [[name, *(values.get(metric, float("nan")) for metric in metrics)] for name, values in rows.items()]
    return tabulate(cells, headers=["", *metrics], floatfmt=".1f")


def start_logging(cfg: CfgNode, args: argparse.Namespace, *, verbose: bool) -> None:
    """Log everything to ``<OUTPUT_DIR>/log.txt``, and to the console only warnings, unless ``verbose``.

    Detectron2 fills the screen with the environment, the configuration and the model; people want the progress.
    """
    rank = comm.get_rank()
    # default_setup requests the same loggers again and gets these.
    loggers = [setup_logger(cfg.OUTPUT_DIR, distributed_rank=rank, name="fvcore")]
    loggers += [setup_logger(cfg.OUTPUT_DIR, distributed_rank=rank)]
    loggers += [setup_logger(cfg.OUTPUT_DIR, distributed_rank=rank, name="balloon_splash", abbrev_name="balloon")]
    for each in loggers:
        for handler in each.handlers:
            handler.addFilter(_no_secrets)
            # Detectron2's handler of the log file is also a StreamHandler.
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout and not verbose:
                handler.setLevel(logging.WARNING)
                handler.addFilter(_no_traceback)
    default_setup(cfg, args)


def _no_secrets(record: logging.LogRecord) -> bool:
    """Remove secrets from a log record: Detectron2 logs the configuration, and with it the URL of the weights."""
    record.msg, record.args = without_secrets(record.getMessage()), ()
    return True


def _no_traceback(record: logging.LogRecord) -> bool:
    """Drop the traceback of an error that Detectron2 logs and raises again: the command reports the error."""
    return record.exc_info is None
