//! A student edition to work in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use grader::course::root;

/// Written once, for all tests.
static WRITTEN: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("student-edition");
    let status = Command::new(root().join("tests/student-edition.sh"))
        .arg(&folder)
        .status()
        .unwrap();
    assert!(status.success());
    folder
});

/// It has one working place: a test has it alone.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) struct Edition {
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Edition {
    /// As it is handed out.
    pub(crate) fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let edition = Self {
            folder: WRITTEN.clone(),
            _alone: alone,
        };
        edition.git(&["checkout", "--quiet", "."]);
        edition.git(&["clean", "--quiet", "-d", "--force", "-x"]);
        let _ = fs::remove_dir_all(edition.target().join("hints"));
        edition.touch_exercises();
        edition
    }

    /// Cargo takes a file that is older than what it has built for unchanged, and the starters are as old
    /// as their commit.
    fn touch_exercises(&self) {
        let files = self.git(&["ls-files", "exercises/*/src/*"]);
        assert!(!files.is_empty());
        for file in files.lines().map(|file| self.folder.join(file)) {
            fs::write(&file, fs::read(&file).unwrap()).unwrap();
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its things are built. It outlives the edition: the libraries are compiled once.
    fn target(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("student-target")
    }

    /// The files that belong to it.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let output = self.git(&["ls-files"]);
        output.lines().map(str::to_owned).collect()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Cargo in it, without a network. Other tests keep the machine busy, so its checks wait longer than
    /// they must: a right program is not judged slower by it.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.target())
            .env("CARGO_NET_OFFLINE", "true")
            .env("PATIENCE", "10")
            .env_remove("NO_COLOR");
        command
    }

    pub(crate) fn grade(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = self.cargo(&["grade"]);
        command.args(arguments);
        command.into()
    }

    pub(crate) fn source(&self, exercise: &str) -> PathBuf {
        self.folder.join("exercises").join(exercise).join("src")
    }

    /// A student writes the reference solution into the file.
    pub(crate) fn solve(&self, exercise: &str) {
        let solution = root().join("solutions").join(exercise).join("src");
        for file in fs::read_dir(solution).unwrap() {
            let file = file.unwrap();
            self.write(
                exercise,
                &fs::read_to_string(file.path()).unwrap(),
                &file.file_name().to_string_lossy(),
            );
        }
    }

    pub(crate) fn write_main(&self, exercise: &str, text: &str) {
        self.write(exercise, text, "main.rs");
    }

    fn write(&self, exercise: &str, text: &str, file: &str) {
        fs::write(self.source(exercise).join(file), text).unwrap();
    }
}
