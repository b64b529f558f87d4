//! Other people's submissions: graded, their parts put together, and the reports written.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use grader::class::{Grader, exercises_at_once};
use grader::course::{Course, Exercise, root};
use grader::journal::Journal;
use grader::sandbox::{Sandbox, for_strangers};
use grader::submission::collect;
use grader::verdict::Class;
use grader::{partition, report};

use crate::Options;
use crate::changes;
use crate::progress::Progress;

/// Grades other people's submissions and writes the reports.
pub(crate) fn grade(
    options: &Options,
    paths: &[PathBuf],
    course: &Course,
    exercises: &[&Exercise],
) -> Result<Class> {
    ensure!(
        root().join("solutions").is_dir(),
        "this is the student edition, which grades its own exercises only; other people's are graded \
         with the whole course"
    );
    let mut submissions = collect(paths, options.single, course)?;
    if let Some(partition) = options.partition {
        submissions = partition.select(submissions);
    }
    let sandbox = for_strangers(options.no_sandbox)?;
    if sandbox == Sandbox::None {
        eprintln!("warning: {}", sandbox.protection());
    }
    fs::create_dir_all(&options.report)
        .with_context(|| format!("cannot make {}", options.report.display()))?;
    let journal = Journal::open(&options.report.join("journal.jsonl"))?;
    let grader = Grader::new(sandbox, exercises)?;
    let progress = Progress::new(submissions.len());
    let at_once = options.jobs.map_or_else(exercises_at_once, usize::from);
    let class = grader.grade(&submissions, &journal, at_once, |graded| {
        progress.graded(graded);
    })?;
    progress.finish();
    write_reports(&options.report, &class, options.yes)?;
    Ok(class)
}

/// Puts the reports of a class's parts together.
pub(crate) fn merge(parts: &[PathBuf], report: &Path, yes: bool) -> Result<Class> {
    let class = partition::merge(parts)?;
    write_reports(report, &class, yes)?;
    Ok(class)
}

/// Writes the reports; marks that differ from those of an earlier grading are shown first, and have
/// to be agreed to.
fn write_reports(folder: &Path, class: &Class, yes: bool) -> Result<()> {
    let changes = match partition::read_class(folder)? {
        Some(before) => changes::between(&before, class),
        None => Vec::new(),
    };
    if !changes.is_empty() {
        eprintln!("marks that change:");
        for change in &changes {
            eprintln!("  {change}");
        }
        if !yes && !changes::are_agreed_to()? {
            bail!(
                "nothing was written to {}; to write the new marks, add --yes",
                folder.display()
            );
        }
    }
    report::write(folder, class)?;
    partition::write_class(folder, class)
}
