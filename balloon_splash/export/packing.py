"""Packing of a checkpoint of a run into one small file to pass on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from torch import nn

from balloon_splash.config import config_folder, config_path
from balloon_splash.engine.out_of_fold import OutOfFold
from balloon_splash.errors import ConfigError, OutputExistsError, UsageError, WeightsError
from balloon_splash.export.checkpoint_file import write_checkpoint
from balloon_splash.export.false_alarms import FalseAlarms, limit_false_alarms
from balloon_splash.export.score_calibration import Calibration, calibrate_scores
from balloon_splash.export.structure import structure_of
from balloon_splash.files import atomic_path
from balloon_splash.inference.loading import LoadedModel, class_names_of, load_chosen
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.progress import ProgressBar
from balloon_splash.runtime.ranges import measure_ranges
from balloon_splash.runtime.structure import Range, Structure
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from balloon_splash.weights.packed import SUFFIX, About, read_about, read_safetensors, relative_errors, write_packed
from balloon_splash.weights.resolve import ChosenModel, choose_model, use_weights
from balloon_splash.weights.soundness import check_weights


@dataclass(frozen=True)
class Packed:
    """Result of packing.

    Attributes:
        path: the file.
        config: its configuration: the name of one of ours, or of the file written beside it.
        n_bytes: its length in bytes.
        sha256: SHA-256 of the file.
        worst_tensor: name of the tensor with the largest relative error.
        worst_error: that error, relative to the tensor's norm.
        calibrated: the change of the scores; None if none was requested.
        false_alarms: the change that limits them; None if none was requested.
        hindrance: why the model needs torch; None where it does not.
    """

    path: Path
    config: str
    n_bytes: int
    sha256: str
    worst_tensor: str
    worst_error: float
    calibrated: Calibration | None
    false_alarms: FalseAlarms | None
    hindrance: str | None


@dataclass(frozen=True)
class Negatives:
    """Pictures without objects, which set how sure the model may be.

    Attributes:
        folder: see :func:`~balloon_splash.export.false_alarms.limit_false_alarms`.
        share: largest share of the pictures with a detection, in [0, 1).
        confidence: lowest score of a detection that counts.
    """

    folder: Path
    share: float
    confidence: float


def pack_weights(
    weights: str | None,
    output: Path,
    *,
    average_with: Sequence[str] = (),
    config_file: str | None = None,
    storage: str = "int8",
    calibration: Sequence[str | Path] = (),
    card: Mapping[str, str] | None = None,
    out_of_fold: Path | None = None,
    negatives: Negatives | None = None,
    opts: Sequence[str] = (),
    overwrite: bool = False,
) -> Packed:
    """Write the weights of a trained model, or their moving average if the run kept one, into a small file.

    A configuration that is not one of ours is written beside the file, without the paths of the run.

    Args:
        weights: path, URL or short name, which has to fit its configuration exactly; see
            :func:`~balloon_splash.weights.resolve.choose_model`.
        output: the file, ``*.safetensors``.
        average_with: weights of the same configuration, whose mean with the first is packed. They have to come from one
            run, or from runs that started from one another, or the mean is useless (Wortsman et al. 2022, "Model
            soups"). Of the classifier that the first started from, the mean is that of the backbones, which gives back
            some of what was forgotten (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"); train the rest
            on it.
        config_file: see :func:`~balloon_splash.weights.resolve.choose_model`.
        storage: ``int8`` or ``fp16``, for each large weight.
        calibration: photos on which the ranges of int8 are measured, so that :mod:`balloon_splash.runtime` computes in
            it; those that the model was trained on are good, and 20 are enough. Without any, a model that was packed
            with ranges keeps them.
        card: facts that go into the file.
        out_of_fold: file of a cross-validation of the model's recipe, by which its scores are calibrated
            (:mod:`~balloon_splash.export.score_calibration`).
        negatives: make the model less sure, by these.
        opts: ``KEY VALUE`` overrides of the configuration.
        overwrite: replace files that are there.

    Raises:
        UsageError: the output has another suffix, a YAML file of its name is not a configuration, or the negatives are
            too few or their settings out of range, or the predictions of ``out_of_fold`` are too few.
        ConfigError, WeightsError: the model cannot be loaded or stored, or the weights to average differ in their
            classes.
        DatasetError, MediaError: the negatives or the calibration photos cannot be read.
        OutputExistsError: a file exists, and ``overwrite`` is false.
    """
    if output.suffix != SUFFIX:
        raise UsageError(f"{output}: expected a name that ends in {SUFFIX} (--output), or --to pth")
    if output.exists() and not overwrite:
        raise OutputExistsError.at(output)
    chosen, loaded, calibrated, limited = _load(weights, average_with, config_file, out_of_fold, negatives, opts)
    state = loaded.model.state_dict()
    structure, hindrance = _structure(loaded, calibration)
    if structure and not calibration and not average_with:
        structure = replace(structure, ranges=_ranges_of(chosen.cfg.MODEL.WEIGHTS))
    config = _config_for(chosen, output, own=bool(opts), overwrite=overwrite)
    about = About(loaded.class_names, config, card or {}, structure.to_json() if structure else None)
    write_packed(output, state, about, storage=storage, overwrite=overwrite)
    errors = relative_errors(state, read_safetensors(str(output))["model"])
    worst = max(errors, key=lambda name: errors[name])
    content = output.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Packed(output, config, len(content), sha256, worst, errors[worst], calibrated, limited, hindrance)


def unpack_weights(
    weights: str,
    output: Path,
    *,
    average_with: Sequence[str] = (),
    config_file: str | None = None,
    out_of_fold: Path | None = None,
    negatives: Negatives | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write a trained model as a ``.pth`` for Detectron2 and other tools; arguments as in :func:`pack_weights`.

    Returns:
        Modules to import before Detectron2 builds the model; see
        :func:`~balloon_splash.export.checkpoint_file.write_checkpoint`.

    Raises:
        UsageError: the output has another suffix, or a YAML file of its name is not a configuration.
        ConfigError, WeightsError, OutputExistsError: as :func:`pack_weights`.
    """
    if output.suffix != ".pth":
        raise UsageError(f"{output}: expected a name that ends in .pth (--output)")
    for file in (output, _beside(output)):
        if file.exists() and not overwrite:
            raise OutputExistsError.at(file)
    _, loaded, _, _ = _load(weights, average_with, config_file, out_of_fold, negatives)
    return write_checkpoint(loaded, output, overwrite=overwrite)


def _load(
    weights: str | None,
    average_with: Sequence[str],
    config_file: str | None,
    out_of_fold: Path | None,
    negatives: Negatives | None,
    opts: Sequence[str] = (),
) -> tuple[ChosenModel, LoadedModel, Calibration | None, FalseAlarms | None]:
    """Load the model to write, with its configuration and what was done about its scores and about false alarms."""
    predictions = OutOfFold.read(out_of_fold) if out_of_fold else None
    chosen = choose_model(config_file, weights, device="cpu", opts=opts)
    # Load as a splash would: weights that do not fit, or have no class names, end here.
    loaded = load_chosen(chosen.cfg)
    _average(loaded, average_with)
    calibrated = calibrate_scores(loaded.model, loaded.class_names, predictions) if predictions else None
    return chosen, loaded, calibrated, None if negatives is None else _limit(loaded, negatives)


def _structure(loaded: LoadedModel, calibration: Sequence[str | Path]) -> tuple[Structure | None, str | None]:
    """Return the runtime's structure, with ranges where there are photos; or else why it cannot run the model."""
    try:
        structure = structure_of(loaded.model, loaded.cfg)
    except ConfigError as error:
        if calibration:
            raise
        return None, str(error)
    if not calibration:
        return structure, None
    weights = {name: value.numpy() for name, value in loaded.model.state_dict().items()}
    images = (read_picture(photo).rgb8 for photo in calibration)
    photos = ProgressBar(images, total=len(calibration), desc="measuring ranges", unit="photo")
    return replace(structure, ranges=measure_ranges(structure, weights, photos)), None


def _ranges_of(weights: str) -> Mapping[str, Range]:
    """Those that the weights were packed with already."""
    about = read_about(weights) if weights.endswith(SUFFIX) and Path(weights).is_file() else None
    return Structure.from_json(about.structure, weights).ranges if about and about.structure else {}


def _average(loaded: LoadedModel, others: Sequence[str]) -> None:
    """Replace the model's weights by their mean with others', in place; each counts alike."""
    mean = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    for number, weights in enumerate(others, start=2):
        for name, value in _further(loaded, weights).state_dict().items():
            if value.is_floating_point():
                mean[name].lerp_(value, 1 / number)
    loaded.model.load_state_dict(mean)


def _further(loaded: LoadedModel, weights: str) -> nn.Module:
    """The same model with further weights, of which those of a classifier replace the backbone's alone."""
    cfg = loaded.cfg.clone()
    use_weights(cfg, weights)
    if not cfg.MODEL.WEIGHTS:
        raise WeightsError(f"--average-with {weights}: found no weights; expected a model or a classifier")
    model: nn.Module = deepcopy(loaded.model)
    checkpointer = SafeCheckpointer(model, fit=Fit.PRETRAINED)
    extras = checkpointer.load(cfg.MODEL.WEIGHTS)
    is_classifier = bool(checkpointer.started_anew)
    if not is_classifier and (names := class_names_of(cfg, extras)) != loaded.class_names:
        raise WeightsError(
            f"{weights}: classes {', '.join(names)}; expected {', '.join(loaded.class_names)}, as in the first"
        )
    check_weights(model)
    return model


def _limit(loaded: LoadedModel, negatives: Negatives) -> FalseAlarms:
    segmenter = Segmenter(*loaded, confidence=negatives.confidence)
    return limit_false_alarms(segmenter, negatives.folder, negatives.share)


def _beside(output: Path) -> Path:
    """Return the file for the configuration of a model.

    Raises:
        UsageError: it exists and is not a configuration, but a dataset file for instance.
    """
    path = output.with_suffix(".yaml")
    if path.exists() and not _is_config(path):
        raise UsageError(
            f"{path}: found another kind of file where the configuration of {output.name} belongs; expected another "
            "name in --output"
        )
    return path


def _is_config(path: Path) -> bool:
    """Return whether a file has the keys with which every configuration begins."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, ValueError):
        return False
    return isinstance(document, dict) and not document.keys().isdisjoint({"_BASE_", "MODEL"})


def _config_for(chosen: ChosenModel, output: Path, *, own: bool, overwrite: bool) -> str:
    """The name by which the packed file will find its configuration.

    That is written beside the file if it is not one of ours, or one of ours with changes of its ``own``.
    """
    path = config_path(chosen.config_file).resolve()
    ours = config_folder().resolve()
    if path.is_relative_to(ours) and not own:
        return path.relative_to(ours).as_posix()
    cfg = chosen.cfg.clone()
    cfg.MODEL.WEIGHTS, cfg.OUTPUT_DIR = "", "output"
    beside = _beside(output)
    with atomic_path(beside, overwrite=overwrite) as temporary:
        temporary.write_text(cfg.dump(), encoding="utf-8")
    return beside.name
