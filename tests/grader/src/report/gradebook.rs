//! The class as a spreadsheet: `gradebook.csv`, a row a submission.

use anyhow::Result;

use super::figures::exercises;
use crate::verdict::Class;

pub(super) fn csv(class: &Class) -> Result<String> {
    let exercises = exercises(class);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = exercises.iter().map(|exercise| exercise.name.to_owned());
    let mut header = vec!["name".to_owned()];
    header.extend(names);
    header.extend(["total", "of", "final", "problem", "protection"].map(str::to_owned));
    writer.write_record(header)?;
    for graded in &class.submissions {
        let mut row = vec![words_only(&graded.submission)];
        row.extend(exercises.iter().map(|exercise| {
            let points = exercise.of(graded).map(|graded| graded.points.to_string());
            points.unwrap_or_default()
        }));
        row.push(graded.points().to_string());
        row.push(graded.of().to_string());
        row.push(if graded.is_final() { "yes" } else { "no" }.into());
        row.push(words_only(graded.problem.as_deref().unwrap_or_default()));
        row.push(words_only(&class.protection));
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A cell that a spreadsheet does not take for a formula: a name such as `=cmd()` must not run.
fn words_only(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
