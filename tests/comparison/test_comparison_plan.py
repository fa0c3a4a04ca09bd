"""Tests of planning a comparison: widths, block descriptions, steps and errors."""

import copy
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.blocks import NEUTRAL_GATE_BIASES, RECIPES
from seq2seq.comparison.plan import Plan, Settings, Variant, make_plan, prepare_plan, provided_options, save_plan
from seq2seq.comparison.widths import TOLERANCE, nearest_width, parameter_counter
from seq2seq.errors import UserError
from seq2seq.models.hyperparameters import serialize
from seq2seq.recurrence.registry import registered_layers
from seq2seq.tasks.loading import build_network


def make_settings(config: dict[str, Any], *layers: str, **overrides: Any) -> Settings:
    defaults = Settings(config, list(layers), "parameters", 1, None, 6, None, False)
    return defaults._replace(**overrides)


def make_variants(config: dict[str, Any], *layers: str, **overrides: Any) -> list[Variant]:
    return [*make_plan(make_settings(config, *layers, **overrides)).variants.values()]


def model_class(config: dict[str, Any]) -> type:
    return pkgutil.resolve_name(config["model"]["class_path"])  # type: ignore[no-any-return]


def count_built_parameters(config: dict[str, Any], **vocabulary_sizes: Any) -> int:
    model = build_network(
        serialize({**config["model"], "init_args": {**config["model"]["init_args"], **vocabulary_sizes}})
    )
    return sum(weight.numel() for weight in model.parameters())


def test_variants_match_the_parameters_of_the_configuration(language_config: dict[str, Any]) -> None:
    variants = make_variants(language_config, "LSTM", "GRU", "RNN", "LSTM:depth=2", "GRU:embedding_size=16")
    first = variants[0]
    assert first.size == 64
    for variant in variants:
        assert abs(variant.parameters - first.parameters) <= TOLERANCE * first.parameters
        assert variant.config["model"]["init_args"]["size"] == variant.size


def test_counted_parameters_match_the_built_model(
    language_config: dict[str, Any], translation_config: dict[str, Any]
) -> None:
    for config, entry in ((language_config, "GRU"), (translation_config, "GRU/LSTM")):
        (variant,) = make_variants(config, entry, parameters=20_000)
        assert abs(variant.parameters - 20_000) <= 400
        assert (
            count_built_parameters(variant.config, **provided_options(config, model_class(config)))
            == variant.parameters
        )


def test_translator_widths_are_even(translation_config: dict[str, Any]) -> None:
    variants = make_variants(translation_config, "LSTM", "GRU", "RNN/GRU")
    assert all(variant.size % 2 == 0 for variant in variants)
    encoders = [variant.config["model"]["init_args"]["encoder"] for variant in variants]
    assert encoders[0] == encoders[1] == translation_config["model"]["init_args"]["encoder"]
    assert encoders[2] == {"class_path": "seq2seq.recurrence.RNN", "init_args": {}}


GATE_BIAS_OPTIONS = {
    "LSTM": "forget_bias",
    "LayerNormLSTM": "forget_bias",
    "MogrifierLSTM": "forget_bias",
    "MinLSTM": "forget_bias",
    "GRU": "keep_bias",
    "LayerNormGRU": "keep_bias",
    "MinGRU": "write_bias",
}


def translator_config(config: dict[str, Any], encoder: str, decoder: str, **options: Any) -> dict[str, Any]:
    """Return the configuration of a translator with these layers and options for both."""
    new_config = copy.deepcopy(config)
    for role, name in (("encoder", encoder), ("decoder", decoder)):
        new_config["model"]["init_args"][role] = {
            "class_path": f"seq2seq.recurrence.{name}",
            "init_args": dict(options),
        }
    return new_config


def layer_options(config: dict[str, Any], entry: str, **overrides: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the encoder and the decoder options of an entry."""
    (variant,) = make_variants(config, entry, budget="tokens", **overrides)
    options = variant.config["model"]["init_args"]
    return options["encoder"]["init_args"], options["decoder"]["init_args"]


def test_layers_with_gate_biases_are_known() -> None:
    options = {
        name: key
        for name, layer in registered_layers(causal=False).items()
        for key in inspect.signature(layer).parameters
        if key in NEUTRAL_GATE_BIASES
    }
    assert options == GATE_BIAS_OPTIONS


@pytest.mark.parametrize(("name", "key"), GATE_BIAS_OPTIONS.items())
def test_translator_gates_get_neutral_biases(translation_config: dict[str, Any], name: str, key: str) -> None:
    plain = translator_config(translation_config, "RNN", "RNN")
    assert layer_options(plain, f"{name}/{name}") == ({key: 0}, {key: 0})
    assert layer_options(plain, name) == ({}, {key: 0})
    assert layer_options(plain, f"{name}:{key}=2")[1] == {key: 2}
    assert layer_options(plain, f"{name}/{name}", same_block=True) == ({}, {})


def test_configured_gates_and_memory_span_are_kept(
    language_config: dict[str, Any], translation_config: dict[str, Any]
) -> None:
    configured = translator_config(translation_config, "LSTM", "LSTM", forget_bias=0.5)
    assert layer_options(configured, "LSTM/LSTM") == ({"forget_bias": 0.5}, {"forget_bias": 0.5})
    assert layer_options(configured, "GRU/LSTM") == ({"keep_bias": 0}, {"forget_bias": 0.5})
    assert layer_options(configured, "GRU:memory_span=9")[1] == {"memory_span": 9}
    configured["model"]["init_args"]["encoder"] = "seq2seq.recurrence.GRU"
    assert layer_options(configured, "GRU/LSTM") == ({}, {"forget_bias": 0.5})
    (variant,) = make_variants(language_config, "GRU")
    assert variant.config["model"]["init_args"]["layer"]["init_args"] == {}


def test_decoder_recipe_determines_the_block(
    translation_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "MinGRU", {"write_bias": -3.0, "depth": 3, "norm": True, "lr": 0.5})

    def block_options(entry: str) -> tuple[Any, ...]:
        (variant,) = make_variants(translation_config, entry, budget="tokens")
        init = variant.config["model"]["init_args"]
        write_bias = init["encoder"]["init_args"].get("write_bias")
        return write_bias, init["depth"], init["block"]["norm"], variant.config["optimizer"]["init_args"]["lr"]

    assert block_options("MinGRU/GRU") == (-3.0, 1, False, 0.01)
    assert block_options("GRU/MinGRU") == (None, 3, True, 0.5)


@given(
    target=st.integers(1000, 10**9),
    heads=st.integers(1, 48),
    quadratic=st.integers(1, 20),
    linear=st.integers(0, 500),
)
def test_nearest_width_is_found(target: int, heads: int, quadratic: int, linear: int) -> None:
    def count(size: int) -> int:
        if size % heads:
            raise UserError("no multiple of heads")
        return quadratic * size * size + linear * size

    width = nearest_width(count, target)
    sizes = range(heads, max(2 * heads, 2 * round((target / quadratic) ** 0.5) + 2 * heads), heads)
    best = min(sizes, key=lambda size: abs(count(size) - target))
    assert width.parameters == count(width.size)
    assert abs(width.parameters - target) == abs(count(best) - target)
    assert width.is_close(target) == (abs(count(best) - target) <= TOLERANCE * target)


@pytest.mark.parametrize("name", registered_layers())
def test_width_of_own_parameter_count_is_found(language_config: dict[str, Any], name: str) -> None:
    """Valid sizes need not be multiples of the smallest: with 4 heads, they may be 8, 12, 16."""
    options = {"layer": {"class_path": f"seq2seq.recurrence.{name}"}, "depth": 1, "embedding_size": 16}
    count = parameter_counter(model_class(language_config), options, {"vocab_size": 50})
    for size in (12, 20, 148):
        assert nearest_width(count, count(size)) == (size, count(size))


def test_feed_forward_compensates_for_coarse_widths(language_config: dict[str, Any]) -> None:
    def variant(parameters: int) -> Any:
        options = "CausalAttention:depth=4,heads=16,norm=true,residual=true,feed_forward=2.0,embedding_size=null"
        return make_variants(language_config, options, parameters=parameters)[0]

    for target in (400_000, 450_000, 500_000):
        found = variant(target)
        assert abs(found.parameters - target) <= TOLERANCE * target
        assert found.size % 16 == 0
        init = found.config["model"]["init_args"]
        assert f"feed-forward {init['block']['feed_forward']:.3g}" in found.block
        assert (
            count_built_parameters(found.config, **provided_options(found.config, model_class(found.config)))
            == found.parameters
        )


def test_unreachable_parameter_count_is_reported(language_config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"LSTM cannot have 10 parameters within 2 %: the nearest is \d+ with size 1"):
        make_plan(make_settings(language_config, "LSTM", parameters=10))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"minutes": 1.0}, "--minutes and --steps both set the length of each training"),
        ({"budget": "time"}, "--budget time needs --minutes"),
        (
            {"budget": "tokens", "minutes": 1.0, "steps": None},
            "--budget tokens gives all the same steps: use --steps instead of --minutes",
        ),
        ({"budget": "tokens", "parameters": 5}, "--parameters requires --budget parameters, not --budget tokens"),
        ({"layers": ["LSTM:size=5"]}, "--budget parameters solves the size of each layer, and LSTM:size=5 gives one"),
        ({"layers": ["LSTM:depth=deep"]}, "depth cannot be deep, as in LSTM:depth=deep"),
        (
            {"layers": ["LSTM:depth=0"]},
            "LSTM:depth=0 cannot be built with any size: depth must be at least 1 and at most 1,000, and 0 was given",
        ),
        ({"layers": ["LSTM:lr=nan"]}, "lr must be above 0 and finite, and nan was given in LSTM:lr=nan"),
        ({"layers": ["LSTM:lr=-1"]}, "lr must be above 0 and finite, and -1.0 was given in LSTM:lr=-1"),
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
def test_invalid_settings_are_reported(language_config: dict[str, Any], changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        make_plan(make_settings(language_config, "LSTM")._replace(**changed))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_steps_or_minutes_are_required(language_config: dict[str, Any]) -> None:
    unlimited = copy.deepcopy(language_config)
    unlimited["trainer"]["max_steps"] = -1
    with pytest.raises(ValueError, match=r"the configuration has no trainer\.max_steps"):
        make_plan(make_settings(unlimited, "LSTM", steps=None))
    assert make_variants(language_config, "LSTM", steps=None)[0].steps == 6
    assert make_variants(language_config, "LSTM", steps=None, minutes=1.0, budget="time")[0].steps is None


def test_configured_width_is_kept_without_parameter_budget(language_config: dict[str, Any]) -> None:
    variants = make_variants(language_config, "LSTM", "RNN", "GRU:size=10", budget="tokens")
    assert [variant.size for variant in variants] == [64, 64, 10]


def test_entry_overrides_recipe_and_recipe_overrides_configuration(
    language_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "GRU", {"keep_bias": 3.0, "depth": 2, "norm": True, "lr": 0.5})

    def options(entry: str, same_block: bool = False) -> tuple[Any, ...]:
        config = make_variants(language_config, entry, budget="tokens", same_block=same_block)[0].config
        init = config["model"]["init_args"]
        return init["layer"]["init_args"], init["depth"], init["block"]["norm"], config["optimizer"]["init_args"]["lr"]

    assert options("GRU") == ({"keep_bias": 3.0}, 2, True, 0.5)
    assert options("GRU:depth=3,lr=0.1") == ({"keep_bias": 3.0}, 3, True, 0.1)
    assert options("GRU", same_block=True) == ({}, 1, False, 0.01)
    assert options("GRU:keep_bias=0", same_block=True) == ({"keep_bias": 0}, 1, False, 0.01)


def test_configured_layer_keeps_its_options(language_config: dict[str, Any]) -> None:
    configured = copy.deepcopy(language_config)
    configured["model"]["init_args"]["layer"] = {
        "class_path": "seq2seq.recurrence.LSTM",
        "init_args": {"forget_bias": 0.0},
    }
    blocks = [variant.block for variant in make_variants(configured, "LSTM", "LSTM:forget_bias=2", "GRU")]
    assert blocks[0] == "LSTM, 1 x 64, forget bias 0"
    assert blocks[1] == "LSTM, 1 x 64, forget bias 2"
    assert blocks[2].startswith("GRU, 1 x ")


def test_block_description_is_complete(language_config: dict[str, Any], translation_config: dict[str, Any]) -> None:
    entry = "RNN:depth=2,nonlinearity=relu,norm=true,residual=true,lr=0.5,embedding_size=16"
    (variant,) = make_variants(language_config, entry, budget="tokens")
    assert variant.block == "RNN, 2 x 64, nonlinearity relu, norm, residual, embedding 16, rate 0.5"
    config = translator_config(translation_config, "LSTM", "LSTM", forget_bias=0.0)
    for entry, block in (
        ("LSTM/GRU:input_feeding=true", "encoder LSTM, forget bias 0; decoder GRU, keep bias 0; 1 x 64, input feeding"),
        ("RNN", "encoder LSTM, forget bias 0; decoder RNN; 1 x 64, rate 0.003"),
        ("GRU:keep_bias=1,lr=0.5", "encoder LSTM, forget bias 0; decoder GRU; 1 x 64, rate 0.5"),
    ):
        assert make_variants(config, entry, budget="tokens")[0].block == block
    prefix = "encoder RGLRU, heads 4, convolution 4; decoder MLSTM, heads 4, convolution 4; "
    (variant,) = make_variants(config, "RGLRU/MLSTM", budget="tokens")
    assert variant.block.startswith(prefix)


@pytest.mark.parametrize(("requested", "expected"), [(97, 96), (43, 40), (11, 11), (13, 13), (6000, 6000), (1, 1)])
def test_steps_are_rounded(language_config: dict[str, Any], requested: int, expected: int) -> None:
    (variant,) = make_variants(language_config, "LSTM", steps=requested)
    trainer = variant.config["trainer"]
    assert variant.steps == trainer["max_steps"] == expected
    assert expected % trainer["val_check_interval"] == 0


@given(requested=st.integers(1, 5000), batches=st.integers(1, 4))
def test_validations_are_equidistant_and_include_the_last_step(requested: int, batches: int) -> None:
    trainer = {"accumulate_grad_batches": batches, "log_every_n_steps": 20, "max_steps": 1}
    variant = Variant("GRU", "GRU", 8, 100, {"trainer": trainer}, None).with_steps(requested)
    steps, updated = variant.steps or 0, variant.config["trainer"]
    assert requested - 7 <= steps <= requested
    interval, remainder = divmod(updated["val_check_interval"], batches)
    assert remainder == 0
    assert updated["max_steps"] == steps
    assert steps % interval == 0
    assert min(8, steps) <= steps // interval <= 15
    assert trainer["max_steps"] == 1
    assert variant.with_steps(steps) == variant


def test_slugs_are_unique_file_names(language_config: dict[str, Any]) -> None:
    texts = ["LSTM:depth=2,lr=1e-3", "LSTM", "LSTM:forget_bias=1", "LSTM:forget_bias=-1"]
    slugs = [variant.slug for variant in make_variants(language_config, *texts)]
    assert slugs == ["LSTM%3Adepth=2,lr=1e-3", "LSTM", "LSTM%3Aforget_bias=1", "LSTM%3Aforget_bias=-1"]
    assert Variant("LSTM/GRU", "", 8, 1, {}, None).slug == "LSTM%2FGRU"


def saved_plan(folder: Path) -> Any:
    return json.loads((folder / "plan.json").read_text(encoding="utf-8"))


def test_saved_plan_is_continued_and_a_different_one_is_rejected(
    language_config: dict[str, Any], tmp_path: Path
) -> None:
    plan = make_plan(make_settings(language_config, "LSTM", "GRU"))
    prepare_plan(plan, tmp_path, False)
    saved = saved_plan(tmp_path)
    prepare_plan(make_plan(make_settings(language_config, "LSTM", "GRU")), tmp_path, False)
    assert saved_plan(tmp_path) == saved
    other = copy.deepcopy(language_config)
    other["data"]["init_args"]["batch_size"] = 5
    for changed, name in (
        (make_settings(language_config, "LSTM", "GRU", steps=7), "--steps"),
        (make_settings(language_config, "LSTM", "GRU", same_block=True), "--same-block"),
        (make_settings(other, "RNN"), r"--data\.batch_size"),
    ):
        with pytest.raises(UserError, match=rf"contains another comparison \(changed: {name}\)"):
            prepare_plan(make_plan(changed), tmp_path, False)
        assert saved_plan(tmp_path) == saved


def test_changed_recipe_is_rejected(
    language_config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_plan(make_plan(make_settings(language_config, "LSTM", "GRU")), tmp_path, False)
    monkeypatch.setitem(RECIPES, "GRU", {"lr": 0.5})
    with pytest.raises(UserError, match=r"\(changed: the model of GRU\)"):
        prepare_plan(make_plan(make_settings(language_config, "LSTM", "GRU")), tmp_path, False)


def test_more_seeds_and_other_layers_keep_the_saved_plan(language_config: dict[str, Any], tmp_path: Path) -> None:
    timed = make_settings(language_config, "LSTM", "GRU", steps=None, minutes=1.0, budget="time")
    first = make_plan(timed)
    prepare_plan(first, tmp_path, False)
    calibrated = Plan(timed, {entry: variant.with_steps(80) for entry, variant in first.variants.items()})
    save_plan(calibrated, tmp_path)
    extended = make_plan(timed._replace(layers=["GRU", "RNN"], seeds=3))
    prepare_plan(extended, tmp_path, False)
    steps = {entry: variant.steps for entry, variant in extended.variants.items()}
    assert steps == {"LSTM": 80, "GRU": 80, "RNN": None}
    # an entry that is added again gets its old steps
    restored = make_plan(timed)
    prepare_plan(restored, tmp_path, False)
    assert {entry: restored.variants[entry] for entry in ("LSTM", "GRU")} == calibrated.variants
    assert saved_plan(tmp_path)["variants"].keys() == {"LSTM", "GRU", "RNN"}


def test_starting_anew_removes_only_trials_of_the_comparison(language_config: dict[str, Any], tmp_path: Path) -> None:
    requested = make_settings(language_config, "LSTM")
    prepare_plan(make_plan(requested._replace(layers=["LSTM", "GRU"], seeds=2)), tmp_path, False)
    removed = ("runs/LSTM-1/1/log", "runs/GRU-2/1/log", "runs/LSTM-2/config.yaml")
    kept = ("runs/mine-1/log", "runs/LSTM-mine/log", "runs/LSTM%3Asize=3-1/log", "configs/own.yaml", "notes.txt")
    for name in removed + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    plan = make_plan(requested)
    prepare_plan(plan, tmp_path, True)
    assert saved_plan(tmp_path)["variants"].keys() == {"LSTM"}
    assert not [name for name in removed if (tmp_path / name).exists()]
    assert all((tmp_path / name).exists() for name in kept)


@pytest.mark.parametrize("again", [True, False])
def test_run_of_another_origin_is_neither_removed_nor_used(
    language_config: dict[str, Any], tmp_path: Path, again: bool
) -> None:
    own = tmp_path / "runs" / "LSTM-1" / "1"
    own.mkdir(parents=True)
    with pytest.raises(UserError, match=r"runs/LSTM-1 is not of this comparison: move it, or choose another folder"):
        prepare_plan(make_plan(make_settings(language_config, "LSTM")), tmp_path, again)
    assert own.exists()
    assert not (tmp_path / "plan.json").exists()


def test_nothing_is_removed_if_a_run_is_of_another_origin(language_config: dict[str, Any], tmp_path: Path) -> None:
    prepare_plan(make_plan(make_settings(language_config, "LSTM")), tmp_path, False)
    runs = [tmp_path / "runs" / name for name in ("LSTM-1", "GRU-1")]
    for run in runs:
        run.mkdir(parents=True)
    with pytest.raises(UserError, match=r"runs/GRU-1 is not of this comparison"):
        prepare_plan(make_plan(make_settings(language_config, "LSTM", "GRU")), tmp_path, True)
    assert all(run.exists() for run in runs)
