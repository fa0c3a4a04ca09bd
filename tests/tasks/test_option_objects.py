"""A user's own layer whose options are dataclasses and objects of the user's classes is trained, resumed and loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import LANGUAGE, write_corpus

from seq2seq.__main__ import main
from tests.tasks import my_options

MODULE = "my_options"
LAYER = f"""{{
  class_path: {MODULE}.LeakyRNN,
  init_args: {{
    memory: {{leak: {{rate: 0.25, order: SECOND}}, lags: [0.5, 2]}},
    activation: {{class_path: {MODULE}.Scaled, init_args: {{factor: 0.5, inner: {MODULE}.Tanh}}}},
    filters: [{MODULE}.Tanh, {{class_path: {MODULE}.Scaled, init_args: {{factor: 2.0, inner: {MODULE}.Tanh}}}}],
    gain: {{class_path: {MODULE}.Gain, init_args: {{initial: 0.75}}}},
    bound: {MODULE}.clamp
  }}
}}"""
# prints what a new process loads: the step, the options of the first layer, and whether the weights are those stored
LOAD = f"""
import json, sys
import torch
from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.tasks.loading import open_checkpoint

path = sys.argv[1]
assert main(["sample", path, "--length", "2"]) == 1
assert "{MODULE}" not in sys.modules
assert main(["sample", path, "--length", "2", "--trust", "{MODULE}"]) == 0
content = checkpoint.load(path)
network = open_checkpoint(path, trust=["{MODULE}"]).network
weights, stored = network.state_dict(), content["state_dict"]
layer = network.stack.layers[0]
def describe(value):
    inner = [value.factor, describe(value.inner)] if hasattr(value, "inner") else []
    return [type(value).__name__, *inner]
print()
print(json.dumps({{
    "step": content["global_step"],
    "memory": repr(layer.memory),
    "activation": describe(layer.activation),
    "filters": [describe(part) for part in layer.filters],
    "gain": type(layer.gain).__name__,
    "shared": layer.gain is network.stack.layers[1].gain,
    "bound": layer.bound.__name__,
    "after": describe(layer.after),
    "equal": weights.keys() == stored.keys() and all(torch.equal(weights[name], stored[name]) for name in stored),
}}))
"""


def test_options_of_the_users_classes_survive_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("SEQ2SEQ_RUN", raising=False)
    Path(f"{MODULE}.py").write_bytes(Path(my_options.__file__).read_bytes())
    write_corpus(Path("corpus"))
    config = LANGUAGE.replace("CORPUS", "corpus").replace("size: 16,", f"size: 16, layer: {LAYER},")
    Path("own.yaml").write_text(config.replace("max_steps: 40, val_check_interval: 40", "val_check_interval: 2"))
    assert main(["fit", "--config", "own.yaml", "--trainer.max_steps", "2"]) == 0
    assert main(["fit", "--config", "own.yaml", "--trainer.max_steps", "4", "--resume"]) == 0
    path = str(Path("runs", "own", "1", "checkpoints", "last.ckpt"))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert f"trust its module with --trust {MODULE}" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "step": 4,
        "memory": "Memory(leak=Leak(rate=0.25, order=<Order.SECOND: 2>), update='add', lags=(0.5, 2.0))",
        "activation": ["Scaled", 0.5, ["Tanh"]],
        "filters": [["Tanh"], ["Scaled", 2.0, ["Tanh"]]],
        "gain": "Gain",
        "shared": True,  # as in the training, where one factory makes both layers
        "bound": "clamp",
        "after": ["Scaled", 1.0, ["Tanh"]],
        "equal": True,
    }
