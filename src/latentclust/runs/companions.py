"""Start a run's further processes, one for each device, and have them train along."""

import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, get_start_method, parent_process, set_start_method
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port
from lightning.fabric.strategies.ddp import DDPStrategy
from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import distributed

from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator, require_devices
from latentclust.processes import from_first, place_given, world_size
from latentclust.runs.run import Run
from latentclust.settings import Settings, check_settings
from latentclust.settings.trainer import Trainer
from latentclust.signals import ignored
from latentclust.training.strategy import PATIENCE

Work = Callable[[Settings, Run], None]

# By these Lightning knows a process's place, and their threads.
PLACE = ("LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "OMP_NUM_THREADS")
# Seconds in which the first process notices by itself that another has died, and others end by themselves.
GRACE = 20.0


@contextmanager
def together(settings: Settings, run: Run, work: Work) -> Iterator[None]:
    """Run the block as the first of the processes that the settings ask for, the others ``work``.

    Does nothing where they ask for one. Where ``srun`` or ``torchrun`` has started the processes, they only
    meet here; otherwise the others are started, and end with the block at the latest.

    Parameters
    ----------
    settings, run
        What is run; the others are given the same.
    work
        A function of a module, of the settings and a run that writes nothing.

    Raises
    ------
    LatentclustError
        If the machine lacks the devices, or another process has failed.
    """
    trainer, given = settings.trainer, place_given()
    if trainer.n_processes == 1:
        yield
        return
    require_possible(trainer)
    before = {name: os.environ.get(name) for name in PLACE}
    threads = torch.get_num_threads()
    others = Others(trainer.n_processes)
    try:
        if given.world_size == 1:
            others.start(work, settings, run)
        join(trainer, run)
        others.joined = True
        yield
    except (LatentclustError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        if (told := others.failure()) is None:
            raise
        raise LatentclustError(f"{told}; {run.how_to_continue()}") from error
    finally:
        others.end()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        rank_zero_only.rank = 0  # type: ignore[attr-defined]
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def require_possible(trainer: Trainer) -> None:
    """Check that there are as many devices and processes as are asked for.

    Raises
    ------
    LatentclustError
        If there are not.
    """
    given = place_given().world_size
    if given == 1 and trainer.num_nodes > 1:
        raise LatentclustError(
            f"trainer.num_nodes={trainer.num_nodes}: start the command with srun or torchrun, which start a "
            "process for each device of each node; see docs/devices.md"
        )
    if given not in (1, trainer.n_processes):
        raise LatentclustError(
            f"{given} processes were started, and trainer.devices x trainer.num_nodes is "
            f"{trainer.n_processes}: make them equal"
        )
    require_devices(choose_accelerator(trainer.accelerator), trainer.devices)


def join(trainer: Trainer, run: Run) -> None:
    """Meet the other processes; the run's folder is the first one's.

    Raises
    ------
    LatentclustError
        If they cannot meet, as where SLURM was asked for other processes than the settings.
    """
    for name in ("lightning.fabric", "lightning.pytorch"):  # they would announce the processes
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=choose_accelerator(trainer.accelerator),
            devices=trainer.devices,
            num_nodes=trainer.num_nodes,
            strategy=DDPStrategy(timeout=PATIENCE),
            plugins=environment(),
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise LatentclustError(f"the processes cannot meet: {' '.join(str(error).split())}") from error
    run.folder = from_first(run.folder)


def environment() -> list[Any]:
    """Return the plugin that says which process this is; srun and torchrun Lightning knows itself."""
    return [LightningEnvironment()] if place_given().world_size == 1 else []


@dataclass
class Others:
    """The processes that the first one has started.

    Attributes
    ----------
    n
        Of all, the first one among them.
    joined
        Whether all have met.
    """

    n: int
    joined: bool = False

    def __post_init__(self) -> None:
        self.processes: list[SpawnProcess] = []
        self.heard: list[Connection] = []
        self.over = threading.Event()

    def start(self, work: Work, settings: Settings, run: Run) -> None:
        """Start them, deaf to signals: the first process obeys for all."""
        os.environ |= {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(find_free_network_port()),
            "NODE_RANK": "0",
        }
        context = get_context("spawn")
        with ignored(), spawning():
            for rank in range(1, self.n):
                hears, tells = context.Pipe(duplex=False)
                os.environ["LOCAL_RANK"] = str(rank)
                told = work, settings.plain(), run.folder, list(run.arguments), tells
                process = context.Process(target=along, args=told, daemon=True)
                process.start()
                tells.close()
                self.processes.append(process)
                self.heard.append(hears)
        os.environ["LOCAL_RANK"] = "0"
        threading.Thread(target=self._watch, daemon=True).start()

    def failure(self, seconds: float = GRACE / 4) -> str | None:
        """Say which process has failed, and of what; None if none has within some seconds."""
        for heard in wait(self.heard, seconds) if self.heard else ():
            place = self.heard.index(heard)  # type: ignore[arg-type]
            with suppress(EOFError):
                return f"process {place + 2} of {self.n} has failed: {self.heard[place].recv()}"
            self.processes[place].join(seconds)
            code = self.processes[place].exitcode
            if code:
                return f"process {place + 2} of {self.n} has ended with status {code}"
        return None

    def end(self) -> None:
        """Wait for those that have left, and end the others."""
        self.over.set()
        left = self.joined and world_size() == 1
        for process in self.processes:
            process.join(GRACE if left else 0)
            process.kill()
            process.join()

    def _watch(self) -> None:
        """End this process where it waits in vain for one that has died, as it may with NCCL."""
        while not self.over.wait(1.0):
            dead = any(process.exitcode for process in self.processes)
            if dead and not (self.joined and world_size() == 1) and not self.over.wait(GRACE):
                print(f"latentclust: {self.failure(0) or 'another process has died'}", file=sys.stderr)
                os._exit(LatentclustError.exit_code)


@contextmanager
def spawning() -> Iterator[None]:
    """Start processes where a launcher, such as joblib, has a way of its own that they do not know."""
    method = get_start_method(allow_none=True)
    set_start_method("spawn", force=True)
    try:
        yield
    finally:
        set_start_method(method, force=True)


def along(work: Work, plain: dict[str, Any], folder: Path, arguments: list[str], tells: Connection) -> None:
    """Do a further process's work; what goes wrong is told to the first one."""
    silence()
    threading.Thread(target=_end_with_first, daemon=True).start()
    try:
        settings, run = check_settings(plain), Run(folder, arguments)
        join(settings.trainer, run)
        work(settings, run)
    except LatentclustError as error:
        tells.send(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        shown = " ".join(traceback.format_exception_only(error)[-1].split())
        traceback.print_exc()
        tells.send(shown)
        sys.exit(1)


def _end_with_first() -> None:
    first = parent_process()
    assert first is not None
    first.join()
    os._exit(1)


def silence() -> None:
    """Print nothing from here on, and log nothing: the first process does."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    os.dup2(sys.stdout.fileno(), 1)  # what is not of Python prints there
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)


def assist(settings: Settings, work: Work) -> None:
    """Train along in a process that ``srun`` or ``torchrun`` has started, and that is not the first."""
    require_possible(settings.trainer)
    silence()
    with ignored():
        run = Run(Path(os.devnull), ())
        join(settings.trainer, run)
        work(settings, run)
