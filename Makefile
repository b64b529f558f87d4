# The verbs of this repository. `make test` is what CI runs.

MDBOOK_VERSION := 0.5.4
MUTANTS_VERSION := 27.1.0
CARGO ?= cargo
# What the checks draw is the same in each run.
FIGURES = SEED=1 $(CARGO) run --quiet --locked --package book --bin figures
BENCH = $(CARGO) run --release --quiet --locked --package bench --
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: grade setup test format lint platforms checks exam corpus mutants soak kills bench \
	bench-crowd bench-student numbers numbers-page bench-grade gradescope student-edition book figures \
	serve mdbook

## Grades the exercises as they stand in this checkout, and the reference solutions.
grade:
	$(CARGO) grade exercises solutions

## Installs what the tests use beside Rust, for the whole system: packages where the package manager is
## apt (with sudo; tests/setup.sh lists them), and mdBook by `cargo install`.
setup: mdbook
	tests/setup.sh

## Everything that must hold: the same on your machine as in CI. Writes nothing outside this folder; what
## is missing is named, and `make setup` installs it.
test: format lint platforms checks exam book

format:
	$(CARGO) fmt --all --check

## Warnings are errors here, in the starters too.
lint:
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings

## What students compile on macOS and Windows, as far as Linux can tell.
platforms:
	tests/platforms.sh

## The solutions against every check, the grader, the starters' message, tests/course.toml.
checks:
	$(CARGO) test --locked

## The exam of the checks: every wrong program of the corpus is caught for what it is, every right
## one gets full marks, no attack on the grader succeeds, and no fault of the machine becomes a mark.
exam:
	$(CARGO) test --locked --package corpus -- --test-threads 1

## The same, with the matrix of programs and checks.
## NAMES="ex01 guard": only the programs whose name contains one of these.
corpus:
	$(CARGO) run --quiet --locked --package corpus -- $(NAMES)

## Mistakes made by a machine in the solutions: which of them no check catches? Ten minutes.
mutants:
	@command -v cargo-mutants >/dev/null || $(CARGO) install --locked cargo-mutants@$(MUTANTS_VERSION)
	$(CARGO) mutants --output target

## The solutions' checks RUNS times and the corpus CORPUS_RUNS times, with every core kept busy by
## something else.
soak:
	tests/soak.sh

## A class's grading, killed KILLS times at random moments and started again. Half an hour.
kills:
	tests/kill-grade.sh

## The reference servers beside a bare echo server, tokio and Python: a table, charts and raw data in
## target/bench. A quarter of an hour.
## ARGS="--rounds 1 --seconds 0.1": a quick look; ARGS="--server 'mine=target/release/ex02'": yours too.
bench:
	$(BENCH) run $(ARGS)

## The same servers with ten thousand clients each.
bench-crowd:
	$(BENCH) crowd $(ARGS)

## What a student waits for, beside rustlings: a fresh clone, and from saving to the verdict.
bench-student:
	bench/student.sh

## Measures all of this anew for the book's page "The numbers", and makes the page and its charts. Half an
## hour, on a machine that does nothing else.
numbers:
	$(BENCH) run --out bench/results --no-charts
	$(BENCH) crowd --out bench/results
	OUT=bench/results/student.csv bench/student.sh
	$(BENCH) page

## Only the page and its charts, from the data that are there.
numbers-page:
	$(BENCH) page

## How long a class takes, by its size, and beside a clean checkout with `cargo test` for each. An hour
## or two.
bench-grade:
	tests/bench-grade.sh

## The archive to upload as a Gradescope autograder: target/gradescope.zip.
gradescope:
	git archive --format zip --output target/gradescope.zip \
	    --add-file platforms/gradescope/setup.sh --add-file platforms/gradescope/run_autograder HEAD

## The course for students, without a solution: the repository target/student-edition, and its archive.
student-edition:
	tests/student-edition.sh

## The book is built into book/book, holds together (links, code, commands, names), and shows what a run
## of the programs shows, and what was measured.
book:
	@command -v mdbook >/dev/null || { echo "error: mdBook is missing: make setup installs it, or make mdbook alone" >&2; exit 1; }
	mdbook build book
	$(CARGO) test --locked --package book --package bench
	$(FIGURES) -- --check

## The book's timelines and terminal outputs, made anew from real runs.
figures:
	$(FIGURES)

## Shows the book on http://localhost:3000 and rebuilds it as it changes. Installs mdBook if it is missing.
serve: mdbook
	mdbook serve book

## Installs mdBook with `cargo install`, if it is missing.
mdbook:
	@command -v mdbook >/dev/null || $(CARGO) install --locked mdbook@$(MDBOOK_VERSION)
