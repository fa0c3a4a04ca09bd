"""Tests of a tokenizer in a user's own module: learning, files, checkpoints, resuming and inference."""

from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, TRANSLATION, CommandResult, RunningCommand, checkpoint, write_config, write_corpus
from my_tokenizers import Syllables

from seq2seq.errors import UserError
from seq2seq.tokenizers import Characters, load, restore, save

LINES = ["banana 1234 bana", "na na banana"]
KIND = "my_tokenizers.Syllables"
UNTRUSTED = f"it names {KIND}, which is not a class of seq2seq: to import and run it, trust its module with --trust "
IMPORT_PATH = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"


@pytest.fixture
def syllables() -> Syllables:
    tokenizer = Syllables(min_count=3)
    tokenizer.learn(LINES)
    return tokenizer


def fresh(folder: Path, *arguments: str | Path) -> CommandResult:
    """Run a command in a new process that has not imported the user's module, but could."""
    folder.mkdir()
    return RunningCommand(folder, *arguments, code=IMPORT_PATH).wait()


def assert_untrusted(result: CommandResult) -> None:
    assert result.status != 0
    assert UNTRUSTED + "my_tokenizers" in result.err
    assert result.err.count("\n") == 1


def test_state_names_the_import_path_and_holds_options_and_learned_values(syllables: Syllables) -> None:
    assert syllables.state_dict() == {
        "kind": KIND,
        "version": 1,
        "options": {"vowels": "aeiou", "min_count": 3},
        "counts": {" ": 4, "ba": 3, "na": 7},
        "alphabet": b"\n 1234abn",
    }
    assert syllables.pieces("bana 43x") == ["ba", "na", " ", "4", "3", "<unk>"]


def test_state_is_restored_only_with_trust(syllables: Syllables, tmp_path: Path) -> None:
    state = syllables.state_dict()
    path = tmp_path / "syllables.json"
    save(syllables, path)
    for restored in (restore(state, ["my_tokenizers"]), restore(state, "json,my_tokenizers"), load(path, [KIND[:13]])):
        assert type(restored) is Syllables
        assert restored == syllables
        assert restored.encode("banana 12") == syllables.encode("banana 12")
    with pytest.raises(UserError, match=f"^{UNTRUSTED}my_tokenizers$"):
        restore(state)
    with pytest.raises(UserError, match=rf"syllables\.json cannot be used: {UNTRUSTED}my_tokenizers$"):
        load(path, ["json"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "my_tokenizers.UserError"}, "names my_tokenizers.UserError, which is no Tokenizer"),
        ({"kind": "my_tokenizers.Counter"}, "names my_tokenizers.Counter, which is of collections"),
        ({"kind": "my_tokenizers.Absent"}, "cannot be imported"),
        ({"kind": "my_tokenizers.UserError.__init__"}, "no part of an import path may start with two underscores"),
        ({"version": 2}, "format version 2"),
        ({"options": []}, "the options of a tokenizer must be a dict"),
        ({"options": {"vowels": "a"}}, "the options of a tokenizer must have min_count"),
        ({"options": {"vowels": "a", "min_count": Path()}}, "must hold only dicts with strings as keys.*PosixPath"),
        ({"counts": {1: 2}}, "must hold only dicts with strings as keys, lists.* and None, not 1$"),
        ({"counts": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}, "must hold only dicts"),
        ({"counts": []}, "counts must be a dict"),
        ({"units": []}, "the state of this tokenizer cannot have 'units'"),
    ],
)
def test_forged_state_is_refused_before_the_class_sees_it(
    syllables: Syllables, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        restore(syllables.state_dict() | changes, ["my_tokenizers"])


def test_state_of_values_that_no_file_can_hold_is_refused(syllables: Syllables, tmp_path: Path) -> None:
    syllables.vowels = {"a", "e"}  # type: ignore[assignment]
    for use in (syllables.fingerprint, syllables.state_dict, lambda: save(syllables, tmp_path / "t.json")):
        with pytest.raises(UserError, match=rf"the state of {KIND} must hold only dicts .*, not \{{'"):
            use()


def test_fingerprint_depends_on_the_class_and_not_on_its_code(syllables: Syllables) -> None:
    class Characters(Syllables):  # its name is that of a class of the package
        pass

    other = Characters()
    other.__dict__.update(syllables.__dict__)
    assert other.encode("banana") == syllables.encode("banana")
    assert other != syllables
    assert other.fingerprint() != syllables.fingerprint()
    assert syllables.cache_key() != syllables.fingerprint() == restore(syllables.state_dict(), KIND[:13]).fingerprint()


def test_cache_key_of_the_packages_own_classes_is_the_fingerprint() -> None:
    assert Characters().cache_key() == Characters().fingerprint()


def test_translator_trains_resumes_and_translates(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path)
    text = TRANSLATION.replace(
        "tokenizer: Characters", f"tokenizer: {{class_path: {KIND}, init_args: {{min_count: 3}}}}"
    )
    text = text.replace("val_check_interval: 2", "val_check_interval: 10")
    options = "--config", write_config(tmp_path, text, corpus), "--runs", tmp_path / "runs"
    result = fresh(tmp_path / "fit", "fit", *options, "--trainer.max_steps", "10")
    assert result.status == 0, result.err
    run = tmp_path / "runs" / "config" / "1"
    state = checkpoint(run)["TranslationData"]["tokenizers"]["source"]
    assert (state["kind"], state["options"]["min_count"]) == (KIND, 3)

    result = fresh(tmp_path / "resume", "fit", *options, "--trainer.max_steps", "20", "--resume")
    assert result.status == 0, result.err
    assert checkpoint(run)["global_step"] == 20
    assert checkpoint(run)["TranslationData"]["tokenizers"]["source"] == state
    assert "learning a vocabulary" not in result.err

    translate = "translate", run, "--input", corpus / "test.a"
    assert_untrusted(fresh(tmp_path / "untrusted", *translate))
    result = fresh(tmp_path / "trusted", *translate, "--trust", "my_tokenizers")
    assert (result.status, result.out.count("\n")) == (0, 5), result.err
    result = fresh(tmp_path / "evaluation", "evaluate", run, "--trust", "my_tokenizers")
    assert "BLEU" in result.out, result.err


def test_language_model_uses_a_file_of_the_tokenizer(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path)
    file = tmp_path / "syllables.json"
    learn = "tokenize", corpus / "text.txt", "--out", file, "--tokenizer", KIND, "--tokenizer.min_count", "3"
    result = fresh(tmp_path / "tokenize", *learn, "--show", "one two")
    assert result.out.splitlines()[-1] == "pieces: o ne ␣ two", result.err
    fit = (
        "fit",
        "--config",
        write_config(tmp_path, LANGUAGE, corpus),
        "--data.tokenizer",
        file,
        "--runs",
        tmp_path / "r",
    )
    assert_untrusted(fresh(tmp_path / "untrusted", *fit))
    result = fresh(tmp_path / "trusted", *fit, "--trust", "my_tokenizers", "--checkpoint.save_top_k", "2")
    assert result.status == 0, result.err
    run = tmp_path / "r" / "config" / "1"
    assert checkpoint(run)["LanguageData"]["tokenizers"]["source"]["kind"] == KIND

    average = "average", run, "--output", tmp_path / "average.ckpt"
    assert_untrusted(fresh(tmp_path / "no-average", *average))
    result = fresh(tmp_path / "average", *average, "--trust", "my_tokenizers")
    assert result.status == 0, result.err
    result = fresh(
        tmp_path / "sample", "sample", tmp_path / "average.ckpt", "--length", "5", "--trust", "my_tokenizers"
    )
    assert result.status == 0, result.err
    start = "--init-from", tmp_path / "average.ckpt", "--name", "second", "--trust", "my_tokenizers"
    result = fresh(tmp_path / "second", *fit, *start)
    assert result.status == 0, result.err
