"""Ranges of the numeric options of Lightning's Trainer and callbacks and of torch's optimizers and schedules.

One table has the options of all of these classes by name, and another those that mean something else in one class; a
new version of a library may need new entries. Options of our own classes have their ranges where they are declared.
"""

from typing import Annotated, Any, TypeAlias

from seq2seq.ranges import LARGEST, Count, CountOrZero, Finite, NonNegative, Positive, Probability, Range, Seed, ranges

Unlimited: TypeAlias = Annotated[int, Range(-1, LARGEST)]  # -1 is no limit
Share: TypeAlias = Annotated[float, Range(0, 1, exclusive_minimum=True)]
Decay: TypeAlias = Annotated[float, Range(0, 1, exclusive_maximum=True)]
Rates: TypeAlias = NonNegative | list[NonNegative]
Momenta: TypeAlias = Decay | list[Decay]

_LIBRARIES = ("torch.", "pytorch_lightning.", "lightning_fabric.")

OPTIONS: dict[str, Any] = {
    # Trainer
    "accumulate_grad_batches": Count,
    "check_val_every_n_epoch": Count | None,
    "devices": Unlimited | str | list[CountOrZero],
    "fast_dev_run": CountOrZero | bool,
    "gradient_clip_val": NonNegative | None,
    "limit_predict_batches": CountOrZero | Probability | None,
    "limit_test_batches": CountOrZero | Probability | None,
    "limit_train_batches": CountOrZero | Probability | None,
    "limit_val_batches": CountOrZero | Probability | None,
    "log_every_n_steps": CountOrZero | None,
    "max_epochs": Unlimited | None,
    "max_steps": Unlimited,
    "max_time": str | dict[str, CountOrZero] | None,
    "min_epochs": CountOrZero | None,
    "min_steps": CountOrZero | None,
    "num_nodes": Count,
    "num_sanity_val_steps": Unlimited | None,
    "overfit_batches": CountOrZero | Probability,
    "reload_dataloaders_every_n_epochs": CountOrZero,
    "seed_everything": bool | Seed,
    "val_check_interval": Count | Share | str | dict[str, CountOrZero] | None,
    # callbacks
    "amount": CountOrZero | Probability,
    "annealing_epochs": Count,
    "atol": NonNegative | None,
    "backbone_initial_lr": NonNegative | None,
    "backbone_initial_ratio_lr": NonNegative,
    "decay": Probability,
    "device": str | CountOrZero | None,
    "divergence_threshold": Finite | None,
    "duration": str | dict[str, CountOrZero] | None,
    "early_stop_threshold": Positive | None,
    "every_n_epochs": CountOrZero | None,
    "every_n_train_steps": CountOrZero | None,
    "init_val": Count,
    "initial_denom_lr": Positive,
    "margin": Decay,
    "max_depth": Unlimited,
    "max_trials": Count,
    "max_val": Count,
    "min_delta": Finite,
    "num_training_steps": Count,
    "process_position": CountOrZero,
    "pruning_dim": CountOrZero | None,
    "pruning_norm": Unlimited | None,
    "refresh_rate": CountOrZero,
    "rounding": CountOrZero,
    "rtol": NonNegative | None,
    "save_top_k": Unlimited,
    "scheduling": dict[CountOrZero, Count],
    "steps_per_trial": Count,
    "stopping_threshold": Finite | None,
    "swa_epoch_start": CountOrZero | Probability,
    "swa_lrs": Positive | list[Positive],
    "unfreeze_backbone_at_epoch": CountOrZero,
    "update_every_n_steps": Count,
    "update_starting_at_epoch": CountOrZero | None,
    "update_starting_at_step": CountOrZero | None,
    "verbose": CountOrZero | bool,
    "window": Count,
    # optimizers
    "alpha": Decay,
    "beta2_decay": Annotated[float, Range(maximum=0)],
    "betas": tuple[Decay, Decay],
    "d": Annotated[float, Range(1, exclusive_maximum=True)],
    "dampening": Probability,
    "eps": NonNegative,
    "etas": tuple[
        Annotated[float, Range(0, 1, exclusive_minimum=True, exclusive_maximum=True)],
        Annotated[float, Range(1, exclusive_minimum=True, exclusive_maximum=True)],
    ],
    "history_size": Count,
    "initial_accumulator_value": NonNegative,
    "lambd": NonNegative,
    "lr": NonNegative,
    "lr_decay": NonNegative,
    "max_eval": Count | None,
    "max_iter": Count,
    "momentum": Decay,
    "momentum_decay": NonNegative,
    "ns_coefficients": tuple[Finite, Finite, Finite],
    "ns_steps": Annotated[int, Range(1, 99)],
    "rho": Decay,
    "step_sizes": tuple[NonNegative, NonNegative],
    "t0": NonNegative,
    "tolerance_change": NonNegative,
    "tolerance_grad": NonNegative,
    "weight_decay": NonNegative,
    # schedules
    "T_0": Count,
    "T_max": Count,
    "T_mult": Count,
    "anneal_epochs": CountOrZero,
    "base_lr": Rates,
    "base_momentum": Momenta,
    "cooldown": CountOrZero,
    "div_factor": Positive,
    "end_factor": Probability,
    "epochs": Count | None,
    "eta_min": NonNegative,
    "factor": Probability,
    "final_div_factor": Positive,
    "gamma": NonNegative,
    "last_epoch": Unlimited,
    "max_lr": Rates,
    "max_momentum": Momenta,
    "milestones": list[CountOrZero],
    "min_lr": Rates,
    "patience": CountOrZero,
    "pct_start": Decay,  # with 1 OneCycleLR divides by zero in its last step
    "power": NonNegative,
    "start_factor": Share,
    "step_size": Count,
    "step_size_down": Count | None,
    "step_size_up": Count,
    "steps_per_epoch": Count | None,
    "swa_lr": Rates,
    "threshold": NonNegative,
    "total_iters": CountOrZero,
    "total_steps": Count | None,
    "warmup": CountOrZero,
}

# options that mean something else in one class
CLASS_OPTIONS: dict[str, dict[str, Any]] = {
    "Adafactor": {"eps": tuple[NonNegative | None, NonNegative]},
    "ASGD": {"alpha": NonNegative},  # an exponent
    "ReduceLROnPlateau": {"factor": Decay},
}


def option_ranges(kind: Any) -> dict[str, Any]:
    """Return the types, with ranges, of the numeric options of a class or function, of this package or a library."""
    if not f"{kind.__module__}.".startswith(_LIBRARIES):
        return ranges(kind)
    return OPTIONS | CLASS_OPTIONS.get(kind.__name__, {})
