"""Processes of one run: their start, their meeting point, their common end."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import pickle
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from detectron2.utils import comm
from torch import distributed, nn
from torch.distributed.rendezvous import rendezvous
from torch.multiprocessing.spawn import ProcessContext, ProcessException, start_processes
from torch.nn.parallel import DistributedDataParallel

from balloon_splash import errors
from balloon_splash.errors import BalloonSplashError, TrainingError, UsageError

Main = Callable[[argparse.Namespace], Any]

_EXIT_BUG, _EXIT_USAGE, _EXIT_INTERRUPTED = 1, 2, 130
_FINE = 0

HEARD_WITHIN = 3.0
"""Seconds in which a process hears that another one has failed, too; only one of them reports."""

MEETING = timedelta(minutes=10)
"""Time for the other processes to be started; torchrun has a bound of its own."""

_FOR_EVER = timedelta(days=365)
_LOST = "was killed, as happens when memory runs out, or its machine was lost"
_NEXT = "all have ended; expected the same command again, with --resume if a checkpoint is written"


@dataclass(frozen=True)
class Place:
    """Place of a process in a run of several.

    Attributes:
        rank: its number, from 0 to ``world_size - 1``.
        world_size: number of processes on all machines.
        local_rank: its number among those of its machine.
        local_world_size: number of processes per machine.
        meeting_point: for ``torch.distributed``: ``tcp://HOST:PORT``, or ``env://`` where the environment has it.
    """

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    meeting_point: str = "env://"


def launch_processes(main: Main, args: argparse.Namespace) -> None:
    """Run ``main(args)`` in each process of the run.

    * Under ``torchrun`` and ``srun`` the processes exist: this is one of them.
    * With ``--num-gpus`` above 1, this process starts one for each GPU, or that many on the CPU.
    * Otherwise this process is the only one, or with ``--num-machines`` the only one of its machine.

    Raises:
        UsageError: options or environment contradict each other, or the processes do not meet.
        TrainingError: a process that this one started was killed.
    """
    place = _place_in_environment(args)
    if place is not None:
        _take_part(place, main, args)
    elif args.num_gpus > 1:
        _start_several(main, args)
    elif args.num_machines > 1:
        _take_part(Place(args.machine_rank, args.num_machines, 0, 1, _dist_url(args)), main, args)
    else:
        main(args)


def spread(model: nn.Module) -> nn.Module:
    """Return ``model`` in ``DistributedDataParallel`` where there are several processes, else as it is.

    Detectron2's ``create_ddp_model`` names a device by default, which torch refuses for a model on the CPU.
    """
    if comm.get_world_size() == 1:
        return model
    on_gpu = next(model.parameters()).device.type == "cuda"
    devices = [torch.cuda.current_device()] if on_gpu else None
    return DistributedDataParallel(model, device_ids=devices, broadcast_buffers=False)


def _place_in_environment(args: argparse.Namespace) -> Place | None:
    """Return the place that ``torchrun`` or ``srun`` gives this process; None where neither started it."""
    for started_by, found in (("torchrun", _place_by_torchrun()), ("srun", _place_by_slurm(args.dist_url))):
        if found is None or (started_by == "srun" and args.num_machines > 1):
            continue
        if args.num_machines > 1 or args.num_gpus > 1:
            raise UsageError(
                f"--num-machines {args.num_machines} and --num-gpus {args.num_gpus}, but {started_by} started "
                f"{found.world_size} processes; expected 1 of each, as {started_by} says how many there are"
            )
        return found
    return None


def _place_by_torchrun() -> Place | None:
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    rank, world_size, local_rank, local_world_size = (int(os.environ[name]) for name in names)
    return Place(rank, world_size, local_rank, local_world_size)


def _place_by_slurm(dist_url: str) -> Place | None:
    """Read ``srun``'s variables; a batch script has ``SLURM_NTASKS`` and ``SLURM_PROCID``, too, and is not a task."""
    world_size = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if world_size == 1:
        return None
    rank, local_rank = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_LOCALID"])
    local_world_size, rest = divmod(world_size, int(os.environ.get("SLURM_STEP_NUM_NODES", 1)))
    if rest or local_rank != rank % local_world_size:
        raise UsageError(
            f"task {rank} of {world_size} is number {local_rank} of its node; expected equally many tasks on each "
            "node, with consecutive numbers: srun --ntasks-per-node N --distribution block"
        )
    if "MASTER_ADDR" in os.environ and "MASTER_PORT" in os.environ:
        url = f"tcp://{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    else:
        job = int(os.environ.get("SLURM_JOB_ID", 0)) * 31 + int(os.environ.get("SLURM_STEP_ID", 0))
        url = f"tcp://{_first_host(os.environ.get('SLURM_STEP_NODELIST', '127.0.0.1'))}:{20000 + job % 10000}"
    return Place(rank, world_size, local_rank, local_world_size, url if dist_url == "auto" else dist_url)


def _first_host(nodes: str) -> str:
    """Return the first of the hosts in Slurm's notation: ``node07`` in ``node[07-09,12],big1``."""
    return re.sub(r"\[([^],-]*)[^]]*\]", r"\1", re.split(r",(?![^[]*\])", nodes)[0])


def _dist_url(args: argparse.Namespace) -> str:
    """Check ``--dist-url`` of a run over machines, and return it.

    Raises:
        UsageError: it does not name a place that all can reach, or ``--machine-rank`` is too large.
    """
    if not re.fullmatch(r"tcp://.+:\d+", args.dist_url):
        raise UsageError(
            f"--dist-url {args.dist_url} with --num-machines {args.num_machines}; expected the first machine's address "
            "and a free port of it, as tcp://10.0.0.1:29500"
        )
    if not 0 <= args.machine_rank < args.num_machines:
        raise UsageError(f"--machine-rank {args.machine_rank}; expected 0 to {args.num_machines - 1}")
    return str(args.dist_url)


def _start_several(main: Main, args: argparse.Namespace) -> None:
    """Start the processes of this machine and wait for them."""
    on_cpu = (args.device or "").startswith("cpu")
    if not on_cpu and args.num_gpus > torch.cuda.device_count():
        raise UsageError(
            f"--num-gpus {args.num_gpus}, but torch sees {torch.cuda.device_count()} here; expected as many GPUs, or "
            "--device cpu for processes on the CPU"
        )
    url = _dist_url(args) if args.num_machines > 1 else f"tcp://127.0.0.1:{_free_port()}"
    context = start_processes(_started, (url, main, args), nprocs=args.num_gpus, join=False, daemon=False)
    assert context is not None
    try:
        while not context.join():
            pass
    except ProcessException as error:
        raise (_failure(context) or error) from None


def _started(local_rank: int, url: str, main: Main, args: argparse.Namespace) -> None:
    """Run one of the started processes."""
    first = args.machine_rank * args.num_gpus
    place = Place(first + local_rank, args.num_machines * args.num_gpus, local_rank, args.num_gpus, url)
    if (args.device or "").startswith("cpu") and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // args.num_gpus))
    _take_part(place, main, args, report=False)


def _failure(context: ProcessContext) -> BalloonSplashError | None:
    """Return why started processes ended, as one line; None for a bug, whose traceback is to be shown."""
    reports = [Path(name) for name in context.error_files if Path(name).is_file() and Path(name).stat().st_size]
    for report in reports:
        last_line = pickle.loads(report.read_bytes()).strip().rpartition("\n")[2]
        if found := re.fullmatch(r"balloon_splash\.errors\.(\w+): (.*)", last_line):
            return getattr(errors, found[1])(found[2])
    killed = [
        number
        for number, process in enumerate(context.processes)
        if process.exitcode is not None and process.exitcode < 0 and process.exitcode != -signal.SIGTERM
    ]
    if killed or not reports:
        which = f"process {killed[0]} of this machine" if killed else "a process of another machine"
        return TrainingError(f"{which} {_LOST}; {_NEXT}")
    return None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _take_part(place: Place, main: Main, args: argparse.Namespace, *, report: bool = True) -> None:
    """Meet the other processes, run ``main(args)``, and end as they do."""
    on_gpu = torch.cuda.is_available() and not (args.device or "").startswith("cpu")
    if on_gpu:  # Slurm may show each task its own GPU alone, which has number 0 then
        torch.cuda.set_device(place.local_rank % torch.cuda.device_count())
    backend = "nccl" if on_gpu else "gloo"
    try:
        if place.meeting_point == "env://":
            distributed.init_process_group(backend)
        else:
            if place.rank == 0:
                print(f"waiting for {place.world_size} processes at {place.meeting_point}", file=sys.stderr)
            store, *_ = next(rendezvous(place.meeting_point, place.rank, place.world_size, timeout=MEETING))
            distributed.init_process_group(backend, store=store, rank=place.rank, world_size=place.world_size)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"process {place.rank} of {place.world_size} cannot meet the others at {place.meeting_point} ({reason}); "
            "expected the address of the machine of process 0, with a port that is free there"
        ) from error
    try:
        comm.create_local_process_group(place.local_world_size)
        with _ending_together(report=report) if place.world_size > 1 else contextlib.nullcontext():
            main(args)
    finally:
        distributed.destroy_process_group()


@contextlib.contextmanager
def _ending_together(*, report: bool) -> Iterator[None]:
    """End all processes when one of them fails, is interrupted or dies inside the block.

    Args:
        report: print a line where a process dies without one.
    """
    ring = _Ring(report=report)
    try:
        yield
    except BaseException as error:
        # What breaks here may have broken elsewhere first: a connection to a process that has died, or the same
        # mistake in the configuration, which process 0 reports.
        interrupted = isinstance(error, KeyboardInterrupt)
        if not interrupted and not (isinstance(error, BalloonSplashError) and comm.is_main_process()):
            ring.wait(HEARD_WITHIN)
        known = _EXIT_USAGE if isinstance(error, BalloonSplashError) else _EXIT_BUG
        ring.leave(_EXIT_INTERRUPTED if interrupted else known)
        raise
    ring.leave(_FINE)
    ring.wait()


class _Ring:
    """Ring in which each process waits for a message of the next one, whose connection closes when it dies.

    The message is the exit code with which all are to end. It travels round the ring, each connection carries one.
    """

    def __init__(self, *, report: bool) -> None:
        self._report = report
        self._failed = False
        # Apart from the group that trains, whose messages must keep their order, and in gloo on GPUs, too.
        self._group = distributed.new_group(backend="gloo", timeout=_FOR_EVER)
        self._previous = (comm.get_rank() - 1) % comm.get_world_size()
        self._next = (comm.get_rank() + 1) % comm.get_world_size()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the next process to finish; where one has failed, this process ends meanwhile."""
        self._thread.join(seconds)

    def leave(self, code: int) -> None:
        """Send the exit code round; where it is a failure's, this process ends as it likes."""
        self._failed = code != _FINE
        self._tell(code)

    def _tell(self, code: int) -> None:
        """Send an exit code to the previous process, if it still lives."""

        def send() -> None:
            with contextlib.suppress(RuntimeError):
                distributed.send(torch.tensor([code]), dst=self._previous, group=self._group)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        sending.join(HEARD_WITHIN)

    def _listen(self) -> None:
        message = torch.zeros(1, dtype=torch.int64)
        try:
            distributed.recv(message, src=self._next, group=self._group)
            code = int(message)
        except RuntimeError:
            code = _EXIT_USAGE
            if self._report and not self._failed:
                print(f"error: process {self._next} of {comm.get_world_size()} {_LOST}; {_NEXT}", file=sys.stderr)
        if code == _FINE or self._failed:
            return
        self._tell(code)
        for child in multiprocessing.active_children():  # those that load photos
            child.kill()
        sys.stderr.flush()
        os._exit(code)
