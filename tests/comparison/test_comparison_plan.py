"""Widths are solved, blocks are named, and what cannot be trained is said before anything is."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.calibration import steps_within
from seq2seq.comparison.plan import Settings, agreed, load, make_plan, model_of, save, slug, vocabulary, with_steps
from seq2seq.comparison.recipes import RECIPES
from seq2seq.comparison.widths import CLOSE, Width, solve
from seq2seq.inference.checkpoint import build


def settings(config: dict[str, Any], *layers: str, **changed: Any) -> Settings:
    usual = Settings(config, list(layers), "parameters", 1, None, 6, None, False)
    return usual._replace(**changed)


def built(config: dict[str, Any], **vocabulary: Any) -> int:
    model = build({**config["model"], "init_args": {**config["model"]["init_args"], **vocabulary}})
    return sum(weight.numel() for weight in model.parameters())


def test_all_have_the_parameters_of_the_configuration(language: dict[str, Any]) -> None:
    plan = make_plan(settings(language, "LSTM", "GRU", "RNN", "LSTM:depth=2", "GRU:embedding_size=16"))
    first = plan.variants[0]
    assert first.size == 64
    for variant in plan.variants:
        assert abs(variant.parameters - first.parameters) <= CLOSE * first.parameters
        assert variant.config["model"]["init_args"]["size"] == variant.size


def test_what_is_counted_is_what_is_built(language: dict[str, Any], translation: dict[str, Any]) -> None:
    for config, entry in ((language, "GRU"), (translation, "GRU/LSTM")):
        variant = make_plan(settings(config, entry, parameters=20_000)).variants[0]
        assert abs(variant.parameters - 20_000) <= 400
        assert built(variant.config, **vocabulary(config, model_of(config))) == variant.parameters


def test_a_translator_has_an_even_width(translation: dict[str, Any]) -> None:
    plan = make_plan(settings(translation, "LSTM", "GRU", "RNN/GRU"))
    assert all(variant.size % 2 == 0 for variant in plan.variants)
    encoders = [variant.config["model"]["init_args"]["encoder"] for variant in plan.variants]
    assert encoders[0] == encoders[1] == translation["model"]["init_args"]["encoder"]
    assert encoders[2] == {"class_path": "seq2seq.recurrence.RNN", "init_args": {}}


@given(
    target=st.integers(1000, 10**9),
    heads=st.integers(1, 48),
    square=st.integers(1, 20),
    line=st.integers(0, 500),
)
def test_the_nearest_width_is_found(target: int, heads: int, square: int, line: int) -> None:
    def count(size: int) -> int:
        if size % heads:
            raise ValueError("no multiple of heads")
        return square * size * size + line * size

    try:
        found = solve(count, target, "it")
    except ValueError as error:
        assert "nearest is" in str(error)  # noqa: PT017
        found = None
    sizes = range(heads, max(2 * heads, 2 * round((target / square) ** 0.5) + 2 * heads), heads)
    best = min(sizes, key=lambda size: abs(count(size) - target))
    if abs(count(best) - target) <= CLOSE * target:
        assert found == Width(found.size, count(found.size)) if found else False
        assert abs(found.parameters - target) == abs(count(best) - target)
    else:
        assert found is None


def test_a_feed_forward_makes_up_for_widths_that_heads_make_coarse(language: dict[str, Any]) -> None:
    def variant(parameters: int) -> Any:
        options = "CausalAttention:depth=4,heads=16,norm=true,residual=true,feed_forward=2,embedding_size=null"
        return make_plan(settings(language, options, parameters=parameters)).variants[0]

    for target in (400_000, 450_000, 500_000):
        found = variant(target)
        assert abs(found.parameters - target) <= CLOSE * target
        assert found.size % 16 == 0
        init = found.config["model"]["init_args"]
        assert f"feed-forward {init['feed_forward']:.3g}" in found.block
        assert built(found.config, **vocabulary(found.config, model_of(found.config))) == found.parameters


def test_what_cannot_be_met_is_said(language: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"LSTM cannot have 10 parameters within 2 %: the nearest is \d+ with size 1"):
        make_plan(settings(language, "LSTM", parameters=10))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": 0}, "--seeds must be at least 1, and 0 was given"),
        ({"minutes": 0.0, "steps": None}, "--minutes must be more than 0"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"minutes": 1.0}, "--minutes and --steps both say how long"),
        ({"budget": "time"}, "--budget time needs --minutes"),
        ({"budget": "tokens", "minutes": 1.0, "steps": None}, "--budget tokens gives all the same steps"),
        ({"budget": "tokens", "parameters": 5}, "--parameters belongs to --budget parameters"),
        ({"layers": ["LSTM:size=5"]}, "--budget parameters solves the size of each layer, and LSTM:size=5 gives one"),
        ({"layers": ["LSTM:depth=deep"]}, "LSTM:depth=deep cannot be built: depth cannot be deep"),
        ({"layers": ["LSTM:depth=0"]}, "LSTM:depth=0 cannot be built with any size: a stack needs at least one layer"),
        ({"layers": ["LSTM:depth=0"], "budget": "tokens"}, "LSTM:depth=0 cannot be built: a stack needs"),
    ],
)
def test_a_mistake_is_one_sentence(language: dict[str, Any], changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        make_plan(settings(language, "LSTM")._replace(**changed))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_steps_or_minutes_are_needed(language: dict[str, Any]) -> None:
    endless = copy.deepcopy(language)
    endless["trainer"]["max_steps"] = -1
    with pytest.raises(ValueError, match=r"the configuration has no trainer\.max_steps"):
        make_plan(settings(endless, "LSTM", steps=None))
    assert make_plan(settings(language, "LSTM", steps=None)).variants[0].steps == 6
    timed = make_plan(settings(language, "LSTM", steps=None, minutes=1.0, budget="time"))
    assert timed.variants[0].steps is None


def test_the_configured_width_stays_without_a_budget_of_parameters(language: dict[str, Any]) -> None:
    plan = make_plan(settings(language, "LSTM", "RNN", "GRU:size=10", budget="tokens"))
    assert [variant.size for variant in plan.variants] == [64, 64, 10]


def test_an_entry_outweighs_the_recipe_and_this_the_configuration(
    language: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "GRU", {"keep_bias": 3.0, "depth": 2, "norm": True, "lr": 0.5})

    def options(entry: str, same_block: bool = False) -> tuple[Any, ...]:
        config = make_plan(settings(language, entry, budget="tokens", same_block=same_block)).variants[0].config
        init = config["model"]["init_args"]
        return init["layer"]["init_args"], init["depth"], init["norm"], config["optimizer"]["init_args"]["lr"]

    assert options("GRU") == ({"keep_bias": 3.0}, 2, True, 0.5)
    assert options("GRU:depth=3,lr=0.1") == ({"keep_bias": 3.0}, 3, True, 0.1)
    assert options("GRU", same_block=True) == ({}, 1, False, 0.01)
    assert options("GRU:keep_bias=0", same_block=True) == ({"keep_bias": 0}, 1, False, 0.01)


def test_a_layer_of_the_configuration_keeps_its_options(language: dict[str, Any]) -> None:
    own = copy.deepcopy(language)
    own["model"]["init_args"]["layer"] = {"class_path": "seq2seq.recurrence.LSTM", "init_args": {"forget_bias": 0.0}}
    blocks = [variant.block for variant in make_plan(settings(own, "LSTM", "LSTM:forget_bias=2", "GRU")).variants]
    assert blocks[0] == "LSTM, 1 x 64, forget bias 0"
    assert blocks[1] == "LSTM, 1 x 64, forget bias 2"
    assert blocks[2].startswith("GRU, 1 x ")


def test_a_row_names_the_whole_block(language: dict[str, Any], translation: dict[str, Any]) -> None:
    entry = "RNN:depth=2,nonlinearity=relu,norm=true,residual=true,lr=0.5,embedding_size=16"
    (variant,) = make_plan(settings(language, entry, budget="tokens")).variants
    assert variant.block == "RNN, 2 x 64, nonlinearity relu, norm, residual, embedding 16, rate 0.5"
    (variant,) = make_plan(settings(translation, "LSTM/GRU:input_feeding=true", budget="tokens")).variants
    assert variant.block == "LSTM/GRU, 1 x 64, input feeding"


@given(steps=st.integers(1, 5000), batches=st.integers(1, 4))
def test_validations_are_even_and_the_schedule_ends(steps: int, batches: int) -> None:
    trainer = {"accumulate_grad_batches": batches, "log_every_n_steps": 20, "max_steps": 1}
    made = with_steps({"trainer": trainer}, steps)["trainer"]
    every, rest = divmod(made["val_check_interval"], batches)
    assert rest == 0
    assert made["max_steps"] == steps
    assert 1 <= every <= steps
    assert steps // every <= 15
    assert trainer["max_steps"] == 1


@given(seconds=st.floats(0.1, 1e5), step=st.floats(1e-4, 10))
def test_steps_fit_into_the_time(seconds: float, step: float) -> None:
    steps = steps_within(seconds, step)
    assert steps % 8 == 0
    assert steps == 8 or abs(steps * step - seconds) <= 4 * step + 1e-6 * seconds
    assert steps_within(seconds, None) > 0


def test_names_of_files_are_plain_and_each_is_another() -> None:
    assert slug("LSTM:depth=2,lr=1e-3", []) == "LSTM-depth-2-lr-1e-3"
    assert slug("LSTM/GRU", ["GRU", "LSTM-GRU"]) == "LSTM-GRU-2"


def test_a_plan_that_is_kept_is_the_same_and_another_is_refused(language: dict[str, Any], tmp_path: Path) -> None:
    plan = make_plan(settings(language, "LSTM", "GRU"))
    assert load(tmp_path) is None
    save(plan, tmp_path)
    kept = load(tmp_path)
    assert kept == plan
    assert agreed(kept, plan, tmp_path) == plan
    other = copy.deepcopy(language)
    other["data"]["init_args"]["batch_size"] = 5
    for changed, name in (
        (settings(language, "LSTM", "GRU", seeds=2), "--seeds"),
        (settings(language, "LSTM"), "--layers"),
        (settings(language, "LSTM", "GRU", same_block=True), "--same-block"),
        (settings(other, "LSTM", "GRU"), r"--data\.batch_size"),
    ):
        with pytest.raises(ValueError, match=rf"holds another comparison \(changed: {name}\)"):
            agreed(kept, make_plan(changed), tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ValueError, match="is no plan of a comparison; --again makes a new one"):
        load(tmp_path)
