"""Laws of training that starts from a checkpoint: a token that both vocabularies have keeps its weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, TRANSLATION, Told, checkpoint, same_bits, seq2seq, write_config, write_corpus
from torch import Tensor

from seq2seq import checkpoint as checkpoints
from seq2seq import tokenizers
from seq2seq.errors import UserError
from seq2seq.models import LanguageModel, Translator
from seq2seq.models.trainable import describe
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words
from seq2seq.training.transfer import start_from

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


def saved(model: Any, sides: Sides, folder: Path) -> str:
    """The path of a checkpoint of a model as it is, with other biases than it is made with."""
    with torch.no_grad():
        model.output.bias.uniform_(-1, 1)
    held = {
        "state_dict": model.state_dict(),
        "model": describe(model) | {"fingerprints": {side: t.fingerprint() for side, t in sides.items()}},
        "data": {"tokenizers": {side: t.state_dict() for side, t in sides.items()}},
    }
    checkpoints.save(held, folder / "trained.ckpt")
    return str(folder / "trained.ckpt")


def row(model: Any, layer: str, tokenizer: Tokenizer, token: str) -> Tensor:
    """Its weights in a layer, and its bias if there is one."""
    part, i = model.get_submodule(layer), tokenizer.units().index(token)
    bias = getattr(part, "bias", None)
    return torch.cat([part.weight[i], part.weight.new_zeros(1) if bias is None else bias[i : i + 1]]).detach()


@pytest.mark.parametrize("options", [{}, {"tied": False}, {"embedding_size": 4}])
def test_shared_tokens_of_a_language_model_keep_their_rows(
    tmp_path: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = words("b a gone <s>"), words("new a c b <s> newer")
    before, after, fresh = language(old, 1, **options), language(new, 2, **options), language(new, 2, **options)
    start_from(after, {"source": new}, saved(before, {"source": old}, tmp_path))
    for layer in ("embedding", "output"):
        for token in ("<pad>", "<unk>", "</s>", "\n", "a", "b", "<s>"):
            assert torch.equal(row(after, layer, new, token), row(before, layer, old, token))
        for token in ("new", "c", "newer"):
            assert torch.equal(row(after, layer, new, token), row(fresh, layer, new, token))
    assert (after.output.weight is after.embedding.weight) == (options.get("tied", True))
    rest = {name for name in after.state_dict() if not name.startswith(("embedding", "output"))}
    assert rest
    assert all(torch.equal(after.state_dict()[name], before.state_dict()[name]) for name in rest)
    assert capsys.readouterr().err == "vocabulary: 8 tokens keep their weights, 3 are new, 1 are dropped\n"


def test_the_same_tokenizer_takes_every_weight_and_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = words("a b c")
    before, after = language(tokenizer, 1), language(tokenizer, 2)
    start_from(after, {"source": tokenizer}, saved(before, {"source": tokenizer}, tmp_path))
    assert same_bits(dict(after.state_dict()), dict(before.state_dict()))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("now", ["shared", "apart"])
@pytest.mark.parametrize("then", ["shared", "apart"])
def test_shared_tokens_of_a_translator_keep_their_rows_on_their_side(
    tmp_path: Path, tied: bool, now: str, then: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where two vocabularies become one, or one becomes two; the target's rows are those of a shared table."""
    both, other = words("a b c x"), words("c d a x y")
    old = {"source": both, "target": both if then == "shared" else words("a c z gone")}
    new = {"source": other, "target": other if now == "shared" else words("z a new")}
    before, after = translator(old, 1, tied=tied), translator(new, 2, tied=tied)
    fresh = translator(new, 2, tied=tied)
    start_from(after, new, saved(before, old, tmp_path))
    one_table = after.source_embedding.weight is after.target_embedding.weight
    assert one_table == (tied and now == "shared")
    for layer, side in (("target_embedding", "target"), ("output", "target"), ("source_embedding", "source")):
        shared = set(new[side].units()) & set(old[side].units())
        if layer == "source_embedding" and one_table:
            shared -= set(old["target"].units())  # those are rows of the target
        assert shared or one_table
        for token in shared:
            assert torch.equal(row(after, layer, new[side], token), row(before, layer, old[side], token))
        others = set(old["source"].units()) | set(old["target"].units()) if one_table else set(old[side].units())
        for token in set(new[side].units()) - others:
            assert torch.equal(row(after, layer, new[side], token), row(fresh, layer, new[side], token))
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("vocabulary")[0] for line in said] == ([""] if one_table else ["source ", "target "])


def test_two_vocabularies_that_become_one_leave_out_no_token_of_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = words("a b new")
    old, new = {"source": words("a"), "target": words("b gone")}, {"source": one, "target": one}
    before, after = translator(old, 1), translator(new, 2)
    start_from(after, new, saved(before, old, tmp_path))
    for token, side in (("a", "source"), ("b", "target"), ("\n", "target")):
        layer = f"{side}_embedding"
        assert torch.equal(row(after, layer, one, token), row(before, layer, old[side], token))
    assert capsys.readouterr().err == "vocabulary: 7 tokens keep their weights, 1 are new, 1 are dropped\n"


def test_a_word_that_is_spelled_as_a_special_token_is_a_word(tmp_path: Path) -> None:
    old, new = words("a </s>"), words("</s> b")
    before, after = language(old, 1), language(new, 2)
    start_from(after, {"source": new}, saved(before, {"source": old}, tmp_path))
    places = [tokenizer.units().index("</s>", 4) for tokenizer in (new, old)]
    assert torch.equal(after.embedding.weight[places[0]], before.embedding.weight[places[1]])
    assert torch.equal(after.embedding.weight[3], before.embedding.weight[3])


@pytest.mark.filterwarnings("ignore:the text is too small")
def test_pieces_of_subwords_are_matched_by_what_they_stand_for(tmp_path: Path) -> None:
    old, new = Subwords(290), Subwords(300)
    old.learn(["one two three"] * 20)
    new.learn(["three four one", "fünf"] * 20)
    before, after = language(old, 1), language(new, 2)
    start_from(after, {"source": new}, saved(before, {"source": old}, tmp_path))
    shared = set(old.units()) & set(new.units())
    assert len(shared) > 262
    for piece in shared:
        assert torch.equal(row(after, "output", new, piece), row(before, "output", old, piece))


def test_tokenizers_of_different_kinds_share_nothing(tmp_path: Path) -> None:
    old = words("a b")
    path = saved(language(old, 1), {"source": old}, tmp_path)
    with pytest.raises(UserError, match=r"trained\.ckpt is Words and the one of the data Bytes"):
        start_from(language(Bytes(), 2), {"source": Bytes()}, path)


def test_other_weights_must_fit(tmp_path: Path) -> None:
    old, new = words("a b"), words("b c d")
    path = saved(language(old, 1), {"source": old}, tmp_path)
    for options in ({"size": 8}, {"depth": 2}, {"embedding_size": 4}):
        with pytest.raises(UserError, match="do not fit this model"):
            start_from(language(new, 2, **options), {"source": new}, path)
    with pytest.raises(UserError, match="do not fit this model"):
        start_from(translator({"source": new, "target": new}, 2), {"source": new, "target": new}, path)


# at the command line


class Place:
    """A folder with a corpus, another corpus, and a finished run of each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.corpus = write_corpus(folder / "corpus")
        self.other = folder / "other"
        self.other.mkdir()
        for split in ("train", "val"):
            (self.other / f"{split}.txt").write_text("zwei drei\nähnlich one\n" * 10, encoding="utf-8")
            for side in "ab":
                (self.other / f"{split}.{side}").write_text("zwei drei\nähnlich one\n" * 10, encoding="utf-8")
        for name, text in (("w", LANGUAGE.replace("CORPUS/text.txt", "CORPUS")), ("t", TRANSLATION)):
            write_config(folder, text.replace("callbacks: [Bleu]", "callbacks: []"), self.corpus, name)
            assert self("fit", name, "--trainer.max_steps", "2").status == 0

    def __call__(self, command: str, name: str, *options: str | Path) -> Told:
        return seq2seq(command, "--config", self.folder / f"{name}.yaml", "--runs", self.folder, *options)

    def tune(self, name: str, *options: str | Path) -> Told:
        weights = ("--init-from", self.folder / name / "1", "--data.corpus", self.other)
        return self("fit", name, *weights, "--name", "tuned", "--again", "--trainer.max_steps", "2", *options)

    def tokenizer(self, name: str = "tuned") -> dict[str, Any]:
        newest = max((path for path in (self.folder / name).iterdir()), key=lambda path: int(path.name))
        held = checkpoint(newest)
        data: dict[str, Any] = held.get("LanguageData") or held["TranslationData"]
        source: dict[str, Any] = data["tokenizers"]["source"]
        return source


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    (tmp_path_factory.mktemp("transfer") / "corpus").mkdir()
    return Place(tmp_path_factory.getbasetemp() / "transfer0")


@pytest.mark.parametrize("name", ["w", "t"])
def test_a_tokenizer_at_the_command_line_is_used(place: Place, name: str) -> None:
    """It is learned from the new corpus, whose letters extend the vocabulary."""
    told = place.tune(name, "--data.tokenizer", "Characters")
    assert told.status == 0, told.err
    assert "vocabulary: 13 tokens keep their weights, 5 are new, 6 are dropped\n" in told.err
    assert set("zwei drähnlcho\n ") <= set(place.tokenizer()["units"])


@pytest.mark.parametrize("named", [["--data.tokenizer", "Characters"], []])
def test_a_training_with_a_new_vocabulary_goes_on_with_it(place: Place, named: list[str]) -> None:
    name = f"again{len(named)}"
    options = ("--init-from", place.folder / "w" / "1", "--data.corpus", place.other, "--name", name)
    told = place("fit", "w", *options, "--data.tokenizer", "Characters", "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    before = place.tokenizer(name)
    told = place("fit", "w", *options, *named, "--resume", "--trainer.max_steps", "3")
    assert told.status == 0, told.err
    assert "keep their weights" not in told.err
    assert place.tokenizer(name) == before
    told = place("fit", "w", *options, "--data.tokenizer", "Bytes", "--resume", "--trainer.max_steps", "4")
    assert told.status == 1
    assert "the source tokenizer of the checkpoint (18 tokens) is not the one of this corpus" in told.err


def test_a_file_of_a_tokenizer_is_used(place: Place) -> None:
    learned = Characters()
    learned.learn(["one two three four five six", "zwei ä"])
    tokenizers.save(learned, place.folder / "characters.json")
    told = place.tune("w", "--data.tokenizer", place.folder / "characters.json")
    assert told.status == 0, told.err
    assert "vocabulary: 19 tokens keep their weights, 2 are new, 0 are dropped\n" in told.err
    assert place.tokenizer()["units"] == learned.units()


def test_without_one_the_checkpoints_is_used(place: Place) -> None:
    told = place.tune("w")
    assert told.status == 0, told.err
    assert "keep their weights" not in told.err
    assert "are not in the vocabulary and are read as <unk>" in told.err
    assert place.tokenizer() == place.tokenizer("w")


def test_what_was_decided_is_in_the_configuration_of_the_run(place: Place) -> None:
    assert place.tune("w", "--data.tokenizer", "Characters").status == 0
    units = place.tokenizer()["units"]
    newest = max((path for path in (place.folder / "tuned").iterdir()), key=lambda path: int(path.name))
    config = newest / "config.yaml"
    assert "init_vocabulary: data" in config.read_text()
    told = seq2seq("fit", "--config", config, "--runs", place.folder, "--name", "tuned", "--again")
    assert told.status == 0, told.err
    assert place.tokenizer()["units"] == units


def test_a_configuration_with_another_tokenizer_must_say_which(place: Place) -> None:
    text = (place.folder / "w.yaml").read_text()
    (place.folder / "words.yaml").write_text(text.replace("tokenizer: Characters", "tokenizer: Words"))
    weights = ("--init-from", place.folder / "w" / "1", "--name", "tuned", "--again", "--trainer.max_steps", "2")
    told = place("fit", "words", *weights)
    assert told.status == 1
    assert "seq2seq: data.tokenizer is Words, and " in told.err
    assert "trained with another tokenizer, Characters: --init-vocabulary data takes the one" in told.err
    told = place("fit", "words", *weights, "--init-vocabulary", "data")
    assert told.status == 1
    assert "Characters and the one of the data Words, so that no token is the same for both" in told.err
    told = place("fit", "words", *weights, "--init-vocabulary", "checkpoint")
    assert told.status == 0, told.err
    assert place.tokenizer() == place.tokenizer("w")


def test_other_options_of_a_tokenizer_are_another_tokenizer(place: Place) -> None:
    told = place.tune("w", "--data", "LanguageData", "--data.tokenizer.min_count", "2")
    assert told.status == 0, told.err
    assert "keep their weights" in told.err


def test_only_a_start_from_a_checkpoint_has_a_choice(place: Place) -> None:
    told = place("fit", "w", "--init-vocabulary", "data")
    assert told.status == 1
    assert told.err == ("seq2seq: init_vocabulary says whose vocabulary training starts with, and needs --init-from\n")


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_looking_at_a_model_takes_its_own_tokenizer(place: Place, command: str) -> None:
    told = place(command, "w", "--ckpt-path", place.folder / "w" / "1", "--data.tokenizer", "Words")
    assert told.status == 1
    assert told.err == f"seq2seq: {command} takes the tokenizer of its checkpoint and has no --data.tokenizer\n"
