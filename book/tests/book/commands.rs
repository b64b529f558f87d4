//! What a page says to type can be typed: make's targets, Cargo's packages and programs, the grader's
//! options exist.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::chapter::chapters;
use crate::{expect_none, repository};

#[test]
fn commands_exist() {
    let known = Known::read();
    let mut faults = Vec::new();
    for chapter in chapters() {
        let blocks = chapter.blocks.iter().filter(|block| block.language == "sh");
        let lines = blocks.flat_map(|block| block.text.lines());
        // In the running text, what begins like a command is one.
        let inline = chapter.inline_code.iter().map(String::as_str);
        let inline =
            inline.filter(|code| ["make ", "cargo "].iter().any(|start| code.contains(start)));
        for command in lines.chain(inline) {
            if let Err(fault) = known.check(command) {
                faults.push(format!("{}: `{command}`: {fault}", chapter.name));
            }
        }
    }
    expect_none(faults);
}

/// What can be named in a command.
struct Known {
    targets: BTreeSet<String>,
    /// Packages and programs.
    packages: BTreeSet<String>,
    programs: BTreeSet<String>,
    /// The grader's own options: `--report`.
    options: BTreeSet<String>,
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
        };
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
        let words = shell_words::split(command).map_err(|error| error.to_string())?;
        // Variables before the command: EX02_COMMAND="python3 server.py".
        let is_variable = |word: &&String| {
            let name = word.split_once('=').map_or("", |(name, _)| name);
            let is_sign =
                |sign: char| sign == '_' || sign.is_ascii_uppercase() || sign.is_ascii_digit();
            !name.is_empty() && name.chars().all(is_sign)
        };
        let words = words.iter().skip_while(is_variable);
        let words: Vec<_> = words.map(String::as_str).collect();
        match words.as_slice() {
            ["make", targets @ ..] => self.check_targets(targets),
            ["cargo", "grade", arguments @ ..] => self.check_options(arguments),
            ["cargo", _, arguments @ ..] => self.check_packages(arguments),
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
}
