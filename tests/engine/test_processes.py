"""Two processes learn what one learns, and evaluate and write as one."""

from __future__ import annotations

import argparse
import json
import os
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import EventStorage

from balloon_splash.cli.train import build_parser
from balloon_splash.config import load_config
from balloon_splash.engine.processes import launch_processes, spread
from balloon_splash.engine.trainer import BalloonTrainer
from tests.conftest import TINY, example_batch
from tests.engine.two_processes import NOT_RANDOM, ended, opts, register_shapes, two

LOSSES = ("total_loss", "loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls", "loss_rpn_loc")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are not forked there")


@pytest.fixture(autouse=True)
def _shapes() -> None:
    register_shapes()


class StopError(Exception):
    """Stands for whatever ends a run in the middle."""


def learn(cfg: CfgNode, *, resume: bool = False, stop_before: int | None = None) -> dict[str, Any]:
    """Train; the losses of each step, which process 0 has, what was drawn, and the weights and their average."""
    losses: dict[int, dict[str, float]] = {}

    class Recording(BalloonTrainer):
        def after_step(self) -> None:
            losses[self.iter] = {name: self.storage.latest()[name][0] for name in LOSSES if comm.is_main_process()}
            super().after_step()

        def before_step(self) -> None:
            if self.iter == stop_before:
                raise StopError
            super().before_step()

    seed_all_rng(cfg.SEED + 1 + comm.get_rank())  # other random weights in each, as in a run
    trainer = Recording(cfg)
    trainer.resume_or_load(resume=resume)
    if not resume:
        seen = torch.load(str(Path(cfg.OUTPUT_DIR).parent / "start.pth"))
        trainer.checkpointer.model.load_state_dict(seen)
    draws = list(islice(iter(trainer.data_loader.batch_sampler), 4))
    try:
        trainer.train()
    except StopError:
        return {}
    (average,) = (hook.model for hook in trainer._hooks if hasattr(hook, "model") and hasattr(hook, "_average"))
    weights = {name: value.detach().clone() for name, value in trainer.checkpointer.model.state_dict().items()}
    found = {"losses": losses, "draws": draws, "weights": weights, "average": average.state_dict()}
    return found | {"results": trainer.last_results}


def gradients(model: torch.nn.Module, batch: list[dict[str, object]]) -> list[torch.Tensor]:
    model.zero_grad()
    with EventStorage(0):
        sum(model(batch).values()).backward()
    return [each.grad.clone() for each in model.parameters() if each.grad is not None]


def gradients_of_two() -> dict[str, list[torch.Tensor]]:
    """Return gradients of two photos: in two processes, of each photo in one, and of both in one."""
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *NOT_RANDOM, "MODEL.RESNETS.NORM", "FrozenBN"])
    seed_all_rng(1 + comm.get_rank())
    model = spread(build_model(cfg))
    batch = example_batch()
    own = gradients(model, [batch[comm.get_rank()]])
    alone: torch.nn.Module = getattr(model, "module", model)
    first, second, whole = (gradients(alone, part) for part in (batch[:1], batch[1:], batch))
    return {"own": own, "halves": [(a + b) / 2 for a, b in zip(first, second, strict=True)], "whole": whole}


def _learn_in_two(rank: int, port: int, folder: Path) -> None:
    """As ``srun -n 2`` starts them."""
    os.environ |= {
        "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip

    def task(_: argparse.Namespace) -> None:
        cfg, parts = (load_config("balloon_R18_FPN.yaml", opts(folder / name)) for name in ("two", "parts"))
        found = {"whole": learn(cfg), "stopped": learn(parts, stop_before=3), "rest": learn(parts, resume=True)}
        found["gradients"] = gradients_of_two()
        (folder / f"{rank}.pkl").write_bytes(pickle.dumps(found))

    launch_processes(task, build_parser().parse_args([]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run of one process, and what two processes had: the same run, one that was stopped and resumed."""
    folder = tmp_path_factory.mktemp("runs")
    register_shapes()
    cfg = load_config("balloon_R18_FPN.yaml", opts(folder / "one"))
    seed_all_rng(7)
    torch.save(build_model(cfg).state_dict(), folder / "start.pth")
    started = two(_learn_in_two, folder, folder)
    one = learn(cfg)
    codes = ended(started)
    assert codes == [0, 0], (folder / "0.txt").read_text()[-3000:] + (folder / "1.txt").read_text()[-3000:]
    first, second = (pickle.loads((folder / f"{rank}.pkl").read_bytes()) for rank in (0, 1))
    return {"folder": folder, "start": torch.load(folder / "start.pth"), "one": one, "first": first, "second": second}


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference of a tensor, as a share of it; Detectron2's synchronised BN does not count its batches."""
    names = [name for name in one if not name.endswith("num_batches_tracked")]
    return max(float((one[name] - other[name]).norm() / (one[name].norm() + 1e-6)) for name in names)


def test_two_processes_have_the_losses_of_one_with_the_whole_batch(runs: dict[str, Any]) -> None:
    one, two = runs["one"]["losses"], runs["first"]["whole"]["losses"]
    assert sorted(one) == sorted(two) == list(range(4))
    for step, losses in one.items():
        assert two[step]["total_loss"] == pytest.approx(losses["total_loss"], rel=0.03), f"step {step}"
        if step < 2:  # before small differences have grown
            assert two[step] == pytest.approx(losses, rel=0.03, abs=0.01), f"step {step}"


def test_two_processes_end_with_the_same_weights_and_nearly_those_of_one(runs: dict[str, Any]) -> None:
    for part in ("weights", "average"):
        assert apart(runs["first"]["whole"][part], runs["second"]["whole"][part]) == 0, part
        one, two, start = (_flat(each) for each in (runs["one"][part], runs["first"]["whole"][part], runs["start"]))
        assert (two - one).norm() < 0.5 * (one - start).norm(), part


def _flat(weights: dict[str, torch.Tensor]) -> torch.Tensor:
    learned = [each for name, each in weights.items() if name.endswith(("weight", "bias"))]
    return torch.cat([each.ravel() for each in learned])


def test_the_gradient_of_two_processes_is_the_mean_of_theirs(runs: dict[str, Any]) -> None:
    for rank in ("first", "second"):
        found = runs[rank]["gradients"]
        for own, halves in zip(found["own"], found["halves"], strict=True):
            assert torch.allclose(own, halves, rtol=1e-3, atol=1e-6)
    own, whole = (torch.cat([each.ravel() for each in found[name]]) for name in ("own", "whole"))
    assert (own - whole).norm() < 0.05 * whole.norm()


def test_two_processes_draw_what_one_draws_and_no_photo_twice(runs: dict[str, Any]) -> None:
    parts = zip(runs["first"]["whole"]["draws"], runs["second"]["whole"]["draws"], strict=True)
    together = [[*first, *second] for first, second in parts]
    assert together == runs["one"]["draws"]
    numbers = [number for batch in together for _, number in batch]
    assert len(set(numbers)) == len(numbers)
    # 7 photos, each twice by its repeat factor: of 14 draws in a row no index comes again.
    first_epoch = [index for batch in together for index, number in batch if number < 14]
    assert len(set(first_epoch)) == len(first_epoch)


def test_a_resumed_run_of_two_processes_has_the_losses_of_one_that_never_stopped(runs: dict[str, Any]) -> None:
    whole, rest = runs["first"]["whole"], runs["first"]["rest"]
    assert sorted(rest["losses"]) == [2, 3]
    assert all(rest["losses"][step] == whole["losses"][step] for step in rest["losses"])
    for part in ("weights", "average"):
        assert apart(whole[part], rest[part]) == 0, part


def test_one_process_resumes_what_two_began_with_the_same_photos(runs: dict[str, Any]) -> None:
    folder = runs["folder"] / "parts"
    (folder / "model_final.pth").unlink()
    (folder / "model_0000003.pth").unlink()
    (folder / "last_checkpoint").write_text("model_0000001.pth")
    rest = learn(load_config("balloon_R18_FPN.yaml", opts(folder)), resume=True)
    for step, losses in rest["losses"].items():
        whole = runs["first"]["whole"]["losses"][step]["total_loss"]
        assert losses["total_loss"] == pytest.approx(whole, rel=0.05), f"step {step}"


def test_an_evaluation_gathers_what_all_have_found_and_one_process_writes(runs: dict[str, Any]) -> None:
    folder: Path = runs["folder"] / "two"
    found = json.loads((folder / "inference/shapes_of_two_val/coco_instances_results.json").read_text())
    assert {each["image_id"] for each in found} == {0, 1, 2}
    assert set(runs["first"]["whole"]["results"]) == {"bbox", "segm", "boundary"}
    assert not runs["second"]["whole"]["results"]
    names = sorted(path.name for path in folder.glob("*.pth"))
    assert names == ["model_0000001.pth", "model_0000003.pth", "model_best.pth", "model_final.pth"]
    assert len(list(folder.glob("events.out.*"))) == 1


@pytest.mark.parametrize(
    "head",
    [
        [],
        ["MODEL.ROI_MASK_HEAD.NAME", "MaskScoringHead"],
        ["MODEL.ROI_MASK_HEAD.NAME", "PointRefinedMaskHead", "MODEL.ROI_MASK_HEAD.POOLER_TYPE", ""],
    ],
)
def test_photos_without_objects_give_each_weight_a_gradient_which_the_other_processes_wait_for(head: list[str]) -> None:
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *head])
    model = build_model(cfg)
    batch = [photo | {"instances": photo["instances"][:0]} for photo in example_batch()]  # type: ignore[index]
    gradients(model, batch)
    assert [name for name, each in model.named_parameters() if each.requires_grad and each.grad is None] == []
