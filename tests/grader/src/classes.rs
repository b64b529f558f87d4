//! Other people's submissions: graded, their parts put together, and the reports written.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use grader::class::{Grader, usual_exercises_at_once};
use grader::course::{Course, Exercise, root};
use grader::journal::Journal;
use grader::sandbox::{Sandbox, exercises_at_once, for_strangers};
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
    let jobs = options.jobs.map(usize::from);
    let (at_once, why) = exercises_at_once(jobs, usual_exercises_at_once())?;
    if let Some(why) = why {
        eprintln!("exercises that are judged at the same time: {at_once}, because {why}");
    }
    let sandbox = for_strangers(options.no_sandbox)?;
    if matches!(sandbox, Sandbox::None) {
        eprintln!("warning: {}", sandbox.protection());
    }
    fs::create_dir_all(&options.report)
        .with_context(|| format!("cannot make {}", options.report.display()))?;
    let journal_file = options.report.join("journal.jsonl");
    let mut journal = Journal::open(&journal_file)?;
    if options.rejudge {
        journal.forget();
    }
    let grader = Grader::new(sandbox, exercises)?;
    grader.check_machine(&submissions, at_once)?;
    let progress = Progress::new(submissions.len());
    let class = grader.grade(&submissions, &journal, at_once, |graded| {
        progress.graded(graded);
    })?;
    progress.finish();
    if journal.used() > 0 {
        eprintln!(
            "{} of the verdicts on exercises are from {}; --rejudge judges them again",
            journal.used(),
            journal_file.display()
        );
    }
    if let Some(fault) = grader.fault() {
        eprintln!(
            "the grading was stopped: this machine can't judge any more: {fault}; give it what it lacks \
             and grade again: what was judged before is kept"
        );
    }
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
