"""Widths are solved, blocks are named, and what cannot be trained is said before anything is."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.calibration import steps_within
from seq2seq.comparison.compare import planned
from seq2seq.comparison.entries import arguments, classes
from seq2seq.comparison.plan import (
    Settings,
    agreed,
    config_of,
    even,
    load,
    make_plan,
    model_of,
    save,
    slug,
    vocabulary,
    with_steps,
)
from seq2seq.comparison.recipes import GATES, RECIPES
from seq2seq.comparison.widths import CLOSE, Width, solve
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import build
from seq2seq.models.hyperparameters import plain


def settings(config: dict[str, Any], *layers: str, **changed: Any) -> Settings:
    usual = Settings(config, list(layers), "parameters", 1, None, 6, None, False)
    return usual._replace(**changed)


def built(config: dict[str, Any], **vocabulary: Any) -> int:
    model = build(plain({**config["model"], "init_args": {**config["model"]["init_args"], **vocabulary}}))
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


START = {
    "LSTM": "forget_bias",
    "LayerNormLSTM": "forget_bias",
    "MogrifierLSTM": "forget_bias",
    "MinLSTM": "forget_bias",
    "GRU": "keep_bias",
    "LayerNormGRU": "keep_bias",
    "MinGRU": "write_bias",
}


def translator(config: dict[str, Any], encoder: str, decoder: str, **options: Any) -> dict[str, Any]:
    """The configuration of a translator with these two layers and options of both."""
    new = copy.deepcopy(config)
    for role, name in (("encoder", encoder), ("decoder", decoder)):
        new["model"]["init_args"][role] = {"class_path": f"seq2seq.recurrence.{name}", "init_args": dict(options)}
    return new


def layers(config: dict[str, Any], entry: str, **changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the encoder and of the decoder that an entry gets."""
    (variant,) = make_plan(settings(config, entry, budget="tokens", **changed)).variants
    init = variant.config["model"]["init_args"]
    return init["encoder"]["init_args"], init["decoder"]["init_args"]


def test_every_class_with_gates_that_a_translator_starts_anew_is_known() -> None:
    found = {name: key for name, kind in classes(encoder=True).items() for key in arguments(kind) if key in GATES}
    assert found == START


@pytest.mark.parametrize(("name", "key"), START.items())
def test_the_gates_of_a_translator_start_alike(translation: dict[str, Any], name: str, key: str) -> None:
    plain = translator(translation, "RNN", "RNN")
    assert layers(plain, f"{name}/{name}") == ({key: 0}, {key: 0})
    assert layers(plain, name) == ({}, {key: 0})
    assert layers(plain, f"{name}:{key}=2")[1] == {key: 2}
    assert layers(plain, f"{name}/{name}", same_block=True) == ({}, {})


def test_gates_stay_as_the_configuration_or_a_memory_span_has_them(
    language: dict[str, Any], translation: dict[str, Any]
) -> None:
    own = translator(translation, "LSTM", "LSTM", forget_bias=0.5)
    assert layers(own, "LSTM/LSTM") == ({"forget_bias": 0.5}, {"forget_bias": 0.5})
    assert layers(own, "GRU/LSTM") == ({"keep_bias": 0}, {"forget_bias": 0.5})
    assert layers(own, "GRU:memory_span=9")[1] == {"memory_span": 9}
    own["model"]["init_args"]["encoder"] = "seq2seq.recurrence.GRU"
    assert layers(own, "GRU/LSTM") == ({}, {"forget_bias": 0.5})
    (variant,) = make_plan(settings(language, "GRU")).variants
    assert variant.config["model"]["init_args"]["layer"]["init_args"] == {}


def test_the_decoder_decides_the_block_of_a_pair(translation: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "MinGRU", {"write_bias": -3.0, "depth": 3, "norm": True, "lr": 0.5})

    def decided(entry: str) -> tuple[Any, ...]:
        (variant,) = make_plan(settings(translation, entry, budget="tokens")).variants
        init = variant.config["model"]["init_args"]
        own = init["encoder"]["init_args"].get("write_bias")
        return own, init["depth"], init["norm"], variant.config["optimizer"]["init_args"]["lr"]

    assert decided("MinGRU/GRU") == (-3.0, 1, False, 0.01)
    assert decided("GRU/MinGRU") == (None, 3, True, 0.5)


@given(
    target=st.integers(1000, 10**9),
    heads=st.integers(1, 48),
    square=st.integers(1, 20),
    line=st.integers(0, 500),
)
def test_the_nearest_width_is_found(target: int, heads: int, square: int, line: int) -> None:
    def count(size: int) -> int:
        if size % heads:
            raise UserError("no multiple of heads")
        return square * size * size + line * size

    try:
        found = solve(count, target, "it")
    except UserError as error:
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
        options = "CausalAttention:depth=4,heads=16,norm=true,residual=true,feed_forward=2.0,embedding_size=null"
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
        ({"seeds": 0}, "--seeds must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ({"minutes": 0.0, "steps": None}, "--minutes must be above 0"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"minutes": 1.0}, "--minutes and --steps both say how long"),
        ({"budget": "time"}, "--budget time needs --minutes"),
        ({"budget": "tokens", "minutes": 1.0, "steps": None}, "--budget tokens gives all the same steps"),
        ({"budget": "tokens", "parameters": 5}, "--parameters belongs to --budget parameters"),
        ({"layers": ["LSTM:size=5"]}, "--budget parameters solves the size of each layer, and LSTM:size=5 gives one"),
        ({"layers": ["LSTM:depth=deep"]}, "LSTM:depth=deep cannot be built: depth cannot be deep"),
        ({"layers": ["LSTM:depth=0"]}, "depth must be at least 1 and at most 1,000, and 0 was given in LSTM:depth=0"),
        ({"layers": ["LSTM:lr=nan"]}, "lr must be above 0 and finite, and nan was given in LSTM:lr=nan"),
        ({"layers": ["LSTM:depth=["]}, "depth cannot be [, as in LSTM:depth=["),
        (
            {"layers": ["Retention:heads=1000"]},
            "Retention:heads=1000 cannot be built with any size: size (256) must be a multiple of heads (1000)",
        ),
        (
            {"layers": ["Retention:heads=1000"], "budget": "tokens"},
            "Retention:heads=1000 cannot be built: size (64) must be a multiple of heads (1000)",
        ),
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
    config = translator(translation, "LSTM", "LSTM", forget_bias=0.0)
    for entry, block in (
        ("LSTM/GRU:input_feeding=true", "encoder LSTM, forget bias 0; decoder GRU, keep bias 0; 1 x 64, input feeding"),
        ("RNN", "encoder LSTM, forget bias 0; decoder RNN; 1 x 64, rate 0.003"),
        ("GRU:keep_bias=1,lr=0.5", "encoder LSTM, forget bias 0; decoder GRU; 1 x 64, rate 0.5"),
    ):
        assert make_plan(settings(config, entry, budget="tokens")).variants[0].block == block
    both = "encoder RGLRU, heads 4, convolution 4, output gate; decoder MLSTM, heads 4, convolution 4, output gate; "
    (variant,) = make_plan(settings(config, "RGLRU/MLSTM", budget="tokens")).variants
    assert variant.block.startswith(both)


@pytest.mark.parametrize(("asked", "made"), [(97, 96), (43, 42), (11, 11), (13, 13), (6000, 6000), (1, 1)])
def test_steps_become_even(language: dict[str, Any], asked: int, made: int) -> None:
    (variant,) = make_plan(settings(language, "LSTM", steps=asked)).variants
    trainer = variant.config["trainer"]
    assert variant.steps == trainer["max_steps"] == made
    assert made % trainer["val_check_interval"] == 0


@given(asked=st.integers(1, 5000), batches=st.integers(1, 4))
def test_validations_are_even_and_the_last_step_has_one(asked: int, batches: int) -> None:
    trainer = {"accumulate_grad_batches": batches, "log_every_n_steps": 20, "max_steps": 1}
    steps = even(asked)
    assert asked - 4 <= steps <= asked
    made = with_steps({"trainer": trainer}, steps)["trainer"]
    every, rest = divmod(made["val_check_interval"], batches)
    assert rest == 0
    assert made["max_steps"] == steps
    assert steps % every == 0
    assert min(5, steps) <= steps // every <= 15
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
        (settings(language, "LSTM", "GRU", steps=7), "--steps"),
        (settings(language, "LSTM", "GRU", same_block=True), "--same-block"),
        (settings(other, "LSTM", "GRU"), r"--data\.batch_size"),
    ):
        with pytest.raises(ValueError, match=rf"holds another comparison \(changed: {name}\)"):
            agreed(kept, make_plan(changed), tmp_path)


def test_more_seeds_and_other_layers_keep_what_is_planned(language: dict[str, Any], tmp_path: Path) -> None:
    timed = settings(language, "LSTM", "GRU", steps=None, minutes=1.0, budget="time")
    first = planned(make_plan(timed), tmp_path, False)
    paced = first._replace(variants=[variant._replace(steps=80) for variant in first.variants])
    save(paced, tmp_path)
    more = planned(make_plan(timed._replace(layers=["GRU", "RNN"], seeds=3)), tmp_path, False)
    assert more.settings.seeds == 3
    assert [(variant.entry, variant.steps) for variant in more.variants] == [("GRU", 80), ("RNN", None)]
    assert more == load(tmp_path)
    # what comes back finds what it had
    back = planned(make_plan(timed), tmp_path, False)
    assert back.variants == paced.variants
    assert [variant.entry for variant in back.aside] == ["RNN"]
    assert load(tmp_path) == back


def test_a_layer_that_is_added_takes_no_name_of_another(language: dict[str, Any], tmp_path: Path) -> None:
    (one,) = planned(make_plan(settings(language, "LSTM:forget_bias=1")), tmp_path, False).variants
    (other,) = planned(make_plan(settings(language, "LSTM:forget_bias=-1")), tmp_path, False).variants
    assert (one.slug, other.slug) == ("LSTM-forget-bias-1", "LSTM-forget-bias-1-2")
    assert config_of(tmp_path, other).exists()


@pytest.mark.parametrize("damage", [None, "{broken", "[]", "{}", '{"variants": []}', '{"settings": 3, "variants": 3}'])
def test_starting_anew_removes_what_was_trained_and_nothing_else(
    language: dict[str, Any], tmp_path: Path, damage: str | None
) -> None:
    asked = settings(language, "LSTM")
    planned(make_plan(asked._replace(layers=["LSTM", "GRU"], seeds=2)), tmp_path, False)
    planned(make_plan(asked), tmp_path, False)
    left = ("runs/LSTM-1/1/log", "runs/GRU-2/1/log", "trials/LSTM-2.json", "trials/GRU-1.json", "measures/GRU.json")
    mine = ("runs/mine-1/log", "runs/LSTM-mine/log", "trials/LSTM.txt", "notes.txt")
    for name in left + mine:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    if damage is not None:
        (tmp_path / "plan.json").write_text(damage)
        with pytest.raises(ValueError, match="is no plan of a comparison; --again makes a new one"):
            planned(make_plan(asked), tmp_path, False)
    plan = planned(make_plan(asked), tmp_path, True)
    assert load(tmp_path) == plan
    assert plan.aside == ()
    assert not [name for name in left if (tmp_path / name).exists()]
    assert all((tmp_path / name).exists() for name in mine)
    assert [path.name for path in (tmp_path / "configs").iterdir()] == ["LSTM.yaml"]
