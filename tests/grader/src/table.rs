//! The verdict as a table in the terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use harness::sentence;

use grader::plain::{plain_everywhere, plain_line};
use grader::verdict::{Class, Graded, GradedExercise, Verdict};

/// Prints each check's verdict and points, and under the table the first failure of each exercise.
pub(crate) fn print(graded: &Graded) -> Result<()> {
    let graded = &plain_everywhere(graded)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: {} of {} points",
        graded.submission,
        graded.points(),
        graded.of()
    )?;
    writeln!(out, "{}\n", table(graded))?;
    for exercise in &graded.exercises {
        print_first_failure(&mut out, exercise)?;
    }
    Ok(())
}

/// Prints a row for each submission, or the whole table of a class of one.
pub(crate) fn print_class(class: &Class) -> Result<()> {
    if let [graded] = class.submissions.as_slice() {
        print(graded)?;
    } else {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        if let Some(first) = class.submissions.first() {
            let exercises = first.exercises.iter().map(|exercise| exercise.name.clone());
            let header = ["submission".into()].into_iter().chain(exercises);
            table.set_header(header.chain(["points".into(), String::new()]));
        }
        for graded in &class.submissions {
            let points = graded.exercises.iter();
            let points = points.map(|exercise| format!("{} / {}", exercise.points, exercise.of));
            let row = [plain_line(&graded.submission)].into_iter().chain(points);
            let total = format!("{} / {}", graded.points(), graded.of());
            table.add_row(row.chain([total, remark(graded)]));
        }
        println!("{table}");
        for graded in &class.submissions {
            print_what_is_open(graded);
        }
    }
    println!("protection: {}", class.protection);
    Ok(())
}

/// Why marks are not final: a line for each reason why checks of an exercise could not judge.
fn print_what_is_open(graded: &Graded) {
    let name = plain_line(&graded.submission);
    for exercise in &graded.exercises {
        let mut open: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for check in &exercise.checks {
            if let Verdict::CouldNotJudge(reason) = &check.verdict {
                open.entry(reason).or_default().push(&check.name);
            }
        }
        for (reason, checks) in open {
            let others = match checks.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            println!(
                "{name}: {} · {}{others}: could not judge: {}",
                exercise.name,
                sentence(checks[0]),
                plain_line(reason)
            );
        }
    }
}

fn remark(graded: &Graded) -> String {
    match &graded.problem {
        Some(problem) => plain_line(problem),
        None if graded.is_final() => String::new(),
        None => "not final: a check could not judge".into(),
    }
}

fn table(graded: &Graded) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["exercise", "check", "verdict", "points"]);
    for exercise in &graded.exercises {
        let points = format!("{} / {}", exercise.points, exercise.of);
        table.add_row([&*exercise.name, &exercise.title, "", &points]);
        for check in &exercise.checks {
            let points = format!("{} / {}", check.points, check.of);
            let check_name = format!("  {}", sentence(&check.name));
            table.add_row([
                &*exercise.name,
                &check_name,
                &check.verdict.words(),
                &points,
            ]);
        }
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn print_first_failure(out: &mut impl Write, exercise: &GradedExercise) -> io::Result<()> {
    if let Some(compiler) = &exercise.compiler {
        return writeln!(out, "{} does not compile:\n{compiler}", exercise.name);
    }
    let Some(check) = exercise.first_failure() else {
        return Ok(());
    };
    match &check.verdict {
        Verdict::Failed(diagnoses) | Verdict::NotImplemented(diagnoses) => {
            let colour = io::stdout().is_terminal();
            let first = diagnoses.first().map(|diagnosis| diagnosis.text(colour));
            writeln!(out, "{}", first.unwrap_or_default())
        }
        Verdict::CouldNotJudge(reason) => {
            writeln!(
                out,
                "{} could not be judged: {}: {reason}\n",
                exercise.name, check.name
            )
        }
        Verdict::NotSubmitted => writeln!(out, "{} was not submitted\n", exercise.name),
        Verdict::Passed | Verdict::DoesNotCompile => Ok(()),
    }
}
