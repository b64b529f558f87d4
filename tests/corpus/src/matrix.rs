//! The matrix of programs and checks: who is caught by what.

use std::fmt::Write as _;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use grader::verdict::Verdict;
use harness::sentence;

use crate::Examined;

/// One table an exercise: a row a program, a column a check. `·` is passed, a letter is a
/// diagnosis; both are listed below.
pub fn render(examined: &[Examined<'_>]) -> String {
    let mut text = String::new();
    for group in examined_by_exercise(examined) {
        let exercise = group[0].exercise;
        let _ = writeln!(text, "{}: {}", exercise.name, exercise.title);
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        let numbers = (1..=exercise.checks.len()).map(|number| number.to_string());
        table.set_header(
            ["program".to_owned()]
                .into_iter()
                .chain(numbers)
                .chain(["diagnoses".into()]),
        );
        for program in &group {
            let mut codes: Vec<&str> = program.verdicts.iter().flat_map(Verdict::codes).collect();
            codes.sort_unstable();
            codes.dedup();
            let cells = program.verdicts.iter().map(|verdict| cell(verdict, &codes));
            let legend = codes
                .iter()
                .enumerate()
                .map(|(index, code)| format!("{} {code}", letter(index)));
            let legend = legend.collect::<Vec<_>>().join("\n");
            table.add_row(
                [program.program.name().to_owned()]
                    .into_iter()
                    .chain(cells)
                    .chain([legend]),
            );
        }
        let _ = writeln!(text, "{table}");
        for (index, check) in exercise.checks.iter().enumerate() {
            let _ = writeln!(text, "{:4}  {}", index + 1, sentence(&check.name));
        }
        text.push('\n');
    }
    text
}

fn examined_by_exercise<'a, 'b>(examined: &'b [Examined<'a>]) -> Vec<Vec<&'b Examined<'a>>> {
    let mut groups: Vec<Vec<&Examined<'_>>> = Vec::new();
    for program in examined {
        match groups
            .iter_mut()
            .find(|group| group[0].exercise.name == program.exercise.name)
        {
            Some(group) => group.push(program),
            None => groups.push(vec![program]),
        }
    }
    groups
}

fn cell(verdict: &Verdict, codes: &[&str]) -> String {
    match verdict {
        Verdict::Passed => "·".into(),
        Verdict::CouldNotJudge(_) => "!".into(),
        _ => {
            let found = verdict.codes();
            let letters = codes
                .iter()
                .enumerate()
                .filter(|(_, code)| found.contains(code));
            letters.map(|(index, _)| letter(index)).collect()
        }
    }
}

fn letter(index: usize) -> char {
    (b'a'..=b'z').nth(index).map_or('?', char::from)
}
