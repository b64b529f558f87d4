//! Faults of the machine, each made on purpose around a real grading: `machine/NAME.toml`. Whatever the
//! machine does, a submission gets the mark that it deserves or none.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use grader::cargo::{self, CompilerOutput};
use grader::course::root;
use grader::partition::read_class;
use grader::verdict::Class;
use serde::Deserialize;
use tempfile::TempDir;

use crate::Corpus;
use crate::hostile::{EXERCISE, hand_in_the_solution};

/// A wrong program that gets some of the points, so that any other mark shows.
const MUTANT: &str = "ex01-keeps-the-carriage-return";

const RIGHT: &str = "right";
const WRONG: &str = "wrong";

/// What the scripts share.
const PRELUDE: &str = include_str!("../machine/prelude.sh");

/// What a script ends with if its fault can't be made here.
const SKIPPED: i32 = 77;

/// A grading that takes longer is ended, in seconds: `timeout` then ends with [`TIMED_OUT`].
const LIMIT: &str = "120";
const TIMED_OUT: i32 = 124;

const REFUSED: i32 = 2;
const NOT_FINAL: i32 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(skip)]
    pub name: String,
    /// What is wrong with the machine, in a sentence.
    pub fault: String,
    /// Which outcomes are right.
    pub outcomes: Vec<Outcome>,
    /// What must stand in the line of a refusal.
    says: Option<String>,
    /// Each is a grading of its own: `$LEVEL` in the script.
    #[serde(default)]
    levels: Vec<String>,
    /// How many submissions of the right and of the wrong program the class has.
    #[serde(default = "one")]
    copies: usize,
    /// The script mounts file systems, which nothing but it and the grader may see.
    #[serde(default)]
    mounts: bool,
    /// It would disturb a grading that runs beside it.
    #[serde(default)]
    pub alone: bool,
    /// A shell's script that makes the fault and then runs the grader, `"$@"`. `$SCRATCH` is an empty
    /// folder, `$REPORT` is where the reports will be.
    script: String,
}

fn one() -> usize {
    1
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing is graded; one line says what is wrong and what to do.
    Refused,
    /// Some marks are not final, and the journal knows nothing of them.
    CouldNotJudge,
    /// The marks are those that the same submissions get without the fault.
    SameMarks,
}

/// What became of a grading.
pub enum Seen {
    /// The outcome, with what was said about it.
    Outcome(Outcome, String),
    /// The fault could not be made.
    Skipped(String),
    /// What may never happen.
    Wrong(String),
}

impl Fault {
    /// All of them, by their names.
    pub fn read_all() -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder())? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let read = || format!("cannot read {}", path.display());
            let text = fs::read_to_string(&path).with_context(read)?;
            let mut fault: Self = toml::from_str(&text).with_context(read)?;
            let name = path.file_stem().context("a file without a name")?;
            fault.name = name.to_string_lossy().into_owned();
            all.push(fault);
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// What `$LEVEL` is in each of its gradings.
    pub fn levels(&self) -> Vec<&str> {
        if self.levels.is_empty() {
            return vec![""];
        }
        self.levels.iter().map(String::as_str).collect()
    }

    /// What is not as it must be, if anything.
    pub fn mistake(&self, seen: &Seen, may_skip: bool) -> Option<String> {
        let mistake = match seen {
            Seen::Outcome(Outcome::Refused, line)
                if self.says.as_ref().is_some_and(|text| !line.contains(text)) =>
            {
                Some(format!("the refusal does not say {:?}: {line}", self.says))
            }
            Seen::Outcome(outcome, _) if self.outcomes.contains(outcome) => None,
            Seen::Outcome(outcome, said) => Some(format!("{outcome:?}: {said}")),
            Seen::Skipped(_) if may_skip => None,
            Seen::Skipped(reason) => Some(format!("not tried: {reason}")),
            Seen::Wrong(what) => Some(what.clone()),
        }?;
        Some(format!(
            "{} It must be {:?}, but: {mistake}",
            self.fault, self.outcomes
        ))
    }
}

fn folder() -> PathBuf {
    root().join("tests/corpus/machine")
}

/// A class, and the marks that it gets where nothing is wrong with the machine.
pub struct Machine {
    grade: PathBuf,
    folder: TempDir,
    marks: BTreeMap<&'static str, u32>,
}

impl Machine {
    /// Builds the grader, writes the class, and grades it once without any fault.
    ///
    /// # Errors
    ///
    /// If something can't be built or written, or if the marks without a fault are not those of a right
    /// program and of one that is wrong in part.
    pub fn new(corpus: &Corpus) -> Result<Self> {
        let built = cargo::build(root(), "grader")?;
        let built = built.map_err(|CompilerOutput(output)| {
            anyhow::anyhow!("the grader does not compile:\n{output}")
        })?;
        let grade = built.into_iter().find(|program| program.name == "grade");
        let mut machine = Self {
            grade: grade.context("Cargo built no grader")?.path,
            folder: tempfile::tempdir().context("cannot make a scratch folder")?,
            marks: BTreeMap::new(),
        };
        machine.hand_in(corpus)?;
        let none = Fault {
            name: "no-fault".into(),
            fault: "nothing is wrong".into(),
            outcomes: vec![Outcome::SameMarks],
            says: None,
            levels: Vec::new(),
            copies: 1,
            mounts: false,
            alone: true,
            script: "exec \"$@\"".into(),
        };
        let (output, report) = machine.run(&none, "")?;
        let class = read_class(&report)?;
        let class = class.with_context(|| format!("no class was graded: {}", said(&output)))?;
        for kind in [RIGHT, WRONG] {
            let graded = class.submissions.iter();
            let mut graded = graded.filter(|graded| graded.submission.starts_with(kind));
            let graded = graded.next().context("a submission was not graded")?;
            let is_right = graded.points() == graded.of();
            ensure!(
                graded.is_final() && is_right == (kind == RIGHT) && graded.points() > 0,
                "without any fault, the {kind} program gets {} of {}",
                graded.points(),
                graded.of()
            );
            machine.marks.insert(kind, graded.points());
        }
        Ok(machine)
    }

    fn hand_in(&self, corpus: &Corpus) -> Result<()> {
        let mutant = corpus.mutants.iter().find(|mutant| mutant.name == MUTANT);
        let mutant = mutant.with_context(|| format!("there is no mutant {MUTANT}"))?;
        let exercise = corpus.course.exercise(EXERCISE)?;
        let submissions = self.folder.path().join("submissions");
        hand_in_the_solution(&submissions.join(RIGHT))?;
        mutant.write_sources(exercise, &submissions.join(WRONG).join(&exercise.folder))
    }

    /// Grades the class with this fault.
    pub fn try_fault(&self, fault: &Fault, level: &str) -> Result<Seen> {
        let (output, report) = self.run(fault, level)?;
        let status = output.status;
        let text = said(&output);
        match status.code() {
            Some(SKIPPED) => return Ok(Seen::Skipped(text)),
            Some(TIMED_OUT) => {
                return Ok(Seen::Wrong(format!("no end within {LIMIT} s: {text}")));
            }
            _ => {}
        }
        let class = read_class(&report)?;
        if let Some(wrong) = self.wrong_marks(class.as_ref(), &report)? {
            return Ok(Seen::Wrong(format!("{wrong}; it said: {text}")));
        }
        let outcome = match (status.code(), class) {
            (Some(0), Some(class)) if class.submissions.len() == 2 * fault.copies => {
                Outcome::SameMarks
            }
            (Some(NOT_FINAL), Some(_)) => Outcome::CouldNotJudge,
            (Some(REFUSED), None) if is_one_line(&output) => Outcome::Refused,
            (Some(REFUSED), _) => {
                return Ok(Seen::Wrong(format!("refused in several lines: {text}")));
            }
            _ => {
                let signal = status.signal().map(|signal| format!(" (signal {signal})"));
                let signal = signal.unwrap_or_default();
                return Ok(Seen::Wrong(format!(
                    "{status}{signal}, and it said: {text}"
                )));
            }
        };
        Ok(Seen::Outcome(outcome, text))
    }

    fn run(&self, fault: &Fault, level: &str) -> Result<(Output, PathBuf)> {
        let own = tempfile::tempdir_in(self.folder.path())?.keep();
        let (class, scratch, report) = (own.join("class"), own.join("scratch"), own.join("report"));
        fs::create_dir(&scratch)?;
        for number in 0..fault.copies {
            for kind in [RIGHT, WRONG] {
                let from = self.folder.path().join("submissions").join(kind);
                copy(&from, &class.join(format!("{kind}-{number}")))?;
            }
        }
        let mut command = Command::new("timeout");
        command.args(["--kill-after", "10", LIMIT]);
        let back = if fault.mounts {
            mount_namespace(&mut command)
        } else {
            Vec::new()
        };
        command
            .args(["sh", "-c"])
            .arg(format!("{PRELUDE}\n{}", fault.script))
            .arg(&fault.name)
            .args(back)
            .arg(&self.grade)
            .arg(&class)
            .args(["--exercise", EXERCISE, "--report"])
            .arg(&report)
            .env("LEVEL", level)
            .env("SCRATCH", &scratch)
            .env("REPORT", &report);
        let output = command.output().context("cannot start timeout")?;
        Ok((output, report))
    }

    /// A mark that a submission has and does not deserve, in the reports or in the journal, or one in
    /// the journal that is not final.
    fn wrong_marks(&self, class: Option<&Class>, report: &Path) -> Result<Option<String>> {
        let mut open = Vec::new();
        for graded in class.map_or(&[][..], |class| &class.submissions) {
            if !graded.is_final() {
                open.push(&*graded.submission);
            } else if let Some(wrong) = self.wrong_mark(&graded.submission, graded.points()) {
                return Ok(Some(wrong));
            }
        }
        let journal = fs::read_to_string(report.join("journal.jsonl")).unwrap_or_default();
        for line in journal.lines() {
            // What was not written to its end is no entry.
            let Ok(entry) = serde_json::from_str::<Entry>(line) else {
                continue;
            };
            if open.contains(&&*entry.submission) {
                let wrong = format!("{} is not final, and in the journal", entry.submission);
                return Ok(Some(wrong));
            }
            if let Some(wrong) = self.wrong_mark(&entry.submission, entry.judged.points) {
                return Ok(Some(format!("in the journal, {wrong}")));
            }
        }
        Ok(None)
    }

    fn wrong_mark(&self, submission: &str, points: u32) -> Option<String> {
        let (_, deserved) = self
            .marks
            .iter()
            .find(|(kind, _)| submission.starts_with(**kind))?;
        (points != *deserved).then(|| format!("{submission} has {points}, not {deserved}"))
    }
}

/// A line of the journal, as far as it matters here.
#[derive(Deserialize)]
struct Entry {
    submission: String,
    judged: Judged,
}

#[derive(Deserialize)]
struct Judged {
    points: u32,
}

/// Makes what comes next see mounts of its own, and returns what the grader is started by then: an
/// ordinary user may mount only as the root of a user namespace, and is itself again in one within.
fn mount_namespace(command: &mut Command) -> Vec<String> {
    command.arg("unshare");
    let user = rustix::process::geteuid();
    if user.is_root() {
        command.args(["--mount", "--propagation", "private"]);
        return Vec::new();
    }
    command.args(["--user", "--map-root-user", "--mount"]);
    let group = rustix::process::getegid();
    vec![
        "unshare".into(),
        "--user".into(),
        format!("--map-user={}", user.as_raw()),
        format!("--map-group={}", group.as_raw()),
        "--".into(),
    ]
}

/// Whether the only thing that was said, but for how far the grading was, is an error of one line.
fn is_one_line(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    let is_progress = |line: &&str| line.starts_with(|sign: char| sign.is_ascii_digit());
    let lines: Vec<_> = text.lines().filter(|line| !is_progress(line)).collect();
    matches!(lines[..], [line] if line.starts_with("error: "))
}

/// The end of what a grading wrote on stderr.
fn said(output: &Output) -> String {
    const LINES: usize = 6;
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join(" | ")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copying = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(copying)?;
    for entry in fs::read_dir(from).with_context(copying)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to).with_context(copying)?;
        }
    }
    Ok(())
}
