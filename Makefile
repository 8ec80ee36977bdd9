# The commands of this project; CI runs the same ones. They write to .venv, .uv and .bench here and to nothing else outside
# the folders that `make clean` removes.

# The Python to build .venv from: the first of these that is 3.11, 3.12 or 3.13, or yours: make setup PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python $(SUPPORTED) 2>/dev/null && { echo $$python; break; }; done)
SUPPORTED := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

# uv installs what the lock names; where it is missing, pip fetches this version of it into .uv.
UV := $(shell command -v uv || echo .uv/bin/uv)
UV_VERSION := 0.13.9
# The machine's Python and its certificates: uv is not to download an interpreter, nor to distrust a company's own CA.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= 1

# A lock per Airflow minor, for its newest patch and from what was released before that patch was: later releases contradict
# it. celery 5.7, for one, breaks the Celery executor of 3.3.2. Raise a date together with its Airflow. Airflow knows nothing of
# pysequoia, whose older releases lack what signing needs.
COMPILE = $(UV) pip compile --quiet --python "$(PYTHON)" --universal --python-version 3.11 --exclude-newer $(1)T00:00:00Z \
	--exclude-newer-package pysequoia=$(RELEASED_3.3)T00:00:00Z --generate-hashes --no-header requirements.txt
RELEASED_3.1 := 2026-03-12
RELEASED_3.2 := 2026-05-30
RELEASED_3.3 := 2026-09-18

# The tests that meet Airflow; on 3.1 also those of what it pins differently: pandas, pyarrow, paramiko, msgspec.
OF_AIRFLOW := tests/project/test_imports.py tests/project/test_bundle.py tests/airflow tests/reporting
OF_PINS := tests/config tests/extract tests/transform tests/load tests/delivery tests/ledger tests/streaming tests/admin

.PHONY: help setup demo ui screenshots test test-slow test-matrix test-oldest fuzz check audit lock bundle env clean bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## Build .venv from the lock; every other command does it by itself
	@echo ".venv is ready"

demo: .venv/ready ## Run the DAG once on invented learners against local stand-ins, show what was delivered
	@.venv/bin/python -m demo.run

ui: .venv/ready ## Open Airflow with the demo connector for the browser; Ctrl-C ends it
	@.venv/bin/python -m demo.ui

test: .venv/ready ## Run the tests, in two processes: they mostly wait
	.venv/bin/pytest -m "not slow" -n 2 --dist loadfile

test-slow: .venv/ready ## Run the long sweeps
	.venv/bin/pytest -m slow

test-matrix: | $(UV) ## Run the Airflow part of the tests on the oldest and newest Airflow, on the oldest and newest Python
	UV=$(UV) .ci/matrix 3.1 3.11 $(OF_PINS) $(OF_AIRFLOW)
	UV=$(UV) .ci/matrix 3.1 3.11 -m slow tests/airflow/test_jobs_scheduled.py
	UV=$(UV) .ci/matrix 3.1 3.13 $(OF_AIRFLOW)
	UV=$(UV) .ci/matrix 3.3 3.11 $(OF_AIRFLOW)
	UV=$(UV) .ci/matrix 3.3 3.13 $(OF_PINS) $(OF_AIRFLOW)

test-oldest: | $(UV) ## Import everything and run the demo's DAG on the oldest Airflow
	UV=$(UV) .ci/matrix 3.1 3.11 tests/project/test_imports.py tests/airflow/test_dags.py tests/airflow/test_demo.py

fuzz: .venv/ready ## Let hostile records through transform and load; RECORDS=100000 SEED=1, by default any seed
	.venv/bin/python -m tests.end_to_end.fuzz --records $(or $(RECORDS),100000) $(and $(SEED),--seed $(SEED))

check: .venv/ready ## Check format, lint and types; changes nothing
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

audit: .venv/ready ## Look for known weaknesses: bandit in the code, pip-audit in the locked packages; asks PyPI
	.ci/audit

screenshots: .venv/ready ## Take the pictures in docs/screenshots anew; needs Chromium
	@.venv/bin/python -m demo.screenshots

bench: .venv/ready .bench/ready ## Measure beside other programs, write docs/benchmarks.md: half an hour; LEARNERS="10000 100000" is enough for a look
	.venv/bin/python -m bench.run

lock: | $(UV) ## Resolve requirements.txt anew into the locks; remove them first to take newer versions
	$(call COMPILE,$(RELEASED_3.3)) -o requirements.lock
	$(call COMPILE,$(RELEASED_3.3)) --group dev -c requirements.lock -o requirements-dev.lock
	$(call COMPILE,$(RELEASED_3.2)) -c locks/constraints-3.2.txt -o locks/airflow-3.2.lock
	$(call COMPILE,$(RELEASED_3.1)) -c locks/constraints-3.1.txt -o locks/airflow-3.1.lock
	$(call COMPILE,$(RELEASED_3.1)) -c locks/constraints-3.1.txt --group dev -c locks/airflow-3.1.lock -o locks/airflow-3.1-dev.lock

bundle: ## Lay the folders out for Astronomer, Composer, a Git bundle, Helm and MWAA, in out/
	@"$(PYTHON)" deployments/bundle.py

env: ## Write .env with fresh secrets, for docker compose
	@test ! -e .env || { echo ".env is there already: edit it, or remove it for fresh secrets"; exit 1; }
	@umask 077; secret() { head -c "$$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }; \
	sed -e "s|^JWT_SECRET=$$|&$$(secret 64)|" -e "s|^API_SECRET_KEY=$$|&$$(secret 32)|" -e "s|^FERNET_KEY=$$|&$$(secret 32)|" \
		-e "s|^DB_PASSWORD=$$|&$$(secret 18)|" -e "s|^ADMIN_PASSWORD=$$|&$$(secret 12)|" .env.example > .env
	@echo "Wrote .env; the login of http://localhost:8080 is admin and the ADMIN_PASSWORD in it"

clean: ## Remove the environment, caches and everything demo and ui left behind
	rm -rf .venv .uv .bench .matrix out .demo .ui .screenshots .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Up to date as long as neither the lock nor the project file changed; half an environment never gets the mark.
.venv/ready: requirements-dev.lock pyproject.toml | $(UV)
	@$(need_python)
	@echo "Installing the locked packages into .venv: some 200 MB to fetch the first time"
	@.venv/bin/python $(SUPPORTED) 2>/dev/null || { rm -rf .venv && $(UV) venv --quiet --python "$(PYTHON)" .venv; }
	@$(UV) pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements-dev.lock
	@touch $@

# What the benchmark runs beside the product has an environment of its own.
.bench/ready: bench/requirements.txt | $(UV)
	@$(need_python)
	@echo "Installing the programs to compare with into .bench"
	@.bench/bin/python $(SUPPORTED) 2>/dev/null || { rm -rf .bench && $(UV) venv --quiet --python "$(PYTHON)" .bench; }
	@$(UV) pip sync --quiet --python .bench/bin/python --require-hashes --compile-bytecode bench/requirements.txt
	@touch $@

.uv/bin/uv:
	@$(need_python)
	@echo "Installing uv $(UV_VERSION) into .uv"
	@"$(PYTHON)" -m venv --clear .uv
	@.uv/bin/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION)

define need_python
"$(PYTHON)" $(SUPPORTED) 2>/dev/null || { \
	echo "This needs Python 3.11, 3.12 or 3.13; found '$(PYTHON)'. Install one, or name it: make setup PYTHON=/path/to/python3.12"; exit 1; }
endef
