"""Laws of opening checkpoints."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import LANGUAGE, TRANSLATOR, Runs, fit, shell, write_corpus

from seq2seq import SearchOptions, TextGenerator, TranslationPipeline, checkpoint, load
from seq2seq.checkpoint import find
from seq2seq.errors import UserError
from seq2seq.inference import load_text_generator, load_translation
from seq2seq.inference.checkpoint import open_checkpoint, read
from seq2seq.models import LanguageModel
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.recurrence import LayerFactory, Mamba, Retention
from seq2seq.tokenizers import Characters, Words, fingerprint

ROOT = Path(__file__).parents[2]
LINES = ["one two three", "six", "four four", "five one two six"]


def test_a_run_is_its_best_checkpoint(runs: Runs) -> None:
    assert find(runs.translator) == runs.translator / "checkpoints" / "best.ckpt"
    by_folder, by_file = load(runs.translator), load(runs.translator / "checkpoints" / "best.ckpt")
    assert isinstance(by_folder, TranslationPipeline)
    assert isinstance(by_file, TranslationPipeline)
    for name, weight in by_folder.models[0].state_dict().items():
        assert torch.equal(weight, by_file.models[0].state_dict()[name])


def test_a_run_without_a_best_checkpoint_is_its_last(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(runs.checkpoints[0], tmp_path / "checkpoints" / "last.ckpt")
    assert isinstance(load(tmp_path), TranslationPipeline)


def test_what_is_loaded_is_ready_for_use(runs: Runs) -> None:
    for model in (load_translation(runs.translator).models[0], load_text_generator(runs.language).model):
        assert not model.training
        assert not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("kind", ["Subwords", "Words"])
def test_a_checkpoint_is_all_that_is_needed(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads from another folder after the corpus, its tokenizers and the caches are gone."""
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "made" / "cache"))
    write_corpus(tmp_path / "made" / "corpus")
    tokenizer = "{class_path: Subwords, init_args: {size: 290}}" if kind == "Subwords" else kind
    translator = TRANSLATOR.replace("tokenizer: Words", f"tokenizer: {tokenizer}")
    language = LANGUAGE.replace("tokenizer: Characters", f"tokenizer: {tokenizer}")
    few = ("--trainer.max_steps", "2", "--trainer.val_check_interval", "2")
    kept = []
    for name, config in (("translator", translator), ("language", language)):
        run = fit(tmp_path / "made", name, config, *few)
        kept.append(shutil.copy(run / "checkpoints" / "last.ckpt", tmp_path / f"{name}.ckpt"))
    shutil.rmtree(tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    translation, writer = load(kept[0]), load(kept[1])
    assert isinstance(translation, TranslationPipeline)
    assert isinstance(writer, TextGenerator)
    assert len(translation(LINES)) == len(LINES)
    assert writer.complete("one ", length=5).startswith("one ")


class Code:
    """What a checkpoint must not be able to run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return sys.exit, ("code was run",)


def test_nothing_in_a_checkpoint_is_run(runs: Runs, tmp_path: Path) -> None:
    held = torch.load(find(runs.language), weights_only=True)
    checkpoint.save(held | {"more": Code()}, tmp_path / "code.ckpt")
    with pytest.raises(ValueError, match=r"code\.ckpt cannot be read as a checkpoint: it holds more than plain data"):
        load(tmp_path / "code.ckpt")


def test_a_file_that_is_cut_off_is_said(runs: Runs, tmp_path: Path) -> None:
    whole = find(runs.language).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.ckpt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.ckpt cannot be read as a checkpoint"):
            load(tmp_path / "cut.ckpt")


def test_a_foreign_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n")
    with pytest.raises(ValueError, match=r"text\.txt cannot be read as a checkpoint"):
        load(tmp_path / "text.txt")
    for foreign in ({"state_dict": {}}, {"model": {"class_path": "LSTM"}}):
        checkpoint.save(foreign, tmp_path / "foreign.ckpt")
        with pytest.raises(ValueError, match="no checkpoint of seq2seq"):
            load(tmp_path / "foreign.ckpt")


def test_a_model_that_cannot_be_built_is_said(runs: Runs, tmp_path: Path) -> None:
    held = torch.load(find(runs.language), weights_only=True)
    model = held["model"]
    changed = (
        {"model": model | {"class_path": "torch.nn.Linear"}},
        {"model": model | {"init_args": model["init_args"] | {"never_heard_of": 1}}},
        {"model": model | {"init_args": model["init_args"] | {"size": 24}}},
        {"state_dict": {}},
    )
    for change in changed:
        checkpoint.save(held | change, tmp_path / "changed.ckpt")
        with pytest.raises(ValueError, match=r"changed\.ckpt cannot be used") as raised:
            load(tmp_path / "changed.ckpt")
        assert "\n" not in str(raised.value)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no checkpoint at"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no run that wrote a checkpoint"):
        load(tmp_path)
    with pytest.raises(ValueError, match="at least one checkpoint"):
        load()


LSTM = {
    "class_path": "LSTM",
    "init_args": {"forget_bias": 1.0, "weight_dropout": 0.0, "memory_span": None},
}
BILINEAR = {"class_path": "BilinearAttention"}


def test_checkpoints_stay_readable(tmp_path: Path) -> None:
    """What this one holds was once written, and must be understood as long as there are such files."""
    words = Words()
    words.learn(LINES)
    sizes = {"source_vocab_size": words.vocab_size, "target_vocab_size": words.vocab_size, "shared_vocabulary": True}
    layers = {"encoder": LSTM, "decoder": LSTM, "attention": BILINEAR, "size": 6, "depth": 2, "embedding_size": None}
    regular = {"tied": True, "dropout": 0.1, "word_dropout": 0.0, "norm": False, "residual": False}
    more = {"feed_forward": 0.0, "input_feeding": False, "label_smoothing": 0.1}
    held = {
        "model": {
            "class_path": "Translator",
            "init_args": {**sizes, **layers, **regular, **more},
        },
        "state_dict": EncoderDecoder(words.vocab_size, words.vocab_size, True, size=6).state_dict(),
        "TranslationData": {
            "tokenizers": {"source": words.state_dict(), "target": words.state_dict()},
            "corpus": {},
            "output_lengths": {"sources": [1, 2], "targets": [2, 4], "longest_source": 4, "ratio": [4, 2]},
        },
    }
    checkpoint.save(held, tmp_path / "old.ckpt")
    translation = load_translation(tmp_path / "old.ckpt")
    assert len(translation(LINES)) == len(LINES)
    assert translation.output_lengths[0].limits([1, 4, 6]) == [13, 16, 28]
    for name, weight in translation.models[0].state_dict().items():
        assert torch.equal(weight, held["state_dict"][name])
    held["TranslationData"]["output_lengths"]["ratio"] = [4, 0]
    checkpoint.save(held, tmp_path / "wrong.ckpt")
    with pytest.raises(UserError, match=r"wrong\.ckpt .* output_lengths\.ratio must be two whole numbers"):
        load_translation(tmp_path / "wrong.ckpt")


class Mine(LanguageModel):
    """A language model of somebody else's."""


def language_checkpoint(path: Path, model: LanguageModel, tokenizer: Characters) -> Path:
    """What a training would leave there."""
    held = {"state_dict": model.state_dict(), "LanguageData": {"tokenizers": {"source": tokenizer.state_dict()}}}
    model.on_save_checkpoint(held)
    checkpoint.save(held, path)
    return path


@pytest.mark.parametrize("layer", [Mamba, Retention])
def test_nothing_is_left_to_chance(layer: LayerFactory, tmp_path: Path) -> None:
    """No weight is drawn on the way, and what no checkpoint holds is there too."""
    letters = Characters()
    letters.learn(LINES)
    model = LanguageModel(letters.vocab_size, layer, size=8)
    path = language_checkpoint(tmp_path / "model.ckpt", model, letters)
    before = torch.get_rng_state()
    opened = open_checkpoint(path).model
    assert torch.equal(torch.get_rng_state(), before)
    for kind in ("parameters", "buffers"):
        mine, theirs = (dict(getattr(one, f"named_{kind}")()) for one in (model, opened))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_what_is_loaded_is_the_network_alone(runs: Runs) -> None:
    assert type(load_text_generator(runs.language).model) is RecurrentLanguageModel
    assert type(load_translation(runs.translator).models[0]) is EncoderDecoder


def test_a_class_of_somebody_elses_is_loaded_as_it_is(tmp_path: Path) -> None:
    letters = Characters()
    letters.learn(LINES)
    model = Mine(letters.vocab_size, size=8)
    path = language_checkpoint(tmp_path / "mine.ckpt", model, letters)
    with pytest.raises(UserError, match=f"names {__name__}.Mine, which is no class of seq2seq"):
        load_text_generator(path)
    writer = load_text_generator(path, trust=[__name__])
    assert type(writer.model) is Mine
    assert writer.complete("one", length=3).startswith("one")


def test_a_model_of_the_other_kind_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="a translator is needed here"):
        load_translation(runs.language)
    with pytest.raises(ValueError, match="a language model is needed here"):
        load_text_generator(runs.translator)
    for both in ((runs.translator, runs.language), (runs.language, runs.translator), (runs.language,) * 2):
        with pytest.raises(ValueError, match="only translators make an ensemble"):
            load(*both)


def test_a_device_that_is_not_there_is_said(runs: Runs) -> None:
    with pytest.raises(ValueError, match="the device toaster cannot be used here"):
        load(runs.language, device="toaster")


def test_a_model_twice_is_the_model_alone(runs: Runs) -> None:
    once, twice = load_translation(runs.translator), load_translation(runs.translator, runs.translator)
    assert len(twice.models) == 2
    alone, together = (list(model.translate(LINES, SearchOptions(beams=3, n_best=3))) for model in (once, twice))
    for one, two in zip(alone, together, strict=True):
        assert [found.text for found in one] == [found.text for found in two]
        assert [found.score for found in one] == pytest.approx([found.score for found in two], abs=1e-4)
    pairs = [(line, line) for line in LINES]
    for one, two in zip(once.score(pairs), twice.score(pairs), strict=True):
        assert one == [(piece, pytest.approx(chance, abs=1e-5)) for piece, chance in two]
    assert torch.allclose(once.align(LINES[0], LINES[1]).weights, twice.align(LINES[0], LINES[1]).weights)


def test_models_with_other_vocabularies_make_no_ensemble(runs: Runs, tmp_path: Path) -> None:
    held = torch.load(find(runs.translator), weights_only=True)
    data = next(part for part in held.values() if isinstance(part, dict) and "tokenizers" in part)
    for side in ("source", "target"):
        units = data["tokenizers"][side]["units"]
        units[-1], units[-2] = units[-2], units[-1]
        held["model"]["fingerprints"][side] = fingerprint(data["tokenizers"][side])
    checkpoint.save(held, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="other vocabularies"):
        load(runs.translator, tmp_path / "other.ckpt")


def test_a_checkpoint_holds_plain_data_only(runs: Runs) -> None:
    for run in (runs.translator, runs.language):
        assert "state_dict" in read(run / "checkpoints" / "last.ckpt")


def forged(path: Path, run: Path, *place: str, value: Any = None) -> Path:
    """A run's best checkpoint with another value at a place, written as any checkpoint is; without one, it is gone."""
    held = checkpoint.load(find(run), mapped=False)
    part = held
    for key in place[:-1]:
        part = part[key]
    if value is None:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    checkpoint.save(held, path)
    return path


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("model", "class_path"), 3, "its model has no class"),
        (("model", "init_args"), None, "its model has no options"),
        (("model", "init_args", "size"), 2**40, "its options, size cannot be 1099511627776"),
        (("model", "init_args", "size"), 10**6, "its size cannot be 1000000, since"),
        (("model", "init_args", "size"), 0, "its size cannot be 0"),
        (("model", "init_args", "embedding_size"), 10**7, "its embedding_size cannot be 10000000"),
        (("model", "init_args", "vocab_size"), 2**63, "vocab_size cannot be 9223372036854775808"),
        (("model", "init_args", "vocab_size"), 0, "its option vocab_size is for 0 tokens"),
        (("model", "init_args", "depth"), 100_000, "its depth cannot be 100000, since"),
        (("model", "init_args", "feed_forward"), 1e6, "far larger than the weights that are stored for it"),
        (("model", "init_args", "dropout"), math.nan, "its options, dropout cannot be nan"),
        (("model", "init_args", "dropout"), torch.zeros(1), "must be plain data, and there is a Tensor"),
        (("model", "init_args", "never_heard_of"), 1, "never_heard_of"),
        (("model", "init_args", "layer"), {"class_path": "Mamba", "init_args": {"expansion": 10**6}}, "expansion"),
        (("state_dict",), {}, "it has no weights"),
        (("state_dict", "output.bias"), None, "1 of its weights are not stored, as output.bias"),
        (("state_dict", "more"), torch.zeros(2), "1 of the stored weights are not the model's, as more"),
        (("state_dict", "stack.layers.0.kernel.bias_hh_l0"), torch.zeros(3), r"is stored as \[3\]"),
        (("state_dict", "stack.layers.0.kernel.bias_hh_l0"), torch.zeros(64).long(), r"is stored as torch\.int64"),
        (("precision",), "int3", "its precision must be one of"),
        (("LanguageData", "corpus"), [1], "its description of the corpus is none"),
    ],
)
def test_what_cannot_be_true_of_a_model_is_said_before_it_is_built(
    runs: Runs, tmp_path: Path, place: tuple[str, ...], value: Any, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        load(forged(tmp_path / "forged.ckpt", runs.language, *place, value=value))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path / 'forged.ckpt'} ")


SIDE_EFFECT = "import pathlib; pathlib.Path('imported').touch()"
WATCHED = """
import sys, importlib.abc
FOREIGN = {"venv", "antigravity", "beside"}
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in FOREIGN or name == "seq2seq.commands.average":
            print("IMPORTED", name)
sys.meta_path.insert(0, Watch())
from seq2seq import load
from seq2seq.errors import UserError
try:
    load(sys.argv[1])
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "name",
    [
        "venv.__main__.X",
        "antigravity",
        "antigravity.X",
        "beside.Layer",
        "os.system",
        "seq2seq.commands.average.kept",
        "torch.nn.Linear",
    ],
)
@pytest.mark.parametrize("place", [("model", "class_path"), ("model", "init_args", "layer", "class_path")])
def test_a_forged_name_imports_and_writes_nothing(
    runs: Runs, tmp_path: Path, name: str, place: tuple[str, ...]
) -> None:
    """In a fresh process, in a folder whose modules can be imported."""
    (tmp_path / "beside.py").write_text(SIDE_EFFECT)
    path = forged(tmp_path / "forged.ckpt", runs.language, *place, value=name)
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED, path.name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"forged.ckpt cannot be used: it names {name}, which is no class of seq2seq")
    assert "IMPORTED" not in done.stdout
    assert done.stdout.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_trusted_layer_is_imported_and_must_be_one(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "my_layers.py").write_text(
        "from seq2seq.recurrence import LSTM\nclass Mine(LSTM): pass\nclass No: pass\n"
    )
    for name, said in (("Mine", ""), ("No", "cannot be used: it names my_layers.No, which is no Recurrence")):
        place = ("model", "init_args", "layer", "class_path")
        path = forged(tmp_path / "forged.ckpt", runs.language, *place, value=f"my_layers.{name}")
        done = shell("sample", path, "--length", 2, "--trust", "my_layers", PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
        assert (done.returncode == 0) == (not said), done.stderr
        assert said.encode() in done.stderr
        assert done.stderr.count(b"\n") == bool(said)
