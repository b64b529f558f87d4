#!/usr/bin/env bash
#SBATCH --job-name=grade
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
# Grades a class in eight parts, from the course's folder on a disk that all nodes share:
#
#   jobs=$(sbatch --parsable platforms/slurm/class.sh SUBMISSIONS PARTS)
#   sbatch --dependency=afterany:$jobs --wrap "cargo grade merge PARTS/* --report REPORT"
set -euo pipefail
submissions=${1:?the folder of submissions}
parts=${2:?the folder for the parts}
# Each node compiles for itself.
export CARGO_TARGET_DIR=${TMPDIR:-/tmp}/target-$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID
cargo grade "$submissions" --report "$parts/$SLURM_ARRAY_TASK_ID" \
    --partition "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
