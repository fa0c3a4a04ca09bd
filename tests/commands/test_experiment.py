"""`seq2seq fit|validate|test|predict`: what a configuration links together, and what becomes of a run."""

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
    Told,
    checkpoint,
    metrics,
    same_bits,
    same_training,
    seq2seq,
    write_config,
)
from experiments import write_corpus as write

from seq2seq.checkpoint import save
from seq2seq.commands.experiment import Experiment
from seq2seq.inference import SearchOptions, load_text_generator, load_translation
from seq2seq.special_tokens import EOS
from seq2seq.training import WarmupCosine

SCHEDULE = "lr_scheduler: {class_path: WarmupCosine, init_args: {warmup: 2}}\n"


class Place(NamedTuple):
    """A folder with two configurations, `t` of a translator and `w` of a language model, and their runs."""

    folder: Path
    corpus: Path

    def __call__(self, command: str, name: str, *options: str | Path) -> Told:
        runs = ("--runs", self.folder) if command == "fit" else ()
        return seq2seq(command, "--config", self.folder / f"{name}.yaml", *runs, *options)

    def run(self, name: str, number: int = 1) -> Path:
        return self.folder / name / str(number)


def place(folder: Path, corpus: Path) -> Place:
    for name, text in (("t", TRANSLATION), ("w", LANGUAGE.replace("/text.txt", ""))):
        write_config(folder, text, corpus, name)
    return Place(folder, corpus)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Place:
    """Both have been trained; nobody changes them."""
    made = place(tmp_path_factory.mktemp("trained"), corpus)
    for name in "tw":
        told = made("fit", name)
        assert told.status == 0, told.err
    return made


@pytest.fixture
def here(tmp_path: Path, corpus: Path) -> Place:
    return place(tmp_path, corpus)


@pytest.fixture
def copy(tmp_path: Path, trained: Place) -> Place:
    """Runs that were moved away, and can be changed."""
    shutil.copytree(trained.folder, tmp_path / "copy")
    return Place(tmp_path / "copy", trained.corpus)


def only_error(told: Told) -> str:
    """The one sentence that a mistake is said in."""
    assert told.status == 1, told.out
    assert "Traceback" not in told.err
    (line,) = [line for line in told.err.splitlines() if line.startswith("seq2seq: ")]
    assert told.err.endswith(line + "\n")
    return line


# links


def built(monkeypatch: pytest.MonkeyPatch, here: Place, name: str, text: str = "", *options: str) -> Experiment:
    """What a configuration makes, without any training."""
    made: list[Experiment] = []
    monkeypatch.setattr(Experiment, "fit", lambda self, **_: made.append(self))
    path = here.folder / f"{name}.yaml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    told = here("fit", name, *options)
    assert told.status == 0, told.err
    return made[0]


def test_a_translator_gets_its_vocabularies_and_its_seed(monkeypatch: pytest.MonkeyPatch, here: Place) -> None:
    made = built(monkeypatch, here, "t", "seed_everything: 5\n")
    model: Any = made.model
    data: Any = made.datamodule
    letters = len(set("".join((here.corpus / f"train.{side}").read_text() for side in "ab")))
    assert model.hparams["source_vocab_size"] == model.hparams["target_vocab_size"] == letters + 4
    assert model.hparams["shared_vocabulary"] is True
    assert model.source_embedding is model.target_embedding
    assert len(model.output.weight) == data.vocabularies.target.vocab_size
    assert data.seed == 5


def test_two_vocabularies_have_two_sizes_and_two_embeddings(monkeypatch: pytest.MonkeyPatch, here: Place) -> None:
    options = ("--data.tokenizer", "Words", "--data.target_tokenizer", "Bytes")
    model: Any = built(monkeypatch, here, "t", "", *options).model
    words = {word for line in (here.corpus / "train.a").read_text().splitlines() for word in line.split()}
    assert model.hparams["source_vocab_size"] == len(model.source_embedding.weight) < 20
    assert model.hparams["source_vocab_size"] >= len(words) + 4
    assert model.hparams["target_vocab_size"] == len(model.target_embedding.weight) == 256 + 4
    assert model.hparams["shared_vocabulary"] is False


def test_a_language_model_gets_its_vocabulary_and_the_schedule_its_steps(
    monkeypatch: pytest.MonkeyPatch, here: Place
) -> None:
    made = built(monkeypatch, here, "w", SCHEDULE, "--trainer.max_steps", "40")
    model: Any = made.model
    letters = len(set((here.corpus / "train.txt").read_text()))
    assert model.vocab_size == letters + 4 == len(model.embedding.weight)
    found = model.configure_optimizers()
    schedule = found["lr_scheduler"]["scheduler"]
    assert isinstance(schedule, WarmupCosine)
    assert found["lr_scheduler"]["interval"] == "step"
    factor = schedule.lr_lambdas[0]
    assert factor(2) == 1.0
    assert factor(39) > factor(40) == pytest.approx(0.05)  # its floor is reached with the last step
    assert factor(21) == pytest.approx(0.05 + 0.95 / 2)


def test_what_nobody_says_is_chosen_well(monkeypatch: pytest.MonkeyPatch, here: Place) -> None:
    (here.folder / "w.yaml").write_text(
        f"data: {{class_path: LanguageData, init_args: {{corpus: {here.corpus}}}}}\nmodel: LanguageModel\n"
    )
    made = built(monkeypatch, here, "w", "", "--model.size", "8")
    optimizer = made.model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == 1e-3
    assert made.trainer.gradient_clip_val == 1.0
    assert made.trainer.checkpoint_callbacks[0].monitor == "val_loss"  # type: ignore[attr-defined]


# a run


def test_a_finished_run_is_not_repeated_until_something_changes(copy: Place) -> None:
    before = checkpoint(copy.run("w"))
    told = copy("fit", "w")
    assert told == (0, f"{copy.run('w')} has finished this very configuration; --again (AGAIN=1) trains it anew\n", "")
    assert not copy.run("w", 2).exists()
    assert copy("fit", "w", "--model.size", "9").status == 0
    assert checkpoint(copy.run("w", 2))["model"]["init_args"]["size"] == 9
    assert copy("fit", "w", "--again").status == 0
    assert same_training(copy.run("w"), copy.run("w", 3))
    assert f"{copy.run('w', 3)} has finished" in copy("fit", "w").out
    assert same_bits(before, checkpoint(copy.run("w")))


def test_the_configuration_of_a_run_gives_the_same_run(copy: Place) -> None:
    assert copy("fit", "t", "--model.attention", "null").status == 0
    shutil.rmtree(copy.run("t"))
    copy.run("t", 2).rename(copy.run("t"))
    config = copy.run("t") / "config.yaml"
    held = yaml.safe_load(config.read_text())
    assert held["trainer"]["max_steps"] == 6
    assert held["model"]["init_args"]["attention"] is None  # which is not the default
    given = ("fit", "--config", config, "--runs", copy.folder)
    assert f"{copy.run('t')} has finished this very configuration" in seq2seq(*given).out
    told = seq2seq(*given, "--again")
    assert told.status == 0, told.err
    assert (copy.run("t", 2) / "config.yaml").read_text() == config.read_text()
    assert same_training(copy.run("t"), copy.run("t", 2))


def test_a_run_has_logs_for_people_and_for_tensorboard(trained: Place) -> None:
    assert list((trained.run("t") / "logs" / "version_0").glob("events.out.tfevents.*"))
    names = {name for row in metrics(trained.run("t")) for name in row}
    assert names >= {"train_loss", "val_loss", "val_bleu", "gradient_norm", "tokens_per_second", "step"}


@pytest.mark.parametrize(
    ("name", "watch"),
    [("t", "{monitor: val_bleu, mode: max, patience: 2}"), ("w", "{monitor: val_loss, mode: max, patience: 1}")],
)
def test_training_stops_early_when_what_it_watches_gets_no_better(here: Place, name: str, watch: str) -> None:
    path = here.folder / f"{name}.yaml"
    stopping = f"{{class_path: EarlyStopping, init_args: {watch}}}"
    text = path.read_text().replace("max_steps: 6", "max_steps: 100")
    path.write_text(text.replace("callbacks: [", f"callbacks: [{stopping}, "))
    told = here("fit", name)
    assert told.status == 0, told.err
    patience = 2 if name == "t" else 1
    steps = 2 * (1 + patience)  # the first validation is the best one: BLEU stays 0, and the loss only falls
    assert f"finished {here.run(name)} after {steps} steps" in told.out
    assert checkpoint(here.run(name))["global_step"] == steps


def test_a_corpus_that_is_not_there_leaves_no_run(here: Place) -> None:
    assert "absent" in only_error(here("fit", "w", "--data.corpus", str(here.folder / "absent")))
    assert not (here.folder / "w").exists()


def test_what_is_watched_must_be_computed(here: Place) -> None:
    line = only_error(here("fit", "w", "--checkpoint.monitor", "val_bleu"))
    assert line == "seq2seq: val_bleu is watched and not computed: add Bleu to trainer.callbacks"
    assert not (here.folder / "w").exists()


def test_a_mistake_that_lightning_finds_is_one_sentence_too(here: Place) -> None:
    assert "val_lose" in only_error(here("fit", "w", "--checkpoint.monitor", "val_lose"))


def test_one_callback_may_stand_without_a_list(here: Place) -> None:
    path = here.folder / "t.yaml"
    path.write_text(path.read_text().replace("[Bleu]", "Bleu"))
    told = here("fit", "t", "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    assert "BLEU" in told.out


def test_without_an_end_no_end_is_said(here: Place) -> None:
    options = ("--trainer.max_steps", "-1", "--trainer.max_epochs", "-1", "--trainer.max_time", "00:00:00:01")
    told = here("fit", "w", *options)
    assert told.status == 0, told.err
    assert re.search(r"step 2 of inf .*about \? left", told.out)


# going on


def test_there_must_be_something_to_resume(here: Place) -> None:
    line = only_error(here("fit", "w", "--resume"))
    assert line == (
        f"seq2seq: there is nothing to resume: no run in {here.folder / 'w'} has written checkpoints/last.ckpt"
    )


def test_a_changed_model_cannot_be_resumed(copy: Place) -> None:
    line = only_error(copy("fit", "w", "--resume", "--model.size", "12", "--trainer.max_steps", "9"))
    assert "another model than the configuration describes (changed: size); give --init-from" in line


def test_a_changed_vocabulary_cannot_be_resumed(copy: Place) -> None:
    options = ("--resume", "--trainer.max_steps", "9")
    line = only_error(copy("fit", "t", *options, "--data.tokenizer", "Bytes"))
    assert re.search(r"the source tokenizer of the checkpoint \(\d+ tokens\) is not the one of this corpus \(260", line)
    other = copy.folder / "other"
    other.mkdir()
    text = (copy.corpus / "train.txt").read_text()
    (other / "train.txt").write_text(text.replace("o", "ø"), encoding="utf-8")  # as many characters, but others
    assert "is not the one of this corpus" in only_error(copy("fit", "w", *options, "--data.corpus", str(other)))


def test_a_finished_run_goes_on_if_it_gets_more_steps(copy: Place) -> None:
    told = copy("fit", "w", "--resume")
    assert told.status == 0
    assert f"{copy.run('w')} has done its 6 steps; a larger --trainer.max_steps goes on\n" == told.out
    told = copy("fit", "w", "--resume", "--trainer.max_steps", "8")
    assert told.status == 0, told.err
    assert re.findall(r"^step (\d+)", told.out, re.MULTILINE) == ["8"]
    assert sorted(path.name for path in (copy.run("w") / "logs").iterdir()) == ["version_0", "version_1"]
    assert copy("fit", "w", "--name", "whole", "--trainer.max_steps", "8").status == 0
    assert same_training(copy.run("w"), copy.run("whole"))
    assert "has finished this very configuration" in copy("fit", "w", "--trainer.max_steps", "8").out


def test_training_may_go_on_from_a_named_checkpoint_in_a_new_run(copy: Place) -> None:
    told = copy("fit", "w", "--ckpt-path", copy.run("w"), "--trainer.max_steps", "8")
    assert told.status == 0, told.err
    assert checkpoint(copy.run("w", 2))["global_step"] == 8
    assert checkpoint(copy.run("w"))["global_step"] == 6


# fine-tuning


def test_fine_tuning_starts_with_the_weights_and_the_tokenizer_and_nothing_else(
    trained: Place, here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = here.folder / "other"
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
    told = here("fit", "t", "--init-from", trained.run("t"), "--data.corpus", str(other), "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    ((weights, step, moments),) = starts
    before, after = checkpoint(trained.run("t"), "best"), checkpoint(here.run("t"))
    assert same_bits(weights, dict(before["state_dict"]))
    assert (step, moments) == (0, 0)
    assert after["global_step"] == 2
    assert same_bits(after["TranslationData"]["tokenizers"], before["TranslationData"]["tokenizers"])
    assert not same_bits(dict(after["state_dict"]), dict(before["state_dict"]))
    again = here("fit", "t", "--init-from", trained.run("t"), "--data.corpus", str(other), "--trainer.max_steps", "2")
    assert "has finished this very configuration" in again.out
    assert here("fit", "t", "--trainer.max_steps", "2").status == 0  # from nothing is another training
    assert here.run("t", 2).exists()


def test_fine_tuning_that_stopped_goes_on_without_what_it_started_from(copy: Place) -> None:
    options = ("--init-from", copy.run("w"), "--name", "tuned")
    assert copy("fit", "w", *options).status == 0
    (copy.run("w")).rename(copy.folder / "gone")
    told = copy("fit", "w", *options, "--resume", "--trainer.max_steps", "8")
    assert told.status == 0, told.err
    assert checkpoint(copy.run("tuned"))["global_step"] == 8


def test_fine_tuning_needs_a_model_of_the_same_sizes(trained: Place, here: Place) -> None:
    line = only_error(here("fit", "w", "--init-from", trained.run("w"), "--model.size", "16"))
    assert "do not fit this model: size mismatch for embedding.weight" in line
    assert "do not fit this model" in only_error(here("fit", "w", "--init-from", trained.run("t")))
    assert only_error(here("fit", "w", "--init-from", "nowhere")) == "seq2seq: there is no checkpoint at nowhere"
    assert not (here.folder / "w").exists()


# looking at a model


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_looking_at_a_model_needs_one(trained: Place, command: str) -> None:
    line = only_error(trained(command, "w"))
    assert line == f"seq2seq: {command} needs a trained model: name its run or checkpoint with --ckpt-path"


@pytest.mark.parametrize("name", ["t", "w"])
def test_validate_repeats_what_training_said_even_if_the_run_was_moved(copy: Place, name: str) -> None:
    (last,) = [row for row in metrics(copy.run(name)) if row.get("step") == 5 and "val_loss" in row]
    loss = last["val_loss"]
    for weights in (copy.run(name), copy.run(name) / "checkpoints" / "last.ckpt"):
        told = copy("validate", name, "--ckpt-path", weights)
        assert told.status == 0, told.err
        (line,) = [line for line in told.out.splitlines() if line.startswith("val loss")]
        assert line.startswith(f"val loss {loss:.3f} (perplexity {math.exp(loss):.3g})")
        assert ("  BLEU 0.0" in line) == (name == "t")


def test_the_tokenizer_is_that_of_the_checkpoint(copy: Place) -> None:
    """Also if the configuration would learn others, or if the corpus is another one."""
    other = copy.folder / "other"
    other.mkdir()
    for split in ("train", "val"):
        (other / f"{split}.txt").write_text("zwei drei\n" * 20, encoding="utf-8")
    told = copy("validate", "w", "--ckpt-path", copy.run("w"), "--data.corpus", str(other))
    assert told.status == 0, told.err
    assert "val loss" in told.out


def test_both_tokenizers_are_those_of_the_checkpoint(here: Place) -> None:
    text = (
        (here.folder / "t.yaml")
        .read_text()
        .replace("tokenizer: Characters", "tokenizer: Bytes, target_tokenizer: Bytes")
    )
    (here.folder / "two.yaml").write_text(text)
    assert here("fit", "two", "--trainer.max_steps", "2").status == 0
    assert checkpoint(here.run("two"))["model"]["init_args"]["shared_vocabulary"] is False
    (row,) = [row for row in metrics(here.run("two")) if "val_loss" in row]
    told = here("validate", "two", "--ckpt-path", here.run("two"))
    assert told.status == 0, told.err
    assert f"val loss {row['val_loss']:.3f}" in told.out


def test_another_model_is_not_looked_at_with_these_weights(trained: Place) -> None:
    line = only_error(trained("test", "w", "--ckpt-path", trained.run("w"), "--model.residual", "true"))
    assert "changed: residual); the config.yaml in the folder of its run describes it" in line
    own = trained.run("w") / "config.yaml"
    assert seq2seq("test", "--config", own, "--ckpt-path", trained.run("w")).status == 0


def test_predictions_are_translations_in_the_order_of_the_test_split(copy: Place) -> None:
    best = copy.run("t") / "checkpoints" / "best.ckpt"
    held = torch.load(best, weights_only=True)
    held["state_dict"]["output.bias"][2:] += 10 * torch.rand(
        len(held["state_dict"]["output.bias"]) - 2, generator=torch.Generator().manual_seed(1)
    )  # so that something is said
    save(held, best)
    told = copy("predict", "t", "--ckpt-path", copy.run("t"))
    assert told.status == 0, told.err
    lines = (copy.corpus / "test.a").read_text().splitlines()
    translate = load_translation(copy.run("t"), device="cpu")
    assert told.out.splitlines() == translate(lines, SearchOptions(beams=1))
    assert any(told.out.splitlines())


def test_predictions_may_be_as_long_as_one_says(copy: Place) -> None:
    best = copy.run("t") / "checkpoints" / "best.ckpt"
    held = torch.load(best, weights_only=True)
    held["state_dict"]["output.bias"][EOS] = -1e9  # so that nothing ends
    save(held, best)
    lines = (copy.corpus / "test.a").read_text().splitlines()
    translate = load_translation(copy.run("t"), device="cpu")
    for length in (1, 99):
        told = copy("predict", "t", "--ckpt-path", copy.run("t"), "--max-length", str(length))
        assert told.status == 0, told.err
        assert told.out.splitlines() == translate(lines, SearchOptions(beams=1, max_length=length))
        assert f"{len(lines)} of {len(lines)}; --max-length N lets each have N tokens" in told.err


def test_the_predictions_of_a_language_model_have_no_length(trained: Place) -> None:
    line = only_error(trained("predict", "w", "--ckpt-path", trained.run("w"), "--max-length", "3"))
    assert line == "seq2seq: a language model predicts the test split as it is, without --max-length"


@pytest.mark.parametrize("option", ["--runs", "--data.corpus", "--name"])
def test_what_a_configuration_cannot_hold_is_refused_before_anything_is_written(here: Place, option: str) -> None:
    given = str(here.folder / "other") + b"\xff\xe9".decode("utf-8", "surrogateescape")
    line = only_error(seq2seq("fit", "--config", here.folder / "t.yaml", option, given))
    assert line.endswith("must be UTF-8, since what a run is made of is kept in its configuration")
    assert sorted(path.name for path in here.folder.iterdir()) == ["t.yaml", "w.yaml"]


def test_predictions_of_a_language_model_are_the_nats_of_each_token(trained: Place) -> None:
    told = trained("predict", "w", "--ckpt-path", trained.run("w"))
    assert told.status == 0, told.err
    text = (trained.corpus / "test.txt").read_text()
    wanted = [token.nats for token in load_text_generator(trained.run("w"), device="cpu").score(text)]
    assert [float(line) for line in told.out.splitlines()] == pytest.approx(wanted, abs=1e-4)
    said = trained("test", "w", "--ckpt-path", trained.run("w"), "--data.batch_size", "1").out
    loss = float(re.match(r"test loss ([\d.]+) \(perplexity", said)[1])  # type: ignore[index]
    assert loss == pytest.approx(sum(wanted) / len(wanted), abs=1e-3)


# names that become files


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--name", ".."), "--name must be the name of something inside"),
        (("--name", "a/b"), "--name must be the name of something inside"),
        (("--checkpoint.filename", "../../x"), "checkpoint.filename must be the name of something inside"),
        (("--checkpoint.filename", "/tmp/x"), "checkpoint.filename must be the name of something inside"),
        (("--checkpoint.filename", "last"), "checkpoint.filename must be another one than last"),
        (("--checkpoint.dirpath", "elsewhere"), "checkpoint.dirpath is the folder of the run"),
        (("--checkpoint.save_last", "true"), "checkpoint.save_last is not needed"),
        (("--data.subset", ".."), "subset must be the name of something inside"),
        (("--data.subset", "/"), "subset must be the name of something inside"),
    ],
)
def test_a_name_that_leads_out_of_its_folder_is_one_sentence(
    here: Place, options: tuple[str, ...], sentence: str
) -> None:
    before = sorted(here.folder.parent.glob("*"))
    assert sentence in only_error(here("fit", "w", *([options] if isinstance(options, str) else options)))
    assert sorted(here.folder.parent.glob("*")) == before
    assert not (here.folder / "w").exists()
