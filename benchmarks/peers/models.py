"""The trained models, all of one size, with which translation is measured."""

import json
from pathlib import Path
from typing import Any

from benchmarks.peers import quality
from benchmarks.peers.corpus import Corpus
from benchmarks.peers.decoding import Model
from benchmarks.peers.system import System
from benchmarks.progress import print_progress

SHORT_STEPS = 600  # enough for translations of realistic length


def quality_result(folder: Path) -> dict[str, Any] | None:
    """Return the result of a training in this folder, if it is complete."""
    path = folder / "result.json"
    result: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return result


def trained_model(system: System, corpus: Corpus, work: Path, core: int | None, to_goal: bool) -> Model:
    """Return the best checkpoint of the training `to_goal`, or else that of a short training, which is run once."""
    result = quality_result(work / "quality" / system.name) if to_goal else None
    if result is not None and result["checkpoint"] is not None:
        return Model(system, Path(result["checkpoint"]))
    folder = work / "short" / system.name
    if quality_result(folder) is None:
        print_progress(f"{system.name} has no trained model yet and trains for {SHORT_STEPS} steps")
        goal = quality.TrainingGoal(
            bleu=101.0, max_steps=SHORT_STEPS, checkpoint_interval=SHORT_STEPS, first_scored=SHORT_STEPS + 1
        )
        quality.run(system, corpus, folder, goal, core)
    checkpoints = system.checkpoints(folder)
    return Model(system, checkpoints[max(checkpoints)])
