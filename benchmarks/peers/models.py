"""The trained models that translation is measured with, all of one size."""

import json
from pathlib import Path
from typing import Any

from benchmarks.peers import quality
from benchmarks.peers.corpus import Corpus
from benchmarks.peers.decoding import Model
from benchmarks.peers.system import System
from benchmarks.progress import tell

SHORT = 600  # steps of a model that only has to say something about as long as a translation


def raced(folder: Path) -> dict[str, Any] | None:
    """What a race found there, if it came to its end."""
    path = folder / "result.json"
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def trained(system: System, corpus: Corpus, work: Path, core: int | None, from_race: bool) -> Model:
    """The race's best checkpoint, if it has the size, or that of a short training, which is done once."""
    found = raced(work / "quality" / system.name) if from_race else None
    if found is not None and found["checkpoint"] is not None:
        return Model(system, Path(found["checkpoint"]))
    folder = work / "short" / system.name
    if raced(folder) is None:
        tell(f"{system.name} has no trained model yet, so it trains {SHORT} steps")
        race = quality.Race(goal=101.0, steps=SHORT, every=SHORT, first=SHORT + 1)
        quality.run(system, corpus, folder, race, core)
    checkpoints = system.checkpoints(folder)
    return Model(system, checkpoints[max(checkpoints)])
