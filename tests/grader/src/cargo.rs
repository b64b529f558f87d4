//! What the grader asks of Cargo: to build one package at a time, so that one that does not compile
//! costs only itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use crate::course::{Exercise, root};

mod freshness;

/// An executable that Cargo has built.
pub struct Executable {
    /// The target's name.
    pub name: String,
    pub path: PathBuf,
}

/// A package that does not compile.
pub struct CompilerOutput(pub String);

/// A library that Cargo has built.
pub struct Library {
    /// Its name in the source.
    pub name: String,
    pub path: PathBuf,
}

/// Cargo's messages, as far as they matter here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    manifest_path: Option<PathBuf>,
    /// Cargo has left it as it is.
    #[serde(default)]
    fresh: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

/// Builds the programs of a package of the workspace in `workspace`.
pub fn build(workspace: &Path, package: &str) -> Result<Result<Vec<Executable>, CompilerOutput>> {
    let mut command = cargo(workspace);
    command.args(["build", "--bins", "--package", package]);
    run(command, "bin")
}

/// Builds all programs of the workspace in `workspace`.
pub fn build_workspace(workspace: &Path) -> Result<Result<Vec<Executable>, CompilerOutput>> {
    let mut command = cargo(workspace);
    command.args(["build", "--workspace", "--bins"]);
    run(command, "bin")
}

/// A package's programs, and the checks of its exercise.
pub struct WithChecks {
    pub programs: Vec<Executable>,
    pub checks: Executable,
}

/// Builds the programs of a package of this checkout, and its exercise's checks with them.
pub fn build_with_checks(package: &str) -> Result<Result<WithChecks, CompilerOutput>> {
    let mut command = cargo(root());
    // Students' own runs of the checks do without what only the grader reads.
    command.args(["test", "--no-run", "--features", "harness/report"]);
    command.args(["--package", package]);
    let messages = match messages(command)? {
        Ok(messages) => messages,
        Err(output) => return Ok(Err(output)),
    };
    let (programs, mut checks) = (
        executables(&messages, "bin"),
        executables(&messages, "test"),
    );
    let checks = checks.pop().context("Cargo built no checks")?;
    Ok(Ok(WithChecks { programs, checks }))
}

/// Builds an exercise's checks, with the reference solution's package, and returns their
/// executable.
pub fn build_checks(exercise: &Exercise) -> Result<Executable> {
    let mut command = cargo(root());
    command.args(["test", "--no-run", "--package", &exercise.solution()]);
    match run(command, "test")? {
        Ok(mut executables) => executables.pop().context("Cargo built no checks"),
        Err(CompilerOutput(output)) => {
            bail!(
                "the checks of {} do not compile: {}",
                exercise.name,
                in_one_line(&output)
            )
        }
    }
}

/// Builds what starts a stranger's programs, and returns its executable.
#[cfg(target_os = "linux")]
pub(crate) fn build_launcher() -> Result<PathBuf> {
    match build(root(), "launcher")? {
        Ok(mut executables) => {
            let launcher = executables.pop().context("Cargo built no launcher")?;
            Ok(launcher.path)
        }
        Err(CompilerOutput(output)) => {
            bail!("the launcher does not compile: {}", in_one_line(&output))
        }
    }
}

/// What Cargo said, for an error that is one line.
fn in_one_line(output: &str) -> String {
    let lines = output.lines().map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

fn cargo(workspace: &Path) -> Command {
    let command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut command = without_own_settings(command);
    command.current_dir(workspace);
    command
}

/// Settings of somebody's own that change what the compiler makes (Cargo's book, *Environment Variables*).
const OWN_SETTINGS: [&str; 13] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// Takes from the command's environment what would have a say in how a program is compiled: a mark must
/// not depend on it.
pub(crate) fn without_own_settings(mut command: Command) -> Command {
    let is_own = |name: &str| {
        let of_a_target = name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
        OWN_SETTINGS.contains(&name) || name.starts_with("CARGO_PROFILE_") || of_a_target
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_own) {
            command.env_remove(name);
        }
    }
    command
}

fn run(command: Command, kind: &str) -> Result<Result<Vec<Executable>, CompilerOutput>> {
    Ok(messages(command)?.map(|messages| executables(&messages, kind)))
}

fn executables(messages: &[Message], kind: &str) -> Vec<Executable> {
    let executable = |message: &Message| {
        let target = message.target.as_ref().filter(|target| target.is(kind))?;
        Some(Executable {
            name: target.name.clone(),
            path: message.executable.clone()?,
        })
    };
    messages.iter().filter_map(executable).collect()
}

/// Builds the libraries that an exercise's programs use.
pub fn build_libraries(exercise: &Exercise) -> Result<Vec<Library>> {
    let mut command = cargo(root());
    command.args(["build", "--bins", "--package", &exercise.solution()]);
    let messages = messages(command)?.map_err(|CompilerOutput(output)| {
        anyhow!(
            "the solution of {} does not compile: {}",
            exercise.name,
            in_one_line(&output)
        )
    })?;
    let library = |message: Message| {
        let target = message.target.filter(|target| target.is("lib"))?;
        let mut files = message.filenames.into_iter();
        Some(Library {
            name: target.name.replace('-', "_"),
            path: files.find(|file| file.extension().is_some_and(|ending| ending == "rlib"))?,
        })
    };
    Ok(messages.into_iter().filter_map(library).collect())
}

/// Runs Cargo, and once more where it has left something as it is that was built from other sources.
fn messages(mut command: Command) -> Result<Result<Vec<Message>, CompilerOutput>> {
    command.args(["--quiet", "--message-format=json-render-diagnostics"]);
    let first = run_once(&mut command)?;
    let (Ok(messages), Some(workspace)) = (&first, command.get_current_dir()) else {
        return Ok(first);
    };
    if freshness::unknown_sources(workspace, messages)?.is_empty() {
        return Ok(first);
    }
    // Another grader may be about the same, or have done it meanwhile.
    let workspace = workspace.to_owned();
    let _turn = freshness::take_turn(&workspace)?;
    let unknown = freshness::unknown_sources(&workspace, messages)?;
    if unknown.is_empty() {
        return Ok(first);
    }
    freshness::touch(&unknown)?;
    let second = run_once(&mut command)?;
    if let Ok(messages) = &second {
        freshness::unknown_sources(&workspace, messages)?;
    }
    Ok(second)
}

fn run_once(command: &mut Command) -> Result<Result<Vec<Message>, CompilerOutput>> {
    let output = command.output().context("cannot run cargo")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Ok(Err(CompilerOutput(text)));
    }
    let messages = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).context("an odd message of Cargo's"))
        .collect::<Result<_>>()?;
    Ok(Ok(messages))
}

impl Message {
    /// What was built: the executable, or the library.
    fn artifact(&self) -> Option<&Path> {
        let is_library = |file: &&PathBuf| file.extension().is_some_and(|it| it == "rlib");
        let library = || self.filenames.iter().find(is_library);
        let artifact = self.executable.as_ref().or_else(library);
        artifact.map(PathBuf::as_path)
    }

    /// The files in the folder of its first source file.
    fn files_beside_source(&self) -> Vec<PathBuf> {
        let target = self.target.as_ref();
        let folder = target.and_then(|target| target.src_path.parent());
        let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
        let paths = entries.into_iter().flatten().flatten();
        let paths = paths.map(|entry| entry.path());
        let mut files: Vec<_> = paths.filter(|path| path.is_file()).collect();
        files.sort_unstable();
        files
    }
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

/// The names of the tests in an executable of checks.
pub fn list_tests(checks: &Path) -> Result<Vec<String>> {
    let output = Command::new(checks)
        .args(["--list", "--format", "terse"])
        .output()
        .with_context(|| format!("cannot run {}", checks.display()))?;
    ensure!(
        output.status.success(),
        "{} does not list its tests",
        checks.display()
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect())
}
