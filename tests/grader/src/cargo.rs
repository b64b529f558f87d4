//! What the grader asks of Cargo: to build one package at a time, so that one that does not compile
//! costs only itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use toml::{Table, Value};

use crate::course::{Exercise, root};

/// An executable that Cargo has built.
pub(crate) struct Executable {
    /// The target's name.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// A package that does not compile.
pub(crate) struct CompilerOutput(pub(crate) String);

/// Cargo's messages, as far as they matter here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the programs of a package of the workspace in `workspace`.
pub(crate) fn build(
    workspace: &Path,
    package: &str,
) -> Result<Result<Vec<Executable>, CompilerOutput>> {
    let mut command = cargo(workspace);
    command.args(["build", "--bins", "--package", package]);
    run(command, "bin")
}

/// Builds an exercise's checks, with the reference solution's package, and returns their
/// executable.
pub(crate) fn build_checks(exercise: &Exercise) -> Result<Executable> {
    let mut command = cargo(root());
    command.args(["test", "--no-run", "--package", &exercise.solution()]);
    match run(command, "test")? {
        Ok(mut executables) => executables.pop().context("Cargo built no checks"),
        Err(CompilerOutput(output)) => {
            bail!("the checks of {} do not compile:\n{output}", exercise.name)
        }
    }
}

fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace);
    command
}

fn run(mut command: Command, kind: &str) -> Result<Result<Vec<Executable>, CompilerOutput>> {
    let output = command
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Ok(Err(CompilerOutput(text)));
    }
    let mut executables = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Message = serde_json::from_str(line).context("an odd message of Cargo's")?;
        if let (Some(path), Some(target)) = (message.executable, message.target)
            && target.kind.iter().any(|target_kind| target_kind == kind)
        {
            executables.push(Executable {
                name: target.name,
                path,
            });
        }
    }
    Ok(Ok(executables))
}

/// A workspace in which a package is built.
pub(crate) struct Workspace {
    /// Dropped with the workspace; `None` where it is this checkout.
    _scratch: Option<tempfile::TempDir>,
    pub(crate) folder: PathBuf,
    pub(crate) package: String,
}

impl Workspace {
    /// The workspace for the exercise in `folder`: this checkout if that is one of its own packages,
    /// otherwise a new one, of the course's manifests and the folder's sources.
    pub(crate) fn for_exercise(folder: &Path, exercise: &Exercise) -> Result<Self> {
        for (parent, package) in [
            ("exercises", exercise.name.clone()),
            ("solutions", exercise.solution()),
        ] {
            if folder == root().join(parent).join(&exercise.folder) {
                return Ok(Self {
                    _scratch: None,
                    folder: root().to_owned(),
                    package,
                });
            }
        }
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let package = scratch.path().join("exercises").join(&exercise.folder);
        fs::create_dir_all(&package).context("cannot fill the scratch folder")?;
        write_manifests(scratch.path(), &package, exercise)?;
        copy_sources(&folder.join("src"), &package.join("src"))?;
        for given in &exercise.given {
            let source = root().join("solutions").join(&exercise.folder).join(given);
            fs::copy(&source, package.join(given))
                .with_context(|| format!("cannot copy {}", source.display()))?;
        }
        let folder = scratch.path().to_owned();
        Ok(Self {
            _scratch: Some(scratch),
            folder,
            package: exercise.name.clone(),
        })
    }
}

/// Writes the manifests of a workspace that holds this one exercise, and builds into this
/// checkout's target folder, so that the dependencies are compiled once.
fn write_manifests(workspace: &Path, package: &Path, exercise: &Exercise) -> Result<()> {
    let mut manifest = read_manifest(&root().join("Cargo.toml"))?;
    if let Some(Value::Table(table)) = manifest.get_mut("workspace") {
        table.remove("default-members");
        table.insert("members".into(), Value::Array(vec!["exercises/*".into()]));
    }
    write(&workspace.join("Cargo.toml"), &manifest.to_string())?;

    let original = root()
        .join("exercises")
        .join(&exercise.folder)
        .join("Cargo.toml");
    let mut manifest = read_manifest(&original)?;
    manifest.remove("dev-dependencies");
    manifest.remove("test");
    write(&package.join("Cargo.toml"), &manifest.to_string())?;

    fs::copy(root().join("Cargo.lock"), workspace.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;
    let target = Value::String(root().join("target/grade").display().to_string());
    fs::create_dir_all(workspace.join(".cargo"))?;
    write(
        &workspace.join(".cargo/config.toml"),
        &format!("[build]\ntarget-dir = {target}\n[net]\noffline = true\n"),
    )
}

fn read_manifest(path: &Path) -> Result<Table> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse()
        .with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Copies the Rust sources below `from`, and nothing else: no links, no other files.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_sources(&path, &target)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// The names of the tests in an executable of checks.
pub(crate) fn list_tests(checks: &Path) -> Result<Vec<String>> {
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
