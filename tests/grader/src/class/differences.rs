//! What a submission that compiles at home may lack in a class: said in the first line of what the compiler
//! said, since nothing else there tells it.

use anyhow::Result;

use crate::compile::{Sources, crates, given_file};
use crate::course::Exercise;
use crate::submission::Collected;

/// Puts a line before the compiler's words for each way in which this class differs from the student's own
/// checkout, and in which the difference may be the cause.
///
/// # Errors
///
/// If a file of the course's can't be read.
pub(super) fn put_first(
    output: &mut String,
    submission: &Collected,
    exercise: &Exercise,
    sources: &Sources,
) -> Result<()> {
    let mut lines = Vec::new();
    let crates = crates(exercise)?;
    if let Some(missing) = missing_crate(output, &crates) {
        lines.push(format!(
            "the crate `{missing}` is not there: the course's Cargo.toml is used, which has {}",
            crates.join(" and ")
        ));
    }
    for given in replaced(exercise, sources)? {
        lines.push(format!(
            "{given} is given: the course's own was used, from which the one handed in differs"
        ));
    }
    let left_behind = submission.left_behind.iter();
    for line in left_behind.filter(|line| is_named(output, line)) {
        lines.push(format!(
            "not handed in as a source, and so not there: {line}"
        ));
    }
    if !lines.is_empty() {
        *output = format!("{}\n\n{output}", lines.join("\n"));
    }
    Ok(())
}

/// The given files of the exercise that were handed in with changes: the course's own are used.
pub(super) fn replaced(exercise: &Exercise, sources: &Sources) -> Result<Vec<String>> {
    let mut replaced = Vec::new();
    for given in &exercise.given {
        let own = given_file(exercise, given)?;
        if sources.get(given).is_some_and(|source| *source != own) {
            replaced.push(given.clone());
        }
    }
    Ok(replaced)
}

/// The crate that the compiler can't find (E0432, E0433, E0463).
fn missing_crate<'a>(output: &'a str, crates: &[String]) -> Option<&'a str> {
    let said = ["unlinked crate `", "can't find crate for `"];
    let names = said.iter().filter_map(|said| {
        let (_, rest) = output.split_once(said)?;
        rest.split_once('`').map(|(name, _)| name)
    });
    let mut missing =
        names.filter(|name| crates.iter().all(|known| known.replace('-', "_") != **name));
    missing.next()
}

/// Whether the compiler names the file that this line, `PATH: REASON`, reports as left behind.
fn is_named(output: &str, line: &str) -> bool {
    let path = line.split(": ").next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    !name.is_empty() && output.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_the_course_does_not_have_is_named() {
        let crates = ["anyhow".to_owned()];
        let output = "error[E0432]: unresolved import `rand`\nuse of unresolved module or unlinked crate `rand`";
        assert_eq!(missing_crate(output, &crates), Some("rand"));
        assert_eq!(missing_crate("unlinked crate `anyhow`", &crates), None);
        assert_eq!(missing_crate("mismatched types", &crates), None);
    }

    #[test]
    fn a_file_that_was_left_behind_is_known_by_its_name() {
        let line = "ex01-single-loop/src/banner.txt: no source file";
        assert!(is_named("couldn't read `/sources/src/banner.txt`", line));
        assert!(!is_named("couldn't read `/sources/src/other.txt`", line));
    }
}
