"""Loading checkpoints: what they need, what they may contain, and how invalid ones are refused."""

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

from seq2seq import Beam, TextGenerator, TranslationPipeline, checkpoint, load
from seq2seq.checkpoint import find_checkpoint
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import read_checkpoint
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.recurrence import LayerFactory, Mamba, Retention
from seq2seq.tasks import load_text_generator, load_translation
from seq2seq.tasks.loading import open_checkpoint
from seq2seq.tokenizers import Characters, Words, fingerprint
from seq2seq.training.language_model import LanguageModel

ROOT = Path(__file__).parents[2]
LINES = ["one two three", "six", "four four", "five one two six"]


def test_a_run_loads_its_best_checkpoint(runs: Runs) -> None:
    assert find_checkpoint(runs.translator) == runs.translator / "checkpoints" / "best.ckpt"
    by_folder, by_file = load(runs.translator), load(runs.translator / "checkpoints" / "best.ckpt")
    assert isinstance(by_folder, TranslationPipeline)
    assert isinstance(by_file, TranslationPipeline)
    for name, weight in by_folder.models[0].state_dict().items():
        assert torch.equal(weight, by_file.models[0].state_dict()[name])


def test_a_run_without_a_best_checkpoint_loads_its_last(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(runs.checkpoints[0], tmp_path / "checkpoints" / "last.ckpt")
    assert isinstance(load(tmp_path), TranslationPipeline)


def test_loaded_models_are_in_evaluation_mode_without_gradients(runs: Runs) -> None:
    for model in (load_translation(runs.translator).models[0], load_text_generator(runs.language).model):
        assert not model.training
        assert not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("kind", ["Subwords", "Words"])
def test_a_checkpoint_is_self_contained(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads from another folder after the corpus, the tokenizers' files and the caches were removed."""
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "work" / "cache"))
    write_corpus(tmp_path / "work" / "corpus")
    tokenizer = "{class_path: Subwords, init_args: {size: 290}}" if kind == "Subwords" else kind
    translator = TRANSLATOR.replace("tokenizer: Words", f"tokenizer: {tokenizer}")
    language = LANGUAGE.replace("tokenizer: Characters", f"tokenizer: {tokenizer}")
    two_steps = ("--trainer.max_steps", "2", "--trainer.val_check_interval", "2")
    checkpoints = []
    for name, config in (("translator", translator), ("language", language)):
        run = fit(tmp_path / "work", name, config, *two_steps)
        checkpoints.append(shutil.copy(run / "checkpoints" / "last.ckpt", tmp_path / f"{name}.ckpt"))
    shutil.rmtree(tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    translation, generator = load(checkpoints[0]), load(checkpoints[1])
    assert isinstance(translation, TranslationPipeline)
    assert isinstance(generator, TextGenerator)
    assert len(translation(LINES)) == len(LINES)
    assert generator.complete("one ", length=5).startswith("one ")


class Code:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return sys.exit, ("code was run",)


def test_code_in_a_checkpoint_is_not_run(runs: Runs, tmp_path: Path) -> None:
    content = torch.load(find_checkpoint(runs.language), weights_only=True)
    checkpoint.save(content | {"more": Code()}, tmp_path / "code.ckpt")
    with pytest.raises(
        ValueError, match=r"code\.ckpt cannot be read as a checkpoint: it contains more than plain data"
    ):
        load(tmp_path / "code.ckpt")


def test_a_truncated_file_is_refused(runs: Runs, tmp_path: Path) -> None:
    whole = find_checkpoint(runs.language).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "truncated.ckpt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"truncated\.ckpt cannot be read as a checkpoint"):
            load(tmp_path / "truncated.ckpt")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n")
    with pytest.raises(ValueError, match=r"text\.txt cannot be read as a checkpoint"):
        load(tmp_path / "text.txt")
    for other in ({"state_dict": {}}, {"model": {"class_path": "LSTM"}}):
        checkpoint.save(other, tmp_path / "other.ckpt")
        with pytest.raises(ValueError, match="not a checkpoint of seq2seq"):
            load(tmp_path / "other.ckpt")


def test_a_model_that_cannot_be_built_is_refused(runs: Runs, tmp_path: Path) -> None:
    content = torch.load(find_checkpoint(runs.language), weights_only=True)
    model = content["model"]
    changed = (
        {"model": model | {"class_path": "torch.nn.Linear"}},
        {"model": model | {"init_args": model["init_args"] | {"unknown_option": 1}}},
        {"model": model | {"init_args": model["init_args"] | {"size": 24}}},
        {"state_dict": {}},
    )
    for change in changed:
        checkpoint.save(content | change, tmp_path / "changed.ckpt")
        with pytest.raises(ValueError, match=r"changed\.ckpt cannot be used") as raised:
            load(tmp_path / "changed.ckpt")
        assert "\n" not in str(raised.value)


def test_missing_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no checkpoint at"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="so it is not a run with a checkpoint"):
        load(tmp_path)
    with pytest.raises(ValueError, match="at least one checkpoint"):
        load()


LSTM = {
    "class_path": "LSTM",
    "init_args": {"forget_bias": 1.0, "weight_dropout": 0.0, "memory_span": None},
}
BILINEAR = {"class_path": "BilinearAttention"}


def test_checkpoints_stay_readable(tmp_path: Path) -> None:
    """This one has an old format that must remain readable."""
    words = Words()
    words.learn(LINES)
    sizes = {"source_vocab_size": words.vocab_size, "target_vocab_size": words.vocab_size, "shared_vocabulary": True}
    layers = {"encoder": LSTM, "decoder": LSTM, "attention": BILINEAR, "size": 6, "depth": 2, "embedding_size": None}
    regularization = {"tied": True, "dropout": 0.1, "word_dropout": 0.0}
    block = {"norm": False, "residual": False, "feed_forward": 0.0, "dropout": None}
    other_options = {"block": block, "input_feeding": False, "label_smoothing": 0.1}
    content = {
        "model": {
            "class_path": "Translator",
            "init_args": {**sizes, **layers, **regularization, **other_options},
        },
        "state_dict": EncoderDecoder(words.vocab_size, words.vocab_size, True, size=6).state_dict(),
        "TranslationData": {
            "tokenizers": {"source": words.state_dict(), "target": words.state_dict()},
            "corpus": {},
            "output_lengths": {"sources": [1, 2], "targets": [2, 4], "longest_source": 4, "ratio": [4, 2]},
        },
    }
    checkpoint.save(content, tmp_path / "old.ckpt")
    translation = load_translation(tmp_path / "old.ckpt")
    assert len(translation(LINES)) == len(LINES)
    assert translation.output_lengths[0].limits([1, 4, 6]) == [13, 16, 28]
    for name, weight in translation.models[0].state_dict().items():
        assert torch.equal(weight, content["state_dict"][name])
    content["TranslationData"]["output_lengths"]["ratio"] = [4, 0]
    checkpoint.save(content, tmp_path / "wrong.ckpt")
    with pytest.raises(UserError, match=r"wrong\.ckpt .* output_lengths\.ratio must be two whole numbers"):
        load_translation(tmp_path / "wrong.ckpt")


class CustomModel(LanguageModel):
    """A language model from outside the package."""


def language_checkpoint(path: Path, model: LanguageModel, tokenizer: Characters) -> Path:
    """Save a checkpoint as training does."""
    content = {"state_dict": model.state_dict(), "LanguageData": {"tokenizers": {"source": tokenizer.state_dict()}}}
    model.on_save_checkpoint(content)
    checkpoint.save(content, path)
    return path


@pytest.mark.parametrize("layer", [Mamba, Retention])
def test_loading_draws_no_random_numbers_and_restores_all_buffers(layer: LayerFactory, tmp_path: Path) -> None:
    """Also the buffers that no checkpoint contains."""
    letters = Characters()
    letters.learn(LINES)
    model = LanguageModel(letters.vocab_size, layer, size=8)
    path = language_checkpoint(tmp_path / "model.ckpt", model, letters)
    rng_state = torch.get_rng_state()
    loaded = open_checkpoint(path).network
    assert torch.equal(torch.get_rng_state(), rng_state)
    for kind in ("parameters", "buffers"):
        expected, actual = (dict(getattr(each, f"named_{kind}")()) for each in (model, loaded))
        assert expected.keys() == actual.keys()
        assert all(torch.equal(expected[name], actual[name]) for name in expected)


def test_the_network_is_loaded_without_its_training_module(runs: Runs) -> None:
    assert type(load_text_generator(runs.language).model) is LanguageModelNetwork
    assert type(load_translation(runs.translator).models[0]) is EncoderDecoder


def test_a_trusted_custom_model_keeps_its_class(tmp_path: Path) -> None:
    letters = Characters()
    letters.learn(LINES)
    model = CustomModel(letters.vocab_size, size=8)
    path = language_checkpoint(tmp_path / "custom.ckpt", model, letters)
    with pytest.raises(UserError, match=f"names {__name__}.CustomModel, which is not a class of seq2seq"):
        load_text_generator(path)
    generator = load_text_generator(path, trust=[__name__])
    assert type(generator.model) is CustomModel
    assert generator.complete("one", length=3).startswith("one")


def test_a_model_of_the_other_task_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="a translator is needed here"):
        load_translation(runs.language)
    with pytest.raises(ValueError, match="a language model is needed here"):
        load_text_generator(runs.translator)
    for both in ((runs.translator, runs.language), (runs.language, runs.translator), (runs.language,) * 2):
        with pytest.raises(ValueError, match="only a translator can be in an ensemble"):
            load(*both)


def test_an_unavailable_device_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="the device missing cannot be used here"):
        load(runs.language, device="missing")


def test_an_ensemble_of_a_model_with_itself_equals_the_model(runs: Runs) -> None:
    single, double = load_translation(runs.translator), load_translation(runs.translator, runs.translator)
    assert len(double.models) == 2
    expected, actual = (list(model.translate(LINES, Beam(beams=3), n_best=3)) for model in (single, double))
    for left, right in zip(expected, actual, strict=True):
        assert [result.text for result in left] == [result.text for result in right]
        assert [result.score for result in left] == pytest.approx([result.score for result in right], abs=1e-4)
    pairs = [(line, line) for line in LINES]
    for left, right in zip(single.score(pairs), double.score(pairs), strict=True):
        assert left == [(piece, pytest.approx(score, abs=1e-5)) for piece, score in right]
    assert torch.allclose(single.align(LINES[0], LINES[1]).weights, double.align(LINES[0], LINES[1]).weights)


def test_models_with_different_vocabularies_make_no_ensemble(runs: Runs, tmp_path: Path) -> None:
    content = torch.load(find_checkpoint(runs.translator), weights_only=True)
    data = next(part for part in content.values() if isinstance(part, dict) and "tokenizers" in part)
    for side in ("source", "target"):
        units = data["tokenizers"][side]["units"]
        units[-1], units[-2] = units[-2], units[-1]
        content["model"]["fingerprints"][side] = fingerprint(data["tokenizers"][side])
    checkpoint.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="vocabularies differ"):
        load(runs.translator, tmp_path / "other.ckpt")


def test_a_checkpoint_contains_plain_data_only(runs: Runs) -> None:
    for run in (runs.translator, runs.language):
        assert "state_dict" in read_checkpoint(run / "checkpoints" / "last.ckpt")


def forged(path: Path, run: Path, *keys: str, value: Any = None) -> Path:
    """Save a run's best checkpoint with another value under these keys, or without them for None."""
    content = checkpoint.load(find_checkpoint(run), mapped=False)
    parent = content
    for key in keys[:-1]:
        parent = parent[key]
    if value is None:
        del parent[keys[-1]]
    else:
        parent[keys[-1]] = value
    checkpoint.save(content, path)
    return path


@pytest.mark.parametrize(
    ("keys", "value", "message"),
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
        (("model", "init_args", "block", "feed_forward"), 1e6, "far larger than the weights that are stored for it"),
        (("model", "init_args", "dropout"), math.nan, "its options, dropout cannot be nan"),
        (("model", "init_args", "dropout"), torch.zeros(1), "must be plain data, and there is a Tensor"),
        (("model", "init_args", "unknown_option"), 1, "unknown_option"),
        (("model", "init_args", "layer"), {"class_path": "Mamba", "init_args": {"expansion": 10**6}}, "expansion"),
        (("state_dict",), {}, "it has no weights"),
        (("state_dict", "output.linear.bias"), None, "1 of its weights are not stored, as output.linear.bias"),
        (("state_dict", "more"), torch.zeros(2), "1 of the stored weights are not the model's, as more"),
        (("state_dict", "stack.layers.0.rnn.bias_hh_l0"), torch.zeros(3), r"is stored as \[3\]"),
        (("state_dict", "stack.layers.0.rnn.bias_hh_l0"), torch.zeros(64).long(), r"is stored as torch\.int64"),
        (("precision",), "int3", "its precision must be one of"),
        (("LanguageData", "corpus"), [1], "its description of the corpus is invalid"),
    ],
)
def test_impossible_options_and_weights_are_refused_before_the_model_is_built(
    runs: Runs, tmp_path: Path, keys: tuple[str, ...], value: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load(forged(tmp_path / "forged.ckpt", runs.language, *keys, value=value))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path / 'forged.ckpt'} ")


SIDE_EFFECT = "import pathlib; pathlib.Path('imported').touch()"
IMPORT_WATCHER = """
import sys, importlib.abc
WATCHED = {"venv", "antigravity", "beside"}
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in WATCHED or name == "seq2seq.commands.average":
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
        "seq2seq.commands.average.select_checkpoints",
        "torch.nn.Linear",
    ],
)
@pytest.mark.parametrize("keys", [("model", "class_path"), ("model", "init_args", "layer", "class_path")])
def test_an_untrusted_class_is_not_imported(runs: Runs, tmp_path: Path, name: str, keys: tuple[str, ...]) -> None:
    """In a new process, in a folder from which modules can be imported."""
    (tmp_path / "beside.py").write_text(SIDE_EFFECT)
    path = forged(tmp_path / "forged.ckpt", runs.language, *keys, value=name)
    files = sorted(tmp_path.rglob("*"))
    process = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_WATCHER, path.name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.startswith(f"forged.ckpt cannot be used: it names {name}, which is not a class of seq2seq")
    assert "IMPORTED" not in process.stdout
    assert process.stdout.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == files


def test_a_trusted_class_is_imported_and_must_be_a_layer(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "my_layers.py").write_text(
        "from seq2seq.recurrence import LSTM\nclass Layer(LSTM): pass\nclass NoLayer: pass\n"
    )
    for name, error in (
        ("Layer", ""),
        ("NoLayer", "cannot be used: it names my_layers.NoLayer, which is no Recurrence"),
    ):
        keys = ("model", "init_args", "layer", "class_path")
        path = forged(tmp_path / "forged.ckpt", runs.language, *keys, value=f"my_layers.{name}")
        process = shell(
            "sample", path, "--length", 2, "--trust", "my_layers", PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}"
        )
        assert (process.returncode == 0) == (not error), process.stderr
        assert error.encode() in process.stderr
        assert process.stderr.count(b"\n") == bool(error)
