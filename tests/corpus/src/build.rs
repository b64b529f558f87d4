//! Builds the programs of the corpus: the variants in Rust are a package of this checkout; the mutants get
//! a workspace of their own below `target/corpus`, so that their dependencies are compiled once. Variants
//! in other compiled languages are built into `target/corpus`, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use grader::cargo::{self, CompilerOutput, Executable};
use grader::course::root;

use crate::Corpus;
use crate::mutant::write_if_changed;

/// What the solutions use, and what some mistakes need.
const DEPENDENCIES: &str = r#"
[dependencies]
anyhow = { version = "1", default-features = false, features = ["std"] }
chrono = { version = "0.4", default-features = false, features = ["clock"] }
socket2 = "0.6"
"#;

/// Compiled quickly rather than well: nobody debugs a mutant.
const PROFILE: &str = "[profile.dev]\ndebug = false\nincremental = false\n";

/// Builds every program that is written in Rust, and returns their executables by the programs' names
/// (`NAME` or `NAME-client`).
pub(crate) fn build(corpus: &Corpus) -> Result<BTreeMap<String, PathBuf>> {
    let workspace = root().join("target/corpus");
    write_workspace(corpus, &workspace)?;
    let mut programs = compiled(cargo::build_workspace(&workspace)?)?;
    programs.extend(compiled(cargo::build(root(), "variants")?)?);
    Ok(programs
        .into_iter()
        .map(|program| (program.name, program.path))
        .collect())
}

/// Builds a program that is one file in Go, and returns its executable.
pub(crate) fn build_go(source: &Path, name: &str) -> Result<PathBuf> {
    let folder = root().join("target/corpus/go");
    let executable = folder.join(name);
    let mut go = Command::new("go");
    go.arg("build").arg("-o").arg(&executable).arg(source);
    // Nothing is written outside of this checkout.
    go.env("GOCACHE", folder.join("cache"));
    compile(go, source)?;
    Ok(executable)
}

/// Compiles a program that is one file in Java, and returns the folder of its classes.
pub(crate) fn build_java(source: &Path, name: &str) -> Result<PathBuf> {
    let classes = root().join("target/corpus/java").join(name);
    let mut javac = Command::new("javac");
    javac.arg("-d").arg(&classes).arg(source);
    compile(javac, source)?;
    Ok(classes)
}

fn compile(mut compiler: Command, source: &Path) -> Result<()> {
    let name = compiler.get_program().to_string_lossy().into_owned();
    let output = compiler
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(
        output.status.success(),
        "{} does not compile:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn compiled(built: Result<Vec<Executable>, CompilerOutput>) -> Result<Vec<Executable>> {
    built.map_err(|CompilerOutput(output)| anyhow!("the corpus does not compile:\n{output}"))
}

fn write_workspace(corpus: &Corpus, workspace: &Path) -> Result<()> {
    let packages = workspace.join("packages");
    // Packages of an earlier run that are no more: the workspace would still build them.
    let wanted: Vec<_> = corpus
        .mutants
        .iter()
        .map(|mutant| mutant.name.as_str())
        .collect();
    remove_others(&packages, &wanted)?;
    write_if_changed(
        &workspace.join("Cargo.toml"),
        &format!("[workspace]\nresolver = \"3\"\nmembers = [\"packages/*\"]\n\n{PROFILE}"),
    )?;
    // The same versions as everywhere.
    let lock = root().join("Cargo.lock");
    fs::copy(&lock, workspace.join("Cargo.lock"))
        .with_context(|| format!("cannot copy {}", lock.display()))?;
    for mutant in corpus
        .mutants
        .iter()
        .filter(|mutant| mutant.command.is_none())
    {
        let exercise = mutant
            .exercise(&corpus.course)
            .context("a mutant of no exercise")?;
        let package = packages.join(&mutant.name);
        mutant.write_sources(exercise, &package)?;
        let mut manifest = package_manifest(&mutant.name);
        for program in &exercise.programs {
            let suffix = program.strip_prefix(&exercise.name).unwrap_or_default();
            let file = if suffix.is_empty() {
                "main"
            } else {
                suffix.trim_start_matches('-')
            };
            manifest += &bin(
                &format!("{}{suffix}", mutant.name),
                &format!("src/{file}.rs"),
            );
        }
        write_if_changed(&package.join("Cargo.toml"), &manifest)?;
    }
    // A workspace needs a member, whichever mutants are chosen.
    let placeholder = packages.join("placeholder");
    write_if_changed(
        &placeholder.join("Cargo.toml"),
        &package_manifest("placeholder"),
    )?;
    write_if_changed(&placeholder.join("src/lib.rs"), "")
}

fn package_manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{DEPENDENCIES}")
}

fn bin(name: &str, path: &str) -> String {
    format!("\n[[bin]]\nname = \"{name}\"\npath = \"{path}\"\n")
}

fn remove_others(packages: &Path, wanted: &[&str]) -> Result<()> {
    let Ok(entries) = fs::read_dir(packages) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let keep = name
            .to_str()
            .is_some_and(|name| name == "placeholder" || wanted.contains(&name));
        if !keep {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}
