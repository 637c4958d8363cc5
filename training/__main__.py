"""``python -m training``: train the built-in weights and export them, in one command."""

from __future__ import annotations

from pathlib import Path

import click
import torch

from .checkpoints import load_checkpoint
from .export import export
from .schedule import BUILTIN
from .trainer import TrainingOptions, train


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Folder for checkpoints, the log and builtin.safetensors; a run found there goes on.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
    help="Where scenes are rendered and the network is trained.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Names all random numbers of the run.")
@click.option(
    "--longer",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Take so many times as many steps in each phase; say it again to go on with such a run.",
)
@click.option("--threads", default=0, help="CPU threads; 0 leaves it to torch.")
def train_builtin(output: Path, device: str, seed: int, longer: int, threads: int) -> None:
    """Train ResNet50 for finding copies, from generated pictures alone.

    Needs no data and no network. On two CPU cores it takes about 85 minutes; it can be stopped at
    any time and started again with the same command.
    """
    if threads:
        torch.set_num_threads(threads)
    options = TrainingOptions(seed=seed, schedule=BUILTIN.longer(longer), device=device)
    finished = train(options, output, report=lambda line: click.echo(line, err=True))
    checkpoint = load_checkpoint(finished)
    about = {
        "trained_by": f"python -m training --longer {longer}",
        "seed": str(seed),
        "steps": str(checkpoint.step),
    }
    export(checkpoint.network, output / "builtin.safetensors", about=about)
    click.echo(output / "builtin.safetensors")


if __name__ == "__main__":
    train_builtin()
