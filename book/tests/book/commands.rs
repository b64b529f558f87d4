//! What a page or a lesson says to type can be typed: a shell can read it, and make's targets, Cargo's
//! packages and programs, the grader's options and the checks that it names exist.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use grader::course::Course;

use crate::chapter::{Chapter, chapters, lessons};
use crate::{expect_none, repository};

#[test]
fn commands_exist() {
    let known = Known::read();
    let mut faults = Vec::new();
    for page in chapters().into_iter().chain(lessons()) {
        let lines = scripts(&page).flat_map(str::lines);
        // In the running text, what begins like a command is one.
        let inline = page.inline_code.iter().map(String::as_str);
        let inline =
            inline.filter(|code| ["make ", "cargo "].iter().any(|start| code.contains(start)));
        for command in lines.chain(inline).flat_map(commands) {
            if let Err(fault) = known.check(command) {
                faults.push(format!("{}: `{command}`: {fault}", page.name));
            }
        }
    }
    expect_none(faults);
}

#[test]
fn a_shell_can_read_what_is_to_be_typed() {
    let mut faults = Vec::new();
    for page in chapters().into_iter().chain(lessons()) {
        for script in scripts(&page) {
            let read = Command::new("bash").args(["-n", "-c", script]).output();
            let read = read.expect("bash runs");
            if !read.status.success() {
                let error = String::from_utf8_lossy(&read.stderr);
                faults.push(format!("{}: {script}{error}", page.name));
            }
        }
    }
    expect_none(faults);
}

fn scripts(page: &Chapter) -> impl Iterator<Item = &str> {
    let blocks = page.blocks.iter().filter(|block| block.language == "sh");
    blocks.map(|block| block.text.as_str())
}

/// The commands in a line.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    line.split([';', '|', '&', '(', ')'])
}

/// What may stand before a command: `time`, `do`, a variable (`EX02_COMMAND=…`).
fn is_prefix(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    let is_sign = |sign: char| sign == '_' || sign.is_ascii_uppercase() || sign.is_ascii_digit();
    let is_variable = !name.is_empty() && name.chars().all(is_sign);
    is_variable || ["time", "do"].contains(&word)
}

/// What can be named in a command.
struct Known {
    targets: BTreeSet<String>,
    /// Packages and programs.
    packages: BTreeSet<String>,
    programs: BTreeSet<String>,
    /// The grader's own options: `--report`.
    options: BTreeSet<String>,
    checks: Vec<String>,
}

impl Known {
    fn read() -> Self {
        let makefile = fs::read_to_string(repository().join("Makefile")).expect("the Makefile");
        let targets = makefile.lines().filter_map(|line| {
            let (target, _) = line.split_once(':')?;
            let is_name = target
                .chars()
                .all(|sign| sign == '-' || sign.is_ascii_alphanumeric());
            is_name.then(|| target.to_owned())
        });
        let mut known = Self {
            targets: targets.collect(),
            packages: BTreeSet::new(),
            programs: BTreeSet::new(),
            options: BTreeSet::new(),
            checks: Vec::new(),
        };
        let exercises = Course::read().expect("the course").exercises;
        let checks = exercises.into_iter().flat_map(|exercise| exercise.checks);
        known.checks.extend(checks.map(|check| check.name));
        for folder in ["exercises", "solutions", "tests", "."] {
            for entry in fs::read_dir(repository().join(folder)).expect("the workspace") {
                let manifest = entry.expect("the workspace").path().join("Cargo.toml");
                let Ok(manifest) = fs::read_to_string(manifest) else {
                    continue;
                };
                let mut section = "";
                for line in manifest.lines() {
                    if line.starts_with('[') {
                        section = line;
                    } else if let Some(name) = line.strip_prefix("name = ") {
                        let names = match section {
                            "[package]" => &mut known.packages,
                            "[[bin]]" => &mut known.programs,
                            _ => continue,
                        };
                        names.insert(name.trim_matches('"').to_owned());
                    }
                }
            }
        }
        for verb in [&["--help"][..], &["merge", "--help"]] {
            let help = Command::new(env!("CARGO"))
                .args(["run", "--quiet", "--locked", "--package", "grader", "--"])
                .args(verb)
                .output()
                .expect("the grader's help");
            let help = String::from_utf8(help.stdout).expect("the help is text");
            let words = help.split(|sign: char| sign != '-' && !sign.is_ascii_alphanumeric());
            let options = words.filter(|word| word.starts_with("--"));
            known.options.extend(options.map(str::to_owned));
        }
        known
    }

    fn check(&self, command: &str) -> Result<(), String> {
        // Half a command, cut in a quotation, names nothing.
        let words = shell_words::split(command).unwrap_or_default();
        let words = words.iter().map(String::as_str);
        let words: Vec<_> = words.skip_while(|word| is_prefix(word)).collect();
        match words.as_slice() {
            ["make", targets @ ..] => self.check_targets(targets),
            ["cargo", "grade", arguments @ ..] => self.check_options(arguments),
            ["cargo", verb, arguments @ ..] => {
                self.check_packages(arguments)?;
                match arguments.iter().position(|&argument| argument == "--") {
                    Some(end) if *verb == "test" => self.check_filters(&arguments[end + 1..]),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn check_targets(&self, targets: &[&str]) -> Result<(), String> {
        let mut names = targets.iter().filter(|target| !target.contains('='));
        match names.find(|&&target| !self.targets.contains(target)) {
            Some(target) => Err(format!("make has no target {target}")),
            None => Ok(()),
        }
    }

    fn check_options(&self, arguments: &[&str]) -> Result<(), String> {
        let mut options = arguments
            .iter()
            .filter(|argument| argument.starts_with("--"));
        match options.find(|&&option| !self.options.contains(option)) {
            Some(option) => Err(format!("the grader has no option {option}")),
            None => Ok(()),
        }
    }

    fn check_packages(&self, arguments: &[&str]) -> Result<(), String> {
        for pair in arguments.windows(2) {
            let names = match pair[0] {
                "--" => break,
                "-p" | "--package" => &self.packages,
                "--bin" => &self.programs,
                _ => continue,
            };
            let name = pair[1];
            // Any of the exercises: ex0N.
            if !name.ends_with('N') && !names.contains(name) {
                return Err(format!("nothing in the workspace is called {name}"));
            }
        }
        Ok(())
    }
    /// `cargo test -p ex01 -- arrive_together`
    fn check_filters(&self, arguments: &[&str]) -> Result<(), String> {
        let mut filters = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'));
        let is_known = |filter: &str| self.checks.iter().any(|check| check.contains(filter));
        match filters.find(|&&filter| !is_known(filter)) {
            Some(filter) => Err(format!("no check's name contains {filter}")),
            None => Ok(()),
        }
    }
}
