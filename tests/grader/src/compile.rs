//! Compiles a submission's programs with the compiler alone: the libraries that they may use are
//! compiled once, and nothing of a submission but its sources has a say in how it is built.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

mod outcome;

use crate::cargo::{self, CompilerOutput, Executable};
use crate::course::{Exercise, root};
use crate::sandbox::{Places, Prepared, Sandbox};
use outcome::Outcome;

/// A program of the course compiles within a second or two; a compiler that takes longer than this
/// is being kept busy.
const LIMIT: Duration = Duration::from_secs(90);

/// How much of what the compiler writes is read, in bytes.
const MAX_OUTPUT: u64 = 4 << 20;

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
    package: Package,
    #[serde(rename = "bin")]
    programs: Vec<Target>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    path: String,
}

/// The library that Cargo makes of this file, if it is there, for the programs of its package.
const LIBRARY: &str = "src/lib.rs";

/// What is compiled.
#[derive(Clone, Copy)]
enum Unit<'a> {
    /// The package's library.
    Library,
    Program(&'a Target),
}

/// A submission's sources, by their paths below the package's folder.
pub type Sources = BTreeMap<String, Vec<u8>>;

impl Toolchain {
    /// Finds the compiler and compiles the libraries.
    pub fn new(exercises: &[&Exercise]) -> Result<Self> {
        let libraries = tempfile::tempdir().context("cannot make a scratch folder")?;
        make_folder(libraries.path())?;
        let mut files = BTreeMap::new();
        for exercise in exercises {
            for library in cargo::build_libraries(exercise)? {
                let name = library
                    .path
                    .file_name()
                    .context("a library without a name")?;
                let name = name.to_string_lossy().into_owned();
                let copy = libraries.path().join(&name);
                fs::copy(&library.path, &copy)
                    .and_then(|_| fs::set_permissions(&copy, Permissions::from_mode(0o644)))
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

    /// Compiles the exercise's programs from these sources and leaves them in `folder`, which is this
    /// compilation's own. Where the compiler fails and nothing that it says is about the sources, it is asked
    /// once more, and then the reference solution decides: if that compiles, the sources are the cause.
    ///
    /// # Errors
    ///
    /// If the machine is the cause: that must not cost marks.
    pub fn compile(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        sources: &Sources,
        folder: &Path,
    ) -> Result<Result<Vec<Executable>, CompilerOutput>> {
        let attempt = |name| self.attempt(sandbox, exercise, sources, &folder.join(name));
        let mut tried = attempt("first")?;
        if matches!(tried.1, Outcome::Suspicious(_) | Outcome::Killed) {
            tried = attempt("second")?;
        }
        let text = match tried {
            (programs, Outcome::Compiled) => return Ok(Ok(programs)),
            (_, Outcome::Rejected(text)) => return Ok(Err(CompilerOutput(text))),
            (_, Outcome::Suspicious(text)) => text,
            // However little the reference needs, that is no fault of these sources: a compiler that wants
            // more than it may is refused, and not killed.
            (_, Outcome::Killed) => {
                bail!("the machine has no memory left: the compiler was killed")
            }
        };
        let reference = reference_sources(exercise)?;
        match self.attempt(sandbox, exercise, &reference, &folder.join("control"))? {
            (_, Outcome::Compiled) => Ok(Err(CompilerOutput(text))),
            (_, Outcome::Rejected(_) | Outcome::Suspicious(_) | Outcome::Killed) => {
                bail!("the reference solution does not compile either: {text}")
            }
        }
    }

    /// Compiles the programs, as far as that succeeds.
    fn attempt(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        sources: &Sources,
        folder: &Path,
    ) -> Result<(Vec<Executable>, Outcome)> {
        let (source, output) = (folder.join("sources"), folder.join("output"));
        lay_out(exercise, sources, &source)?;
        make_folder(&output)?;
        let manifest = Manifest::of(exercise)?;
        let places = Places {
            toolchain: &self.folder,
            libraries: self.libraries.path(),
            sources: &source,
            output: &output,
        };
        let library = sources.contains_key(LIBRARY).then_some(Unit::Library);
        let units = library
            .into_iter()
            .chain(manifest.programs.iter().map(Unit::Program));
        let mut programs = Vec::new();
        for unit in units {
            let (mut prepared, places) = sandbox.compiler(&places)?;
            self.add_arguments(&mut prepared.command, &places, &manifest, unit);
            if library.is_some() && matches!(unit, Unit::Program(_)) {
                let library = places.output.join(manifest.library_file());
                let name = format!("{}=", manifest.crate_name());
                prepared.command.arg("--extern").arg(with(&name, &library));
            }
            match run(prepared)? {
                Outcome::Compiled => {}
                failed => return Ok((programs, failed)),
            }
            if let Unit::Program(program) = unit {
                programs.push(Executable {
                    name: program.name.clone(),
                    path: output.join(&program.name),
                });
            }
        }
        Ok((programs, Outcome::Compiled))
    }

    fn add_arguments(
        &self,
        command: &mut Command,
        places: &Places<'_>,
        manifest: &Manifest,
        unit: Unit<'_>,
    ) {
        let library = manifest.library_file();
        let (kind, name, source, output) = match unit {
            Unit::Library => ("lib", &manifest.package.name, LIBRARY, &library),
            Unit::Program(program) => ("bin", &program.name, &*program.path, &program.name),
        };
        command
            .arg("--sysroot")
            .arg(places.toolchain)
            .args(["--edition", "2024", "--crate-type", kind, "--emit", "link"])
            .args(["--crate-name", &name.replace('-', "_")])
            .args(["--error-format", "json"])
            .args(["-F", "unsafe_code", "-C", "strip=debuginfo"])
            // A program this small takes longer to take apart.
            .args(["-C", "codegen-units=1"])
            .args(system_linker(&self.version))
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
            .arg(places.output.join(output))
            .arg(places.sources.join(source))
            // What a program may ask Cargo's environment for.
            .env("CARGO_PKG_NAME", name)
            .env("CARGO_BIN_NAME", name)
            .env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"));
    }

    /// All that the compiler is given beside the sources.
    pub fn libraries(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.files.values();
        files.map(|file| self.libraries.path().join(file))
    }
}

/// What makes a compiler of this version use the system's linker. The toolchain's own, which is the usual one on
/// x86-64 since 1.90, finds its parts by way of /proc, which the compiler's sandbox does not have.
fn system_linker(version: &str) -> &'static [&'static str] {
    let minor = version
        .split_once("release: 1.")
        .and_then(|(_, rest)| rest.split('.').next()?.parse().ok());
    if version.contains("host: x86_64-unknown-linux-gnu")
        && minor.is_some_and(|minor: u32| minor >= 90)
    {
        &["-C", "linker-features=-lld"]
    } else {
        &[]
    }
}

fn with(option: &str, path: &Path) -> String {
    format!("{option}{}", path.display())
}

/// The crates that an exercise's programs may use, by their names in the manifest.
///
/// # Errors
///
/// If the manifest can't be read.
pub fn crates(exercise: &Exercise) -> Result<Vec<String>> {
    Ok(Manifest::of(exercise)?.dependencies.into_keys().collect())
}

/// The reference solution, as a submission.
///
/// # Errors
///
/// If it can't be read.
pub fn reference_sources(exercise: &Exercise) -> Result<Sources> {
    let folder = root().join("solutions").join(&exercise.folder).join("src");
    let read = || format!("cannot read {}", folder.display());
    let mut sources = Sources::new();
    for entry in fs::read_dir(&folder).with_context(read)? {
        let path = entry.with_context(read)?.path();
        let name = path.file_name().with_context(read)?.to_string_lossy();
        let text = fs::read(&path).with_context(read)?;
        sources.insert(format!("src/{name}"), text);
    }
    Ok(sources)
}

/// A file of the course's that students do not write.
///
/// # Errors
///
/// If it can't be read.
pub fn given_file(exercise: &Exercise, path: &str) -> Result<Vec<u8>> {
    let path = root().join("solutions").join(&exercise.folder).join(path);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
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

    fn crate_name(&self) -> String {
        self.package.name.replace('-', "_")
    }

    fn library_file(&self) -> String {
        format!("lib{}.rlib", self.crate_name())
    }
}

/// Writes the sources, and the course's own files over those that students do not write. Whatever the
/// umask, the compiler can read them as another user.
fn lay_out(exercise: &Exercise, sources: &Sources, folder: &Path) -> Result<()> {
    make_folder(folder)?;
    for (path, text) in sources {
        write(folder, path, text)?;
    }
    for given in &exercise.given {
        write(folder, given, &given_file(exercise, given)?)?;
    }
    Ok(())
}

fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(path);
    let below = Path::new(path).ancestors().skip(1);
    let folders: Vec<_> = below.map(|parent| folder.join(parent)).collect();
    for folder in folders.iter().rev() {
        make_folder(folder)?;
    }
    fs::write(&file, bytes)
        .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o644)))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot make {}", folder.display()))
}

/// Runs the compiler, for a limited time.
fn run(mut compiler: Prepared) -> Result<Outcome> {
    let mut output = tempfile::tempfile().context("cannot make a scratch file")?;
    compiler
        .command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?);
    let ended = compiler.start()?.wait(LIMIT)?;
    output.rewind()?;
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(Outcome::of(&ended, &String::from_utf8_lossy(&bytes)))
}

fn rustc(arguments: &[&str]) -> Result<String> {
    // Cargo runs the compiler of the folder that it is in, so this must be it.
    let output = cargo::without_own_settings(Command::new("rustc"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_linker_is_asked_for_where_it_is_not_the_usual_one() {
        let flags = |host, release| {
            system_linker(&format!("rustc\nhost: {host}\nrelease: {release}\n")).len()
        };
        assert_eq!(flags("x86_64-unknown-linux-gnu", "1.90.0"), 2);
        assert_eq!(flags("x86_64-unknown-linux-gnu", "1.95.0-nightly"), 2);
        assert_eq!(flags("x86_64-unknown-linux-gnu", "1.89.0"), 0);
        assert_eq!(flags("aarch64-unknown-linux-gnu", "1.95.0"), 0);
    }
}
