"""Training from the weights of a checkpoint: tokens in both vocabularies keep their weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, TRANSLATION, CommandResult, checkpoint, same_bits, seq2seq, write_config, write_corpus
from torch import Tensor

from seq2seq import checkpoint as checkpoint_file
from seq2seq import tokenizers
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.training_module import describe
from seq2seq.training.transfer import initialize_from_checkpoint
from seq2seq.training.translator import Translator
from tests.tasks.my_extensions import PointerOutput

Sides = dict[str, Tokenizer]


def words(*lines: str) -> Words:
    tokenizer = Words()
    tokenizer.learn(lines)
    return tokenizer


def language(tokenizer: Tokenizer, seed: int, **options: Any) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(tokenizer.vocab_size, **{"size": 6, "depth": 1, **options})


def translator(sides: Sides, seed: int, **options: Any) -> Translator:
    torch.manual_seed(seed)
    shared = sides["source"] == sides["target"]
    sizes = sides["source"].vocab_size, sides["target"].vocab_size
    return Translator(*sizes, shared, **{"size": 6, "depth": 1, **options})


def save(model: Any, sides: Sides, folder: Path) -> str:
    """Save a checkpoint of a model with random output biases, and return its path."""
    with torch.no_grad():
        model.get_parameter("output." + model.output.token_rows[-1]).uniform_(-1, 1)
    contents = {
        "state_dict": model.state_dict(),
        "model": describe(model) | {"fingerprints": {side: t.fingerprint() for side, t in sides.items()}},
        "data": {"tokenizers": {side: t.state_dict() for side, t in sides.items()}},
    }
    checkpoint_file.save(contents, folder / "trained.ckpt")
    return str(folder / "trained.ckpt")


def row(model: Any, layer: str, tokenizer: Tokenizer, token: str) -> Tensor:
    """Return the weights of a token in a layer, with its bias or a zero."""
    module, i = model.get_submodule(layer), tokenizer.units().index(token)
    bias = getattr(module, "bias", None)
    return torch.cat([module.weight[i], module.weight.new_zeros(1) if bias is None else bias[i : i + 1]]).detach()


@pytest.mark.parametrize("options", [{}, {"tied": False}, {"embedding_size": 4}])
def test_shared_tokens_of_a_language_model_keep_their_weights(
    tmp_path: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = words("b a gone <s>"), words("new a c b <s> newer")
    trained, model, fresh = language(old, 1, **options), language(new, 2, **options), language(new, 2, **options)
    initialize_from_checkpoint(model, {"source": new}, save(trained, {"source": old}, tmp_path))
    for layer in ("embedding", "output.linear"):
        for token in ("<pad>", "<unk>", "</s>", "\n", "a", "b", "<s>"):
            assert torch.equal(row(model, layer, new, token), row(trained, layer, old, token))
        for token in ("new", "c", "newer"):
            assert torch.equal(row(model, layer, new, token), row(fresh, layer, new, token))
    assert (model.output.linear.weight is model.embedding.weight) == (options.get("tied", True))
    others = {name for name in model.state_dict() if not name.startswith(("embedding", "output"))}
    assert others
    assert all(torch.equal(model.state_dict()[name], trained.state_dict()[name]) for name in others)
    assert capsys.readouterr().err == "vocabulary: 8 tokens keep their weights, 3 are new, 1 are dropped\n"


def test_same_tokenizer_loads_every_weight_and_logs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = words("a b c")
    trained, model = language(tokenizer, 1), language(tokenizer, 2)
    initialize_from_checkpoint(model, {"source": tokenizer}, save(trained, {"source": tokenizer}, tmp_path))
    assert same_bits(dict(model.state_dict()), dict(trained.state_dict()))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("new_kind", ["shared", "separate"])
@pytest.mark.parametrize("old_kind", ["shared", "separate"])
def test_shared_tokens_of_a_translator_keep_their_weights_by_side(
    tmp_path: Path, tied: bool, new_kind: str, old_kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two vocabularies may become a shared one and vice versa; a shared table gets the rows of the target side."""
    both, other = words("a b c x"), words("c d a x y")
    old = {"source": both, "target": both if old_kind == "shared" else words("a c z gone")}
    new = {"source": other, "target": other if new_kind == "shared" else words("z a new")}
    trained, model = translator(old, 1, tied=tied), translator(new, 2, tied=tied)
    fresh = translator(new, 2, tied=tied)
    initialize_from_checkpoint(model, new, save(trained, old, tmp_path))
    one_table = model.source_embedding.weight is model.target_embedding.weight
    assert one_table == (tied and new_kind == "shared")
    for layer, side in (("target_embedding", "target"), ("output.linear", "target"), ("source_embedding", "source")):
        shared = set(new[side].units()) & set(old[side].units())
        if layer == "source_embedding" and one_table:
            shared -= set(old["target"].units())  # a shared table has the rows of the target side
        assert shared or one_table
        for token in shared:
            assert torch.equal(row(model, layer, new[side], token), row(trained, layer, old[side], token))
        others = set(old["source"].units()) | set(old["target"].units()) if one_table else set(old[side].units())
        for token in set(new[side].units()) - others:
            assert torch.equal(row(model, layer, new[side], token), row(fresh, layer, new[side], token))
    messages = capsys.readouterr().err.splitlines()
    assert [line.partition("vocabulary")[0] for line in messages] == ([""] if one_table else ["source ", "target "])


@pytest.mark.parametrize("tied", [False, True])
def test_shared_tokens_keep_their_weights_in_an_output_layer_of_ones_own(tmp_path: Path, tied: bool) -> None:
    old, new = words("a b c x"), words("c d a y")
    options = {"tied": tied, "output": PointerOutput}
    sides = {"source": old, "target": old}
    trained, model = translator(sides, 1, **options), translator({"source": new, "target": new}, 2, **options)
    initialize_from_checkpoint(model, {"source": new, "target": new}, save(trained, sides, tmp_path))
    for layer in ("target_embedding", "output.generator.linear"):
        for token in ("a", "c"):
            assert torch.equal(row(model, layer, new, token), row(trained, layer, old, token))


def test_output_layer_that_names_no_rows_cannot_get_another_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = words("a b c x"), words("c d a y")
    trained, model = (translator({"source": w, "target": w}, 1, output=PointerOutput) for w in (old, new))
    path = save(trained, {"source": old, "target": old}, tmp_path)
    monkeypatch.setattr(PointerOutput, "token_rows", ())
    with pytest.raises(UserError, match="the weights of PointerOutput cannot be matched to another vocabulary"):
        initialize_from_checkpoint(model, {"source": new, "target": new}, path)


def test_merging_two_vocabularies_keeps_the_tokens_of_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = words("a b new")
    old, new = {"source": words("a"), "target": words("b gone")}, {"source": one, "target": one}
    trained, model = translator(old, 1), translator(new, 2)
    initialize_from_checkpoint(model, new, save(trained, old, tmp_path))
    for token, side in (("a", "source"), ("b", "target"), ("\n", "target")):
        layer = f"{side}_embedding"
        assert torch.equal(row(model, layer, one, token), row(trained, layer, old[side], token))
    assert capsys.readouterr().err == "vocabulary: 7 tokens keep their weights, 1 are new, 1 are dropped\n"


def test_word_spelled_like_a_special_token_is_matched_as_a_word(tmp_path: Path) -> None:
    old, new = words("a </s>"), words("</s> b")
    trained, model = language(old, 1), language(new, 2)
    initialize_from_checkpoint(model, {"source": new}, save(trained, {"source": old}, tmp_path))
    ids = [tokenizer.units().index("</s>", 4) for tokenizer in (new, old)]
    assert torch.equal(model.embedding.weight[ids[0]], trained.embedding.weight[ids[1]])
    assert torch.equal(model.embedding.weight[3], trained.embedding.weight[3])


@pytest.mark.filterwarnings("ignore:the text is too small")
def test_subword_pieces_are_matched_by_their_text(tmp_path: Path) -> None:
    old, new = Subwords(290), Subwords(300)
    old.learn(["one two three"] * 20)
    new.learn(["three four one", "fünf"] * 20)
    trained, model = language(old, 1), language(new, 2)
    initialize_from_checkpoint(model, {"source": new}, save(trained, {"source": old}, tmp_path))
    shared = set(old.units()) & set(new.units())
    assert len(shared) > 262
    for piece in shared:
        assert torch.equal(row(model, "output.linear", new, piece), row(trained, "output.linear", old, piece))


def test_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    old = words("a b")
    path = save(language(old, 1), {"source": old}, tmp_path)
    with pytest.raises(UserError, match=r"trained\.ckpt is Words and the one of the data is Bytes"):
        initialize_from_checkpoint(language(Bytes(), 2), {"source": Bytes()}, path)


def test_checkpoint_whose_model_shares_the_vocabulary_of_two_tokenizers_is_refused(tmp_path: Path) -> None:
    old = {"source": words("a b"), "target": words("c d")}
    size, new = old["source"].vocab_size, words("a c")
    path = save(Translator(size, size, shared_vocabulary=True, size=6, depth=1), old, tmp_path)
    with pytest.raises(UserError, match=r"cannot start from .*one vocabulary, and its two tokenizers differ"):
        initialize_from_checkpoint(translator({"source": new, "target": new}, 2), {"source": new, "target": new}, path)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    old, new = words("a b"), words("b c d")
    path = save(language(old, 1), {"source": old}, tmp_path)
    for options in ({"size": 8}, {"depth": 2}, {"embedding_size": 4}):
        with pytest.raises(UserError, match="do not fit this model"):
            initialize_from_checkpoint(language(new, 2, **options), {"source": new}, path)
    with pytest.raises(UserError, match="do not fit this model"):
        initialize_from_checkpoint(translator({"source": new, "target": new}, 2), {"source": new, "target": new}, path)


# on the command line


class Workspace:
    """A folder with two corpora and a finished run of each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.corpus = write_corpus(folder / "corpus")
        self.new_corpus = folder / "new"
        self.new_corpus.mkdir()
        for split in ("train", "val"):
            (self.new_corpus / f"{split}.txt").write_text("zwei drei\nähnlich one\n" * 10, encoding="utf-8")
            for side in "ab":
                (self.new_corpus / f"{split}.{side}").write_text("zwei drei\nähnlich one\n" * 10, encoding="utf-8")
        for name, text in (("w", LANGUAGE.replace("CORPUS/text.txt", "CORPUS")), ("t", TRANSLATION)):
            write_config(folder, text.replace("callbacks: [TranslationMetrics]", "callbacks: []"), self.corpus, name)
            assert self("fit", name, "--trainer.max_steps", "2").status == 0

    def __call__(self, command: str, name: str, *options: str | Path) -> CommandResult:
        return seq2seq(command, "--config", self.folder / f"{name}.yaml", "--runs", self.folder, *options)

    def fine_tune(self, name: str, *options: str | Path) -> CommandResult:
        weights = ("--init-from", self.folder / name / "1", "--data.corpus", self.new_corpus)
        return self("fit", name, *weights, "--name", "tuned", "--again", "--trainer.max_steps", "2", *options)

    def tokenizer(self, name: str = "tuned") -> dict[str, Any]:
        newest = max((path for path in (self.folder / name).iterdir()), key=lambda path: int(path.name))
        contents = checkpoint(newest)
        data: dict[str, Any] = contents.get("LanguageData") or contents["TranslationData"]
        source: dict[str, Any] = data["tokenizers"]["source"]
        return source


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    (tmp_path_factory.mktemp("transfer") / "corpus").mkdir()
    return Workspace(tmp_path_factory.getbasetemp() / "transfer0")


@pytest.mark.parametrize("name", ["w", "t"])
def test_tokenizer_on_the_command_line_is_used(workspace: Workspace, name: str) -> None:
    """It is learned from the new corpus, whose letters extend the vocabulary."""
    result = workspace.fine_tune(name, "--data.tokenizer", "Characters")
    assert result.status == 0, result.err
    assert "vocabulary: 13 tokens keep their weights, 5 are new, 6 are dropped\n" in result.err
    assert set("zwei drähnlcho\n ") <= set(workspace.tokenizer()["units"])


@pytest.mark.parametrize("tokenizer_options", [["--data.tokenizer", "Characters"], []])
def test_resume_keeps_the_new_vocabulary(workspace: Workspace, tokenizer_options: list[str]) -> None:
    name = f"again{len(tokenizer_options)}"
    options = ("--init-from", workspace.folder / "w" / "1", "--data.corpus", workspace.new_corpus, "--name", name)
    result = workspace("fit", "w", *options, "--data.tokenizer", "Characters", "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    trained = workspace.tokenizer(name)
    result = workspace("fit", "w", *options, *tokenizer_options, "--resume", "--trainer.max_steps", "3")
    assert result.status == 0, result.err
    assert "keep their weights" not in result.err
    assert workspace.tokenizer(name) == trained
    result = workspace("fit", "w", *options, "--data.tokenizer", "Bytes", "--resume", "--trainer.max_steps", "4")
    assert result.status == 1
    assert "the source tokenizer of the checkpoint (18 tokens) is not the one of this corpus" in result.err


def test_tokenizer_file_is_used(workspace: Workspace) -> None:
    learned = Characters()
    learned.learn(["one two three four five six", "zwei ä"])
    tokenizers.save(learned, workspace.folder / "characters.json")
    result = workspace.fine_tune("w", "--data.tokenizer", workspace.folder / "characters.json")
    assert result.status == 0, result.err
    assert "vocabulary: 19 tokens keep their weights, 2 are new, 0 are dropped\n" in result.err
    assert workspace.tokenizer()["units"] == learned.units()


def test_tokenizer_of_the_checkpoint_is_the_default(workspace: Workspace) -> None:
    result = workspace.fine_tune("w")
    assert result.status == 0, result.err
    assert "keep their weights" not in result.err
    assert "are not in the vocabulary and are read as <unk>" in result.err
    assert workspace.tokenizer() == workspace.tokenizer("w")


def test_vocabulary_origin_is_saved_in_the_configuration(workspace: Workspace) -> None:
    assert workspace.fine_tune("w", "--data.tokenizer", "Characters").status == 0
    units = workspace.tokenizer()["units"]
    newest = max((path for path in (workspace.folder / "tuned").iterdir()), key=lambda path: int(path.name))
    config = newest / "config.yaml"
    assert "init_vocabulary: data" in config.read_text()
    result = seq2seq("fit", "--config", config, "--runs", workspace.folder, "--name", "tuned", "--again")
    assert result.status == 0, result.err
    assert workspace.tokenizer()["units"] == units


def test_configuration_with_another_tokenizer_needs_init_vocabulary(workspace: Workspace) -> None:
    text = (workspace.folder / "w.yaml").read_text()
    (workspace.folder / "words.yaml").write_text(text.replace("tokenizer: Characters", "tokenizer: Words"))
    weights = ("--init-from", workspace.folder / "w" / "1", "--name", "tuned", "--again", "--trainer.max_steps", "2")
    result = workspace("fit", "words", *weights)
    assert result.status == 1
    assert "seq2seq: data.tokenizer is Words, but " in result.err
    assert "trained with another tokenizer, Characters: give --init-vocabulary data to use Words" in result.err
    result = workspace("fit", "words", *weights, "--init-vocabulary", "data")
    assert result.status == 1
    assert "Characters and the one of the data is Words; their vocabularies cannot be matched" in result.err
    result = workspace("fit", "words", *weights, "--init-vocabulary", "checkpoint")
    assert result.status == 0, result.err
    assert workspace.tokenizer() == workspace.tokenizer("w")


def test_other_tokenizer_options_are_another_tokenizer(workspace: Workspace) -> None:
    result = workspace.fine_tune("w", "--data", "LanguageData", "--data.tokenizer.min_count", "2")
    assert result.status == 0, result.err
    assert "keep their weights" in result.err


def test_weights_of_nan_are_refused_before_the_run_is_made(workspace: Workspace) -> None:
    contents = checkpoint(workspace.folder / "w" / "1")
    contents["state_dict"]["output.linear.bias"][-1] = torch.nan
    path = workspace.folder / "diverged.ckpt"
    checkpoint_file.save(contents, path)
    result = workspace("fit", "w", "--init-from", path, "--name", "other")
    assert result.status == 1
    assert result.err.splitlines()[-1] == (
        f"seq2seq: cannot start from {path}: its weights have diverged: output.linear.bias contains NaN or infinity"
    )
    assert not (workspace.folder / "other").exists()


def test_init_vocabulary_needs_init_from(workspace: Workspace) -> None:
    result = workspace("fit", "w", "--init-vocabulary", "data")
    assert result.status == 1
    assert result.err == ("seq2seq: --init-vocabulary needs --init-from\n")


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_evaluation_commands_use_the_tokenizer_of_the_checkpoint(workspace: Workspace, command: str) -> None:
    result = workspace(command, "w", "--ckpt-path", workspace.folder / "w" / "1", "--data.tokenizer", "Words")
    assert result.status == 1
    assert result.err == f"seq2seq: {command} uses the tokenizer of the checkpoint: remove --data.tokenizer\n"
