"""A user's own layers, attention, output layer, loss, tokenizer, search and task work by import path, as they are."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seq2seq import checkpoint
from seq2seq.nn.attention import Encoding
from seq2seq.nn.output import OutputInput
from tests.tasks import my_extensions
from tests.tasks.my_extensions import CoverageAttention, PointerOutput

MODULE = "my_extensions"
WORDS = [f"w{index}" for index in range(30)]

COPYING = f"""
data:
  class_path: TranslationData
  init_args: {{corpus: CORPUS, source: words, target: copies, tokenizer: Words, batch_tokens: 100}}
model:
  class_path: {MODULE}.CoverageTranslator
  init_args:
    size: 12
    depth: 1
    dropout: 0
    encoder: {{class_path: {MODULE}.IndRNN, init_args: {{decay: 0.8}}}}
    decoder: {MODULE}.IndRNN
    attention: {MODULE}.CoverageAttention
    output: {{class_path: {MODULE}.PointerOutput, init_args: {{copy_bias: 2.0}}}}
trainer: {{max_steps: 6, val_check_interval: 3, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}}
"""
TEXT = """
data: {class_path: LanguageData, init_args: {corpus: CORPUS, tokenizer: Words, batch_size: 4, steps: 10}}
model: {class_path: LanguageModel, init_args: {size: 8}}
trainer: {max_steps: 2, accelerator: cpu, devices: 1}
"""
LABELING = f"""
data: {{class_path: {MODULE}.LabelData, init_args: {{corpus: CORPUS}}}}
model: {{class_path: {MODULE}.LabelTraining, init_args: {{size: 48}}}}
trainer: {{max_steps: STEPS, val_check_interval: 2, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}}
optimizer: {{class_path: AdamW, init_args: {{lr: 0.05}}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the user's module, a corpus to copy and one to label, and configurations."""
    folder = tmp_path_factory.mktemp("user")
    (folder / f"{MODULE}.py").write_bytes(Path(my_extensions.__file__).read_bytes())
    rng = random.Random(1)
    for split, count in (("train", 60), ("val", 30), ("test", 12)):
        lines = [rng.choices(WORDS, k=rng.randint(2, 6)) for _ in range(count)]
        labels = [["even" if int(word[1:]) % 2 == 0 else "odd" for word in line] for line in lines]
        for suffix, texts in (("words", lines), ("copies", lines), ("labels", labels)):
            (folder / f"{split}.{suffix}").write_text("".join(" ".join(text) + "\n" for text in texts))
    (folder / "copying.yaml").write_text(COPYING.replace("CORPUS", str(folder)))
    (folder / "text.yaml").write_text(TEXT.replace("CORPUS", str(folder / "train.words")))
    (folder / "labeling.yaml").write_text(LABELING.replace("CORPUS", str(folder)).replace("STEPS", "40"))
    return folder


def run(folder: Path, *arguments: str, input_text: str = "", fails: bool = False) -> str:
    """Run `seq2seq` in a process of its own, in the folder of the user's module; return its output."""
    command = [sys.executable, "-m", "seq2seq", *arguments]
    done = subprocess.run(command, cwd=folder, input=input_text, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def test_a_translator_of_foreign_parts_trains_resumes_and_translates(folder: Path) -> None:
    run(folder, "fit", "--config", "copying.yaml")
    run(folder, "fit", "--config", "copying.yaml", "--resume", "--trainer.max_steps", "9")
    whole = ["--config", "copying.yaml", "--name", "whole", "--trainer.max_steps", "9"]
    run(folder, "fit", *whole)
    resumed, direct = (
        checkpoint.load(folder / "runs" / name / "1" / "checkpoints" / "last.ckpt")["state_dict"]
        for name in ("copying", "whole")
    )
    assert all(torch.equal(weight, direct[name]) for name, weight in resumed.items())
    assert {name.partition(".")[0] for name in resumed} >= {"encoder", "decoder", "output"}
    line = f"{WORDS[3]} {WORDS[4]}\n"
    refused = run(folder, "translate", "runs/copying", input_text=line, fails=True)
    assert f"trust its module with --trust {MODULE}" in refused
    own_search = ["--search", f"{MODULE}.BestOf", "--width", "3"]
    for options in (["--beams", "3"], ["--beams", "1"], ["--precision", "int8"], own_search):
        assert run(folder, "translate", "runs/copying", "--trust", MODULE, *options, input_text=line).count("\n") == 1
    scored = run(
        folder, "score", "runs/copying", "--trust", MODULE, "--source", "test.words", "--target", "test.copies"
    )
    assert len(scored.splitlines()) == 12
    compare = ["compare", "--config", "copying.yaml", "--layers", "GRU", "--budget", "tokens"]
    assert "GRU" in run(folder, *compare, "--output", "copied", "--steps", "4", "--seeds", "1")


def test_a_foreign_encoder_layer_that_is_not_causal_trains_and_translates(folder: Path) -> None:
    convolution = ["--model.encoder", f"{MODULE}.GatedConvolution", "--model.encoder.width", "5"]
    run(folder, "fit", "--config", "copying.yaml", "--name", "convolved", *convolution)
    weights = checkpoint.load(folder / "runs" / "convolved" / "1" / "checkpoints" / "last.ckpt")["state_dict"]
    assert weights["encoder.layers.0.convolution.weight"].shape == (2 * 12, 12, 5)
    line = f"{WORDS[3]} {WORDS[4]}\n"
    for precision in ("float32", "int8"):
        options = ["--trust", MODULE, "--precision", precision]
        assert run(folder, "translate", "runs/convolved", *options, input_text=line).count("\n") == 1
    compare = ["compare", "--config", "copying.yaml", "--layers", f"{MODULE}.GatedConvolution/GRU"]
    compared = run(folder, *compare, "--budget", "tokens", "--output", "both", "--steps", "4", "--seeds", "1")
    assert "GatedConvolution" in compared
    for option in ("--model.decoder", "--model.layer"):
        config = "copying.yaml" if option == "--model.decoder" else "text.yaml"
        refused = run(folder, "fit", "--config", config, option, f"{MODULE}.GatedConvolution", fails=True)
        reason = f"is no Recurrence, as {option.removeprefix('--')} must be"
        assert refused == f"seq2seq: {MODULE}.GatedConvolution {reason}\n"


def test_a_foreign_task_trains_resumes_and_is_evaluated_compared_and_inspected(folder: Path) -> None:
    output = run(folder, "fit", "--config", "labeling.yaml", "--trainer.max_steps", "20")
    assert output.count("labels: ") == 10
    run(folder, "fit", "--config", "labeling.yaml", "--resume", "--trainer.max_steps", "40")
    evaluated = run(folder, "evaluate", "runs/labeling", "--trust", MODULE, "--json")
    assert json.loads(evaluated)["accuracy"] > 90  # the label is a function of the word alone
    predicted = run(folder, "predict", "--config", "labeling.yaml", "--ckpt-path", "runs/labeling/1")
    assert [len(line.split()) for line in predicted.splitlines()] == [
        len(line.split()) for line in (folder / "test.labels").read_text().splitlines()
    ]
    inspect = ["inspect", "gradients", "runs/labeling", "--trust", MODULE, "--steps", "3", "--windows", "2"]
    assert "labeling" in run(folder, *inspect)
    refused = run(folder, "translate", "runs/labeling", "--trust", MODULE, input_text="w1\n", fails=True)
    assert "a translator is needed here" in refused
    assert "is a labeler" in refused
    compare = ["compare", "--config", "labeling.yaml", "--layers", "GRU", f"{MODULE}.IndRNN:decay=0.5"]
    compared = run(folder, *compare, "--budget", "tokens", "--output", "compared", "--steps", "4", "--seeds", "1")
    assert "GRU" in compared
    assert "IndRNN" in compared


def test_the_copying_output_is_a_distribution_and_uses_the_coverage(folder: Path) -> None:
    torch.manual_seed(1)
    attention, output = CoverageAttention(6, 4), PointerOutput(6, 4, 9)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    source = torch.randint(4, 9, (2, 5)).masked_fill(~mask, 0)
    memory = attention.project_keys(Encoding(torch.randn(2, 5, 4), torch.randn(2, 4), mask))
    queries = torch.randn(2, 7, 6)
    context, weights, coverage = attention(queries, memory)
    torch.testing.assert_close(coverage, weights.sum(dim=1))
    x = OutputInput(queries, context, weights, source)
    probabilities = output.logits(x).exp()
    torch.testing.assert_close(probabilities.sum(dim=2), torch.ones(2, 7), atol=1e-5, rtol=1e-5)
    targets = torch.randint(1, 9, (2, 7))
    loss = output.loss(x, targets, 0.1)
    torch.testing.assert_close(loss.nats, output.token_nats(x, targets).sum())
    loss.smoothed.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in output.parameters())
    restricted = output.restrict(torch.tensor([[1, 4, 7], [2, 5, -1]]))
    logits = restricted.logits(x.steps(0, 1), torch.tensor([0, 1]))
    torch.testing.assert_close(logits[0], output.logits(x)[0, 0, [1, 4, 7]])
    assert logits[1, 2] == -torch.inf
