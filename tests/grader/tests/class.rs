//! `cargo grade` of a class, as an instructor calls it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use assert_cmd::cargo::cargo_bin;
use grader::course::root;
use grader::sandbox::for_strangers;
use procfs::process::all_processes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;
use tempfile::TempDir;

const SOLUTION: &str = "solutions/ex01-single-loop/src/main.rs";
const STARTER: &str = "exercises/ex01-single-loop/src/main.rs";

/// A process that has not ended by then will not.
const LEFT_BEHIND: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

/// A class of four: two right, one unfinished, one that does not compile.
struct Class {
    folder: TempDir,
    /// A grading uses all of the machine, so there is one at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Class {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let class = Self {
            folder: tempfile::tempdir().unwrap(),
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        };
        fs::create_dir(class.scratch()).unwrap();
        let right = fs::read_to_string(root().join(SOLUTION)).unwrap();
        class.hand_in("Zoë Ångström", &right);
        class.hand_in("bob", &right);
        class.hand_in("carol", &fs::read_to_string(root().join(STARTER)).unwrap());
        class.hand_in("dave", "fn main() { 1 + }");
        class
    }

    fn submissions(&self) -> PathBuf {
        self.folder.path().join("class")
    }

    /// Where the grader's temporary files go. What a sandbox runs is named by it.
    fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    fn report(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hand_in(&self, student: &str, main: &str) {
        let src = self
            .submissions()
            .join(student)
            .join("ex01-single-loop/src");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("main.rs"), main).unwrap();
    }

    /// `cargo grade CLASS --report NAME`.
    fn grade(&self, report: &str) -> Command {
        let mut command = Command::new(cargo_bin!("grade"));
        command
            .current_dir(self.folder.path())
            .arg(self.submissions())
            .args(["--exercise", "ex01", "--report", report])
            .env("TMPDIR", self.scratch())
            .stdin(Stdio::null());
        if for_strangers(false).is_err() {
            command.arg("--no-sandbox");
        }
        command
    }

    /// Waits until no process is left whose command names a file of this class's.
    fn expect_no_process(&self) {
        let folder = self.folder.path().to_string_lossy();
        let is_ours = |words: Vec<String>| words.iter().any(|word| word.contains(&*folder));
        loop {
            let mut processes = all_processes().unwrap().flatten();
            let left = processes.find(|process| process.cmdline().is_ok_and(is_ours));
            let Some(left) = left else {
                return;
            };
            let id = Pid::from_raw(left.pid()).unwrap();
            let Ok(handle) = pidfd_open(id, PidfdFlags::empty()) else {
                continue;
            };
            let mut handle = [PollFd::new(&handle, PollFlags::IN)];
            let ended = poll(&mut handle, Some(&LEFT_BEHIND)).unwrap();
            assert_eq!(ended, 1, "is left: {:?}", left.cmdline());
        }
    }

    fn gradebook(&self, report: &str) -> String {
        fs::read_to_string(self.report(report).join("gradebook.csv")).unwrap()
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// What the checks found, for the text of a failed test.
fn diagnoses(report: &Path) -> String {
    let journal = fs::read_to_string(report.join("journal.jsonl")).unwrap_or_default();
    let failed =
        |line: &&str| line.contains("\"summary\"") && !line.contains("not yet implemented");
    journal.lines().filter(failed).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The journal's keys; each must be there once.
fn keys(report: &Path) -> BTreeSet<String> {
    let journal = fs::read_to_string(report.join("journal.jsonl")).unwrap();
    let mut keys = BTreeSet::new();
    for line in journal.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let key = entry["key"].as_str().unwrap().to_owned();
        assert!(keys.insert(key), "judged twice: {}", entry["submission"]);
    }
    keys
}

#[test]
fn every_submission_gets_its_marks_and_its_page() {
    let class = Class::new();
    fs::write(class.submissions().join("erin.zip"), "no archive").unwrap();
    let output = run(&mut class.grade("report"));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for (name, points) in [
        ("Zoë Ångström", 100),
        ("bob", 100),
        ("carol", 0),
        ("dave", 0),
    ] {
        let row = table.lines().find(|line| line.contains(name)).unwrap();
        let found = diagnoses(&class.report("report"));
        assert!(row.contains(&format!(" {points} / 100 ")), "{row}\n{found}");
    }
    let row = table.lines().find(|line| line.contains("erin")).unwrap();
    assert!(row.contains("archive"), "{row}");
    assert!(table.contains("protection: "), "{table}");
    let report = class.report("report");
    for file in [
        "index.html",
        "gradebook.csv",
        "junit.xml",
        "students/bob.html",
    ] {
        assert!(report.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_grading_that_is_killed_goes_on_where_it_was() {
    let class = Class::new();
    run(&mut class.grade("undisturbed"));
    for graded in 0..4 {
        let report = format!("killed-after-{graded}");
        let mut grader = class
            .grade(&report)
            .args(["--jobs", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(grader.stderr.take().unwrap()).lines();
        let seen = lines.take(graded).filter(Result::is_ok).count();
        assert_eq!(seen, graded);
        grader.kill().unwrap();
        grader.wait().unwrap();
        class.expect_no_process();

        run(&mut class.grade(&report));
        assert_eq!(
            class.gradebook(&report),
            class.gradebook("undisturbed"),
            "{}",
            diagnoses(&class.report(&report)) + &diagnoses(&class.report("undisturbed"))
        );
        assert_eq!(
            keys(&class.report(&report)),
            keys(&class.report("undisturbed"))
        );
    }
}

#[test]
fn half_a_line_in_the_journal_is_not_lost_work() {
    let class = Class::new();
    run(&mut class.grade("report"));
    let journal = class.report("report").join("journal.jsonl");
    let text = fs::read(&journal).unwrap();
    fs::write(&journal, &text[..text.len() - 10]).unwrap();
    run(&mut class.grade("report"));
    assert_eq!(keys(&class.report("report")).len(), 4);
}

#[test]
fn marks_that_change_are_shown_and_have_to_be_agreed_to() {
    let class = Class::new();
    run(&mut class.grade("report"));
    let before = class.gradebook("report");
    class.hand_in("bob", "fn main() {}");

    let refused = class.grade("report").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let change = "bob: 100 (ex01 100) -> 0 (ex01 0)";
    assert!(stderr(&refused).contains(change), "{refused:?}");
    assert!(stderr(&refused).contains("add --yes"), "{refused:?}");
    assert_eq!(class.gradebook("report"), before);

    let written = run(class.grade("report").arg("--yes"));
    assert!(stderr(&written).contains(change), "{written:?}");
    assert_ne!(class.gradebook("report"), before);
    // Only what changed was judged again.
    assert_eq!(keys(&class.report("report")).len(), 5);
}

#[test]
fn the_parts_of_a_class_are_the_class() {
    let class = Class::new();
    run(&mut class.grade("whole"));
    let mut merge = Command::new(cargo_bin!("grade"));
    merge.current_dir(class.folder.path()).arg("merge");
    for part in ["1/3", "2/3", "3/3"] {
        let report = format!("part-{}", &part[..1]);
        run(class.grade(&report).args(["--partition", part]));
        merge.arg(report);
    }
    run(merge.args(["--report", "merged"]));
    assert_eq!(class.gradebook("merged"), class.gradebook("whole"));
}

#[test]
fn a_report_folder_that_can_not_be_written_is_refused() {
    let class = Class::new();
    fs::write(class.report("report"), "a file").unwrap();
    let output = class.grade("report").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("cannot make report"), "{output:?}");
}
