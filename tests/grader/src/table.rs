//! The verdict as a table in the terminal.

use std::io::{self, IsTerminal, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use harness::sentence;

use grader::verdict::{Graded, GradedExercise, Verdict};

/// Prints each check's verdict and points, and under the table the first failure of each exercise.
pub(crate) fn print(graded: &Graded) -> io::Result<()> {
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
