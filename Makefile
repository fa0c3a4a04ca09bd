# Everything from a fresh machine to a trained, tested and translating model; `make help` lists the targets.

PYTHON ?= python3
CONFIG ?= configs/translation/phrasebook-lstm.yaml
DEVICES ?= auto
NODES ?= 1
ACCELERATOR ?= auto
ARGS ?=
RUNS ?= runs
RESUME ?=
AGAIN ?=
CHECKPOINT ?=
PROMPT ?=

BIN := .venv/bin
REFERENCES := .venv-references/bin
# a value as one word of the shell; ARGS are quoted by whoever writes them
quote = '$(subst ','\'',$(1))'
# an option that ARGS name is not given a second time
NAMED := $(subst _,-,$(foreach word,$(ARGS),$(firstword $(subst =, ,$(word)))))
default = $(if $(filter $(1),$(NAMED)),,$(1) $(2))
PHRASEBOOK := data/phrasebook/train.en
LIBRARY := data/library/train.txt
# the phrasebook has a second test split, of hand-written sentences
EVERYDAY = $(if $(filter --data.corpus,$(NAMED)),,$(findstring /phrasebook-,$(CONFIG)))
flag = $(if $(filter-out 0,$($(1))),$(2))
# the newest run of a kind; each command says which one it takes
newest = "$$($(BIN)/python -m seq2seq.runs $(call quote,$(RUNS)) $(1))"

.DEFAULT_GOAL := help
.PHONY: help setup corpora tokenize train sample translate evaluate test test-slow test-faults test-references check format bench bench-peers gradients clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo
	@echo '  make train CONFIG=configs/language/shakespeare-lstm.yaml DEVICES=4 NODES=2 ARGS="--model.size 1024"'
	@echo '  make train RESUME=1            resume the newest run of this configuration'
	@echo '  make train AGAIN=1             train a finished run again, as a new one'
	@echo '  make translate < source.txt    make sample PROMPT="def "    with the newest run that fits, or CHECKPOINT=...'

setup: .venv/ready ## make .venv and install the package with the tested versions

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, and this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

corpora: $(PHRASEBOOK) $(LIBRARY) ## write the two embedded corpora

$(PHRASEBOOK): .venv/ready $(wildcard data/phrasebook/*.py) data/phrasebook/everyday.tsv
	$(BIN)/python data/phrasebook

$(LIBRARY): .venv/ready data/library/__main__.py
	$(BIN)/python data/library

tokenize: corpora ## learn the vocabulary of the phrasebook into data/phrasebook.json and report on it
	$(BIN)/seq2seq tokenize data/phrasebook/train.en data/phrasebook/train.de \
	  $(call default,--out,data/phrasebook.json) $(call default,--tokenizer.size,1500) \
	  $(call default,--held-out,data/phrasebook/test.de) $(call default,--show,"Der alte Hund schläft.") $(ARGS)

train: corpora ## train CONFIG, by default the phrasebook's translator, and score it on its test splits
	@$(BIN)/seq2seq fit --config $(call quote,$(CONFIG)) $(call default,--runs,$(call quote,$(RUNS))) \
	  $(call default,--trainer.devices,$(DEVICES)) $(call default,--trainer.num-nodes,$(NODES)) \
	  $(call default,--trainer.accelerator,$(ACCELERATOR)) $(call flag,RESUME,$(call default,--resume)) \
	  $(call flag,AGAIN,$(call default,--again)) $(ARGS)
	@$(BIN)/seq2seq evaluate $(call newest,--config $(call quote,$(CONFIG)) $(ARGS)) --examples 3
	$(if $(EVERYDAY),@$(BIN)/seq2seq evaluate $(call newest,--config $(call quote,$(CONFIG)) $(ARGS)) --split test-everyday)

sample: .venv/ready ## continue PROMPT with CHECKPOINT or the newest language model
	@$(BIN)/seq2seq sample $(or $(CHECKPOINT),$(call newest,--kind LanguageModel)) \
	  $(if $(PROMPT),$(call default,--prompt,$(call quote,$(PROMPT)))) $(ARGS)

translate: .venv/ready ## translate standard input, with CHECKPOINT or the newest translator
	@$(BIN)/seq2seq translate $(or $(CHECKPOINT),$(call newest,--kind Translator)) $(ARGS)

evaluate: .venv/ready ## score CHECKPOINT, or the newest run, on its test split
	@$(BIN)/seq2seq evaluate $(or $(CHECKPOINT),$(call newest,)) $(ARGS)

test: .venv/ready ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --dist worksteal -n $$($(BIN)/python -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())') $(ARGS)

test-slow: .venv/ready ## run the long tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow $(ARGS)

test-faults: .venv/ready ## kill, fill disks, damage files, forge input: 35 minutes on 2 cores; the table goes to build/faults.md
	$(BIN)/python -m tests.faults --table build/faults.md $(ARGS)

# haste is built here, and without PATH it finds no CUDA compiler, which could not build it
.venv-references/ready: pyproject.toml constraints.txt tests/references/requirements.txt
	$(PYTHON) -m venv .venv-references
	$(REFERENCES)/python -m pip install --quiet --constraint constraints.txt torch
	$(REFERENCES)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]' setuptools==84.2.1
	PATH=$(abspath $(REFERENCES)) $(REFERENCES)/python -m pip install --quiet --no-deps --no-build-isolation \
	  --requirement tests/references/requirements.txt
	touch $@

test-references: .venv-references/ready ## compare layers, searches and scores with public packages
	OMP_NUM_THREADS=1 $(REFERENCES)/python -m pytest tests/references $(ARGS)

check: .venv/ready ## format, lint, types and the levels of packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready ## format the code and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready ## measure speed on this machine
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks $(ARGS)

bench-peers: .venv/ready ## compare training and translation with OpenNMT-py and JoeyNMT, in a separate environment
	$(BIN)/python -m benchmarks.peers $(ARGS)

gradients: corpora ## train eight small models and plot gradient norms through time
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.gradients $(ARGS)

clean: ## remove everything that can be made again, but no run
	rm -rf .venv .venv-peers .venv-references build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f data/phrasebook.json data/phrasebook/*.en data/phrasebook/*.de data/library/*.txt
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
