"""Tests of `seq2seq fit|validate|test|predict`: linked options, runs, resuming and evaluation."""

import dataclasses
import math
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from experiments import (
    LANGUAGE,
    TRANSLATION,
    CommandResult,
    checkpoint,
    metrics,
    same_bits,
    same_training,
    seq2seq,
    write_config,
)
from experiments import write_corpus as write

from seq2seq.checkpoint import save
from seq2seq.commands.dataclass_options import find_class
from seq2seq.commands.experiment import Experiment
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.search import Beam, Greedy, Sampling, Search
from seq2seq.special_tokens import EOS
from seq2seq.tasks import load_text_generator, load_translation
from seq2seq.training import WarmupCosine

SCHEDULE = "lr_scheduler: {class_path: WarmupCosine, init_args: {warmup: 2}}\n"


class Workspace(NamedTuple):
    """A folder with two configurations, `t` of a translator and `w` of a language model, and their runs."""

    folder: Path
    corpus: Path

    def __call__(self, command: str, name: str, *options: str | Path) -> CommandResult:
        runs = ("--runs", self.folder) if command == "fit" else ()
        return seq2seq(command, "--config", self.folder / f"{name}.yaml", *runs, *options)

    def run(self, name: str, number: int = 1) -> Path:
        return self.folder / name / str(number)


def make_workspace(folder: Path, corpus: Path) -> Workspace:
    for name, text in (("t", TRANSLATION), ("w", LANGUAGE.replace("/text.txt", ""))):
        write_config(folder, text, corpus, name)
    return Workspace(folder, corpus)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Workspace:
    """Both configurations, trained; must not be changed."""
    trained_workspace = make_workspace(tmp_path_factory.mktemp("trained"), corpus)
    for name in "tw":
        result = trained_workspace("fit", name)
        assert result.status == 0, result.err
    return trained_workspace


@pytest.fixture
def workspace(tmp_path: Path, corpus: Path) -> Workspace:
    return make_workspace(tmp_path, corpus)


@pytest.fixture
def copy(tmp_path: Path, trained: Workspace) -> Workspace:
    """A copy of the trained runs in another folder, which may be changed."""
    shutil.copytree(trained.folder, tmp_path / "copy")
    return Workspace(tmp_path / "copy", trained.corpus)


def only_error(result: CommandResult) -> str:
    """Return the error line of a command that failed."""
    assert result.status == 1, result.out
    assert "Traceback" not in result.err
    (line,) = [line for line in result.err.splitlines() if line.startswith("seq2seq: ")]
    assert result.err.endswith(line + "\n")
    return line


# linked options


def build_experiment(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, name: str, text: str = "", *options: str
) -> Experiment:
    """Return the experiment of a configuration, without training."""
    experiment: list[Experiment] = []
    monkeypatch.setattr(Experiment, "fit", lambda self, **_: experiment.append(self))
    path = workspace.folder / f"{name}.yaml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    result = workspace("fit", name, *options)
    assert result.status == 0, result.err
    return experiment[0]


def test_translator_is_linked_to_vocabularies_and_seed(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    experiment = build_experiment(monkeypatch, workspace, "t", "seed_everything: 5\n")
    model: Any = experiment.model
    data: Any = experiment.datamodule
    letters = len(set("".join((workspace.corpus / f"train.{side}").read_text() for side in "ab")))
    assert model.hparams["source_vocab_size"] == model.hparams["target_vocab_size"] == letters + 4
    assert model.hparams["shared_vocabulary"] is True
    assert model.source_embedding is model.target_embedding
    assert len(model.output.linear.weight) == data.vocabularies.target.vocab_size
    assert data.seed == 5


def test_separate_vocabularies_have_separate_sizes_and_embeddings(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    options = ("--data.tokenizer", "Words", "--data.target_tokenizer", "Bytes")
    model: Any = build_experiment(monkeypatch, workspace, "t", "", *options).model
    words = {word for line in (workspace.corpus / "train.a").read_text().splitlines() for word in line.split()}
    assert model.hparams["source_vocab_size"] == len(model.source_embedding.weight) < 20
    assert model.hparams["source_vocab_size"] >= len(words) + 4
    assert model.hparams["target_vocab_size"] == len(model.target_embedding.weight) == 256 + 4
    assert model.hparams["shared_vocabulary"] is False


def test_language_model_is_linked_to_vocabulary_and_schedule_to_steps(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    experiment = build_experiment(monkeypatch, workspace, "w", SCHEDULE, "--trainer.max_steps", "40")
    model: Any = experiment.model
    letters = len(set((workspace.corpus / "train.txt").read_text()))
    assert model.vocab_size == letters + 4 == len(model.embedding.weight)
    found = model.configure_optimizers()
    schedule = found["lr_scheduler"]["scheduler"]
    assert isinstance(schedule, WarmupCosine)
    assert found["lr_scheduler"]["interval"] == "step"
    factor = schedule.lr_lambdas[0]
    assert factor(2) == 1.0
    assert factor(39) > factor(40) == pytest.approx(0.05)  # the minimum is reached at the last step
    assert factor(21) == pytest.approx(0.05 + 0.95 / 2)


def test_default_optimizer_clipping_and_monitor(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    (workspace.folder / "w.yaml").write_text(
        f"data: {{class_path: LanguageData, init_args: {{corpus: {workspace.corpus}}}}}\nmodel: LanguageModel\n"
    )
    experiment = build_experiment(monkeypatch, workspace, "w", "", "--model.size", "8")
    optimizer = experiment.model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == 1e-3
    assert experiment.trainer.gradient_clip_val == 1.0
    assert experiment.trainer.checkpoint_callbacks[0].monitor == "val_loss"  # type: ignore[attr-defined]


# runs


def test_finished_run_is_repeated_only_with_changes_or_again(copy: Workspace) -> None:
    before = checkpoint(copy.run("w"))
    result = copy("fit", "w")
    assert result == (
        0,
        f"{copy.run('w')} has already finished with this configuration; --again (AGAIN=1) trains it again\n",
        "",
    )
    assert not copy.run("w", 2).exists()
    assert copy("fit", "w", "--model.size", "9").status == 0
    assert checkpoint(copy.run("w", 2))["model"]["init_args"]["size"] == 9
    assert copy("fit", "w", "--again").status == 0
    assert same_training(copy.run("w"), copy.run("w", 3))
    assert f"{copy.run('w', 3)} has already finished" in copy("fit", "w").out
    assert same_bits(before, checkpoint(copy.run("w")))


def test_config_yaml_of_a_run_reproduces_it(copy: Workspace) -> None:
    assert copy("fit", "t", "--model.attention", "null").status == 0
    shutil.rmtree(copy.run("t"))
    copy.run("t", 2).rename(copy.run("t"))
    config = copy.run("t") / "config.yaml"
    contents = yaml.safe_load(config.read_text())
    assert contents["trainer"]["max_steps"] == 6
    assert contents["model"]["init_args"]["attention"] is None  # not the default
    arguments = ("fit", "--config", config, "--runs", copy.folder)
    assert f"{copy.run('t')} has already finished with this configuration" in seq2seq(*arguments).out
    result = seq2seq(*arguments, "--again")
    assert result.status == 0, result.err
    assert (copy.run("t", 2) / "config.yaml").read_text() == config.read_text()
    assert same_training(copy.run("t"), copy.run("t", 2))


def test_run_has_csv_and_tensorboard_logs(trained: Workspace) -> None:
    assert list((trained.run("t") / "logs" / "version_0").glob("events.out.tfevents.*"))
    names = {name for row in metrics(trained.run("t")) for name in row}
    assert names >= {"train_loss", "val_loss", "val_bleu", "gradient_norm", "tokens_per_second", "step"}


@pytest.mark.parametrize(
    ("name", "watch"),
    [("t", "{monitor: val_bleu, mode: max, patience: 2}"), ("w", "{monitor: val_loss, mode: max, patience: 1}")],
)
def test_early_stopping(workspace: Workspace, name: str, watch: str) -> None:
    path = workspace.folder / f"{name}.yaml"
    stopping = f"{{class_path: EarlyStopping, init_args: {watch}}}"
    text = path.read_text().replace("max_steps: 6", "max_steps: 100")
    path.write_text(text.replace("callbacks: [", f"callbacks: [{stopping}, "))
    result = workspace("fit", name)
    assert result.status == 0, result.err
    patience = 2 if name == "t" else 1
    steps = 2 * (1 + patience)  # the first validation is the best one: BLEU stays 0, and the loss only falls
    assert f"finished {workspace.run(name)} after {steps} steps" in result.out
    assert checkpoint(workspace.run(name))["global_step"] == steps


def test_missing_corpus_leaves_no_run(workspace: Workspace) -> None:
    assert "absent" in only_error(workspace("fit", "w", "--data.corpus", str(workspace.folder / "absent")))
    assert not (workspace.folder / "w").exists()


def test_monitored_metric_must_be_computed(workspace: Workspace) -> None:
    line = only_error(workspace("fit", "w", "--checkpoint.monitor", "val_bleu"))
    assert line == (
        "seq2seq: val_bleu is monitored but not computed: add TranslationMetrics to trainer.callbacks, with bleu among "
        "its metrics"
    )
    assert not (workspace.folder / "w").exists()


def test_error_found_by_lightning_is_one_line(workspace: Workspace) -> None:
    assert "val_lose" in only_error(workspace("fit", "w", "--checkpoint.monitor", "val_lose"))


def test_single_callback_needs_no_list(workspace: Workspace) -> None:
    path = workspace.folder / "t.yaml"
    path.write_text(path.read_text().replace("[TranslationMetrics]", "TranslationMetrics"))
    result = workspace("fit", "t", "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    assert "BLEU" in result.out


def test_progress_of_unlimited_training_shows_no_end(workspace: Workspace) -> None:
    options = ("--trainer.max_steps", "-1", "--trainer.max_epochs", "-1", "--trainer.max_time", "00:00:00:01")
    result = workspace("fit", "w", *options)
    assert result.status == 0, result.err
    assert re.search(r"step 2 of inf .*about \? left", result.out)


# resuming


def test_resume_needs_a_run_with_a_checkpoint(workspace: Workspace) -> None:
    line = only_error(workspace("fit", "w", "--resume"))
    assert line == (
        f"seq2seq: there is nothing to resume: no run in {workspace.folder / 'w'} has written checkpoints/last.ckpt"
    )


def test_resume_with_changed_model_is_an_error(copy: Workspace) -> None:
    line = only_error(copy("fit", "w", "--resume", "--model.size", "12", "--trainer.max_steps", "9"))
    assert "differs from the configuration (changed: size); give --init-from" in line


def test_resume_with_changed_vocabulary_is_an_error(copy: Workspace) -> None:
    options = ("--resume", "--trainer.max_steps", "9")
    line = only_error(copy("fit", "t", *options, "--data.tokenizer", "Bytes"))
    assert re.search(r"the source tokenizer of the checkpoint \(\d+ tokens\) is not the one of this corpus \(260", line)
    other = copy.folder / "other"
    other.mkdir()
    text = (copy.corpus / "train.txt").read_text()
    (other / "train.txt").write_text(
        text.replace("o", "ø"), encoding="utf-8"
    )  # the same number of characters, but other ones
    assert "is not the one of this corpus" in only_error(copy("fit", "w", *options, "--data.corpus", str(other)))


def test_finished_run_resumes_with_more_steps(copy: Workspace) -> None:
    result = copy("fit", "w", "--resume")
    assert result.status == 0
    assert (
        f"{copy.run('w')} has already trained for 6 steps; give a larger --trainer.max_steps to continue\n"
        == result.out
    )
    result = copy("fit", "w", "--resume", "--trainer.max_steps", "8")
    assert result.status == 0, result.err
    assert re.findall(r"^step (\d+)", result.out, re.MULTILINE) == ["8"]
    assert sorted(path.name for path in (copy.run("w") / "logs").iterdir()) == ["version_0", "version_1"]
    assert copy("fit", "w", "--name", "whole", "--trainer.max_steps", "8").status == 0
    assert same_training(copy.run("w"), copy.run("whole"))
    assert "has already finished with this configuration" in copy("fit", "w", "--trainer.max_steps", "8").out


def test_ckpt_path_resumes_in_a_new_run(copy: Workspace) -> None:
    result = copy("fit", "w", "--ckpt-path", copy.run("w"), "--trainer.max_steps", "8")
    assert result.status == 0, result.err
    assert checkpoint(copy.run("w", 2))["global_step"] == 8
    assert checkpoint(copy.run("w"))["global_step"] == 6


# fine-tuning


def test_init_from_restores_only_weights_and_tokenizer(
    trained: Workspace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = workspace.folder / "other"
    other.mkdir()
    for split in ("train", "val"):
        for side in "ab":
            (other / f"{split}.{side}").write_text("zwei drei\nähnlich\n" * 5, encoding="utf-8")
    starts: list[tuple[dict[str, Any], int, int]] = []

    def note(trainer: Any, module: Any) -> None:
        weights = {name: weight.clone() for name, weight in module.state_dict().items()}
        starts.append((weights, trainer.global_step, len(trainer.optimizers[0].state)))

    monkeypatch.setattr(
        "seq2seq.training.StepSeeding.on_train_start", lambda self, trainer, module: note(trainer, module)
    )
    result = workspace(
        "fit", "t", "--init-from", trained.run("t"), "--data.corpus", str(other), "--trainer.max_steps", "2"
    )
    assert result.status == 0, result.err
    ((weights, step, moments),) = starts
    before, after = checkpoint(trained.run("t"), "best"), checkpoint(workspace.run("t"))
    assert same_bits(weights, dict(before["state_dict"]))
    assert (step, moments) == (0, 0)
    assert after["global_step"] == 2
    assert same_bits(after["TranslationData"]["tokenizers"], before["TranslationData"]["tokenizers"])
    assert not same_bits(dict(after["state_dict"]), dict(before["state_dict"]))
    again = workspace(
        "fit", "t", "--init-from", trained.run("t"), "--data.corpus", str(other), "--trainer.max_steps", "2"
    )
    assert "has already finished with this configuration" in again.out
    assert workspace("fit", "t", "--trainer.max_steps", "2").status == 0  # without --init-from it is another training
    assert workspace.run("t", 2).exists()


def test_resumed_fine_tuning_does_not_need_the_initial_checkpoint(copy: Workspace) -> None:
    options = ("--init-from", copy.run("w"), "--name", "tuned")
    assert copy("fit", "w", *options).status == 0
    (copy.run("w")).rename(copy.folder / "gone")
    result = copy("fit", "w", *options, "--resume", "--trainer.max_steps", "8")
    assert result.status == 0, result.err
    assert checkpoint(copy.run("tuned"))["global_step"] == 8


def test_init_from_needs_a_model_of_the_same_sizes(trained: Workspace, workspace: Workspace) -> None:
    line = only_error(workspace("fit", "w", "--init-from", trained.run("w"), "--model.size", "16"))
    assert "do not fit this model: size mismatch for embedding.weight" in line
    assert "do not fit this model" in only_error(workspace("fit", "w", "--init-from", trained.run("t")))
    assert only_error(workspace("fit", "w", "--init-from", "nowhere")) == "seq2seq: there is no checkpoint at nowhere"
    assert not (workspace.folder / "w").exists()


# evaluation


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_evaluation_needs_a_checkpoint(trained: Workspace, command: str) -> None:
    line = only_error(trained(command, "w"))
    assert line == f"seq2seq: {command} needs a trained model: name its run or checkpoint with --ckpt-path"


@pytest.mark.parametrize("name", ["t", "w"])
def test_validate_prints_the_metrics_of_training_for_a_moved_run(copy: Workspace, name: str) -> None:
    (last,) = [row for row in metrics(copy.run(name)) if row.get("step") == 5 and "val_loss" in row]
    loss = last["val_loss"]
    for weights in (copy.run(name), copy.run(name) / "checkpoints" / "last.ckpt"):
        result = copy("validate", name, "--ckpt-path", weights)
        assert result.status == 0, result.err
        (line,) = [line for line in result.out.splitlines() if line.startswith("val loss")]
        assert line.startswith(f"val loss {loss:.3f} (perplexity {math.exp(loss):.3g})")
        assert ("  BLEU 0.0" in line) == (name == "t")


def test_validate_uses_the_tokenizer_of_the_checkpoint(copy: Workspace) -> None:
    """Even if the configuration or another corpus would give another tokenizer."""
    other = copy.folder / "other"
    other.mkdir()
    for split in ("train", "val"):
        (other / f"{split}.txt").write_text("zwei drei\n" * 20, encoding="utf-8")
    result = copy("validate", "w", "--ckpt-path", copy.run("w"), "--data.corpus", str(other))
    assert result.status == 0, result.err
    assert "val loss" in result.out


def test_validate_uses_both_tokenizers_of_the_checkpoint(workspace: Workspace) -> None:
    text = (
        (workspace.folder / "t.yaml")
        .read_text()
        .replace("tokenizer: Characters", "tokenizer: Bytes, target_tokenizer: Bytes")
    )
    (workspace.folder / "two.yaml").write_text(text)
    assert workspace("fit", "two", "--trainer.max_steps", "2").status == 0
    assert checkpoint(workspace.run("two"))["model"]["init_args"]["shared_vocabulary"] is False
    (row,) = [row for row in metrics(workspace.run("two")) if "val_loss" in row]
    result = workspace("validate", "two", "--ckpt-path", workspace.run("two"))
    assert result.status == 0, result.err
    assert f"val loss {row['val_loss']:.3f}" in result.out


def test_weights_of_another_model_are_an_error(trained: Workspace) -> None:
    line = only_error(trained("test", "w", "--ckpt-path", trained.run("w"), "--model.block.residual", "true"))
    assert "changed: block); use the config.yaml in the folder of its run" in line
    own = trained.run("w") / "config.yaml"
    assert seq2seq("test", "--config", own, "--ckpt-path", trained.run("w")).status == 0


@pytest.fixture(scope="module")
def unending(tmp_path_factory: pytest.TempPathFactory, trained: Workspace) -> Workspace:
    """A trained translator whose translations are not empty; must not be changed."""
    folder = tmp_path_factory.mktemp("unending") / "runs"
    shutil.copytree(trained.folder, folder)
    best = folder / "t" / "1" / "checkpoints" / "best.ckpt"
    contents = torch.load(best, weights_only=True)
    contents["state_dict"]["output.linear.bias"][2:] += 10 * torch.rand(
        len(contents["state_dict"]["output.linear.bias"]) - 2, generator=torch.Generator().manual_seed(1)
    )
    save(contents, best)
    return Workspace(folder, trained.corpus)


@pytest.mark.parametrize(
    ("options", "search"),
    [
        ((), Beam()),
        (("--beams", "2", "--length-penalty", "0", "--min-length", "3"), Beam(2, 0.0, min_length=3)),
        (("--search", "greedy", "--no-repeat-ngram-size", "1"), Greedy(no_repeat_ngram_size=1)),
        (("--search=sampling", "--temperature", "0"), Sampling(temperature=0)),
    ],
    ids=["default", "beam", "greedy", "sampling"],
)
def test_predict_prints_translations_in_order(unending: Workspace, options: tuple[str, ...], search: Search) -> None:
    result = unending("predict", "t", "--ckpt-path", unending.run("t"), *options)
    assert result.status == 0, result.err
    lines = (unending.corpus / "test.a").read_text().splitlines()
    translate = load_translation(unending.run("t"), device="cpu")
    assert result.out.splitlines() == translate(lines, search)
    assert any(result.out.splitlines())


def test_predict_has_the_search_options_of_translate() -> None:
    for kind in ("beam", "greedy", "sampling"):
        fields = {
            f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(find_class(kind, Search, "search"))
        }
        for command in ("translate", "predict"):
            options = re.findall(r"^ +(--[\w-]+)", seq2seq(command, "--search", kind, "--help").out, re.MULTILINE)
            assert {*fields, "--search", "--max-length"} <= set(options)


def test_predict_refuses_options_of_another_search_and_a_search_of_a_configuration(unending: Workspace) -> None:
    arguments = ("predict", "t", "--ckpt-path", unending.run("t"))
    assert "unknown option temperature" in only_error(unending(*arguments, "--temperature", "0.5"))
    assert "beams must be at least 1" in only_error(unending(*arguments, "--beams", "0"))
    config = unending.folder / "search.yaml"
    config.write_text("search: greedy\n")
    line = only_error(unending(*arguments, "--config", config))
    assert line == "seq2seq: search must be given on the command line, as --search greedy"


def test_predict_has_max_length(copy: Workspace) -> None:
    best = copy.run("t") / "checkpoints" / "best.ckpt"
    contents = torch.load(best, weights_only=True)
    contents["state_dict"]["output.linear.bias"][EOS] = -1e9  # so that no translation ends
    save(contents, best)
    lines = (copy.corpus / "test.a").read_text().splitlines()
    translate = load_translation(copy.run("t"), device="cpu")
    for length in (1, 99):
        result = copy("predict", "t", "--ckpt-path", copy.run("t"), "--max-length", str(length))
        assert result.status == 0, result.err
        assert result.out.splitlines() == translate(lines, limits=TranslationLimits(max_length=length))
        assert f"{len(lines)} of {len(lines)}; --max-length N lets each have N tokens" in result.err


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--max-length", "3"), "--max-length"),
        (("--beams", "3"), "--beams"),
        (("--search", "greedy"), "--search"),
        (("--no-repeat-ngram-size", "2"), "--no-repeat-ngram-size"),
    ],
    ids=str,
)
def test_predict_of_a_language_model_has_no_options_of_a_search(
    trained: Workspace, options: tuple[str, ...], name: str
) -> None:
    line = only_error(trained("predict", "w", "--ckpt-path", trained.run("w"), *options))
    assert line == f"seq2seq: {name} does not apply to a language model"


@pytest.mark.parametrize("option", ["--runs", "--data.corpus", "--name"])
def test_options_that_are_not_utf_8_are_an_error(workspace: Workspace, option: str) -> None:
    arguments = str(workspace.folder / "other") + b"\xff\xe9".decode("utf-8", "surrogateescape")
    line = only_error(seq2seq("fit", "--config", workspace.folder / "t.yaml", option, arguments))
    assert line.endswith("must be UTF-8, since the configuration of the run records it")
    assert sorted(path.name for path in workspace.folder.iterdir()) == ["t.yaml", "w.yaml"]


def test_predict_prints_nats_of_each_token(trained: Workspace) -> None:
    result = trained("predict", "w", "--ckpt-path", trained.run("w"))
    assert result.status == 0, result.err
    text = (trained.corpus / "test.txt").read_text()
    expected = [token.nats for token in load_text_generator(trained.run("w"), device="cpu").score(text)]
    assert [float(line) for line in result.out.splitlines()] == pytest.approx(expected, abs=1e-4)
    output = trained("test", "w", "--ckpt-path", trained.run("w"), "--data.batch_size", "1").out
    loss = float(re.match(r"test loss ([\d.]+) \(perplexity", output)[1])  # type: ignore[index]
    assert loss == pytest.approx(sum(expected) / len(expected), abs=1e-3)


# names that become files


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--name", ".."), "--name must be the name of a file or folder inside"),
        (("--name", "a/b"), "--name must be the name of a file or folder inside"),
        (("--checkpoint.filename", "../../x"), "checkpoint.filename must be the name of a file or folder inside"),
        (("--checkpoint.filename", "/tmp/x"), "checkpoint.filename must be the name of a file or folder inside"),
        (("--checkpoint.filename", "last"), "checkpoint.filename must not be last"),
        (("--checkpoint.dirpath", "elsewhere"), "checkpoint.dirpath is the folder of the run"),
        (("--checkpoint.save_last", "true"), "checkpoint.save_last is not needed"),
        (("--data.subset", ".."), "subset must be the name of a file or folder inside"),
        (("--data.subset", "/"), "subset must be the name of a file or folder inside"),
    ],
)
def test_name_outside_its_folder_is_an_error(workspace: Workspace, options: tuple[str, ...], sentence: str) -> None:
    before = sorted(workspace.folder.parent.glob("*"))
    assert sentence in only_error(workspace("fit", "w", *([options] if isinstance(options, str) else options)))
    assert sorted(workspace.folder.parent.glob("*")) == before
    assert not (workspace.folder / "w").exists()
