//! Compiles a submission's programs with the compiler alone: the libraries that they may use are
//! compiled once, and nothing of a submission but its sources has a say in how it is built.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::cargo::{self, CompilerOutput, Executable};
use crate::course::{Exercise, root};
use crate::sandbox::{Ended, Places, Prepared, Sandbox};

/// A program of the course compiles within a second or two; a compiler that takes longer than this
/// is being kept busy.
const LIMIT: Duration = Duration::from_secs(90);

/// How much of the compiler's output is kept, in bytes.
const MAX_OUTPUT: u64 = 16 << 10;

/// The compiler, and the libraries that the programs may use.
pub struct Toolchain {
    folder: PathBuf,
    /// What `rustc -vV` prints.
    pub version: String,
    /// Compiled for all submissions.
    libraries: TempDir,
    /// By a library's name, its file's in `libraries`.
    files: BTreeMap<String, String>,
}

/// An exercise's manifest, as far as it says how to compile.
#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "bin")]
    programs: Vec<Target>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    path: String,
}

impl Toolchain {
    /// Finds the compiler and compiles the libraries.
    pub fn new(exercises: &[&Exercise]) -> Result<Self> {
        let libraries = tempfile::tempdir().context("cannot make a scratch folder")?;
        let mut files = BTreeMap::new();
        for exercise in exercises {
            for library in cargo::build_libraries(exercise)? {
                let name = library
                    .path
                    .file_name()
                    .context("a library without a name")?;
                let name = name.to_string_lossy().into_owned();
                fs::copy(&library.path, libraries.path().join(&name))
                    .with_context(|| format!("cannot copy {}", library.path.display()))?;
                files.insert(library.name, name);
            }
        }
        Ok(Self {
            folder: PathBuf::from(rustc(&["--print", "sysroot"])?),
            version: rustc(&["-vV"])?,
            libraries,
            files,
        })
    }

    /// Compiles the exercise's programs from these sources (by their path below the package's
    /// folder) and leaves them in `folder`, which is this compilation's own.
    pub fn compile(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        sources: &BTreeMap<String, Vec<u8>>,
        folder: &Path,
    ) -> Result<Result<Vec<Executable>, CompilerOutput>> {
        let (source, output) = (folder.join("sources"), folder.join("output"));
        lay_out(exercise, sources, &source)?;
        fs::create_dir_all(&output).with_context(|| format!("cannot make {}", output.display()))?;
        let manifest = Manifest::of(exercise)?;
        let places = Places {
            toolchain: &self.folder,
            libraries: self.libraries.path(),
            sources: &source,
            output: &output,
        };
        let mut programs = Vec::new();
        for program in &manifest.programs {
            let (mut prepared, places) = sandbox.compiler(&places)?;
            self.add_arguments(&mut prepared.command, &places, &manifest, program);
            if let Err(output) = run(prepared)? {
                return Ok(Err(output));
            }
            programs.push(Executable {
                name: program.name.clone(),
                path: output.join(&program.name),
            });
        }
        Ok(Ok(programs))
    }

    fn add_arguments(
        &self,
        command: &mut Command,
        places: &Places<'_>,
        manifest: &Manifest,
        program: &Target,
    ) {
        let with = |option: &str, path: &Path| format!("{option}{}", path.display());
        command
            .arg("--sysroot")
            .arg(places.toolchain)
            .args(["--edition", "2024", "--crate-type", "bin", "--emit", "link"])
            .args(["--crate-name", &program.name.replace('-', "_")])
            .args(["-F", "unsafe_code", "-C", "strip=debuginfo"])
            // A program this small takes longer to take apart.
            .args(["-C", "codegen-units=1"])
            .arg(with("-Ldependency=", places.libraries));
        for dependency in manifest.dependencies.keys() {
            if let Some(file) = self.files.get(&dependency.replace('-', "_")) {
                let path = places.libraries.join(file);
                command
                    .arg("--extern")
                    .arg(with(&format!("{dependency}="), &path));
            }
        }
        command
            .arg("-o")
            .arg(places.output.join(&program.name))
            .arg(places.sources.join(&program.path))
            // What a program may ask Cargo's environment for.
            .env("CARGO_PKG_NAME", &program.name)
            .env("CARGO_BIN_NAME", &program.name)
            .env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"));
    }
}

impl Manifest {
    fn of(exercise: &Exercise) -> Result<Self> {
        let path = root()
            .join("exercises")
            .join(&exercise.folder)
            .join("Cargo.toml");
        let read = || format!("cannot read {}", path.display());
        let text = fs::read_to_string(&path).with_context(read)?;
        toml::from_str(&text).with_context(read)
    }
}

/// Writes the sources, and the course's own files over those that students do not write.
fn lay_out(exercise: &Exercise, sources: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<()> {
    let solution = root().join("solutions").join(&exercise.folder);
    for (path, text) in sources {
        write(&folder.join(path), text)?;
    }
    for given in &exercise.given {
        let path = solution.join(given);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write(&folder.join(given), &text)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Runs the compiler, for a limited time, and keeps the start of what it says.
///
/// # Errors
///
/// If it fails for another reason than the sources: that must not cost marks.
fn run(mut compiler: Prepared) -> Result<Result<(), CompilerOutput>> {
    let mut output = tempfile::tempfile().context("cannot make a scratch file")?;
    compiler
        .command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?);
    let status = match compiler.start()?.wait(LIMIT)? {
        Ended::Itself(status) => status,
        Ended::TookTooLong => {
            let text = format!("the compiler did not end within {} s", LIMIT.as_secs());
            return Ok(Err(CompilerOutput(text)));
        }
        Ended::UsedTooMuch(excess) => {
            return Ok(Err(CompilerOutput(format!(
                "the compiler was ended: it used {excess}"
            ))));
        }
    };
    let text = start_of(&mut output)?;
    // A process that a signal has ended exits with 128 and the signal's number.
    match status.code() {
        Some(0) => Ok(Ok(())),
        Some(1) if is_about_the_sources(&text) => Ok(Err(CompilerOutput(text))),
        Some(128..) => Ok(Err(CompilerOutput(format!(
            "{text}\nthe compiler was ended: it used more memory or time than it may"
        )))),
        _ => bail!("the compiler failed ({status}): {}", text.trim()),
    }
}

/// Whether the compiler has rejected the sources, and not the sandbox its start, or the linker its
/// work: safe code has no say in either.
fn is_about_the_sources(output: &str) -> bool {
    let failed_before = ["bwrap: ", "setpriv: ", "prlimit: "];
    !failed_before
        .iter()
        .any(|program| output.starts_with(program))
        && !output.contains("error: linking with")
}

fn start_of(output: &mut File) -> Result<String> {
    output.rewind()?;
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn rustc(arguments: &[&str]) -> Result<String> {
    // Cargo runs the compiler of the folder that it is in, so this must be it.
    let output = Command::new("rustc")
        .args(arguments)
        .current_dir(root())
        .output()
        .context("cannot run rustc")?;
    ensure!(
        output.status.success(),
        "rustc {} fails",
        arguments.join(" ")
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
