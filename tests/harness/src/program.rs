//! Which program is under test.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::draw::SEED_VARIABLE;
use crate::launch::Launch;
use crate::report::REPORT_VARIABLE;

/// The program under test of the package whose tests are being compiled: `program!()` is
/// the one named as the package, `program!("client")` the one named `PACKAGE-client`.
#[macro_export]
macro_rules! program {
    () => {
        $crate::Program::new(
            env!("CARGO_PKG_NAME"),
            env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
        )
    };
    ($suffix:literal) => {
        $crate::Program::new(
            concat!(env!("CARGO_PKG_NAME"), "-", $suffix),
            env!(concat!(
                "CARGO_BIN_EXE_",
                env!("CARGO_PKG_NAME"),
                "-",
                $suffix
            )),
        )
    };
}

/// A program under test: a command line, to which arguments are appended.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    variable: String,
    words: Vec<String>,
}

impl Program {
    /// The program built as `executable`, unless the environment puts another command in its
    /// place: `EX02_COMMAND="python3 server.py"` for the program `ex02`, `EX03_CLIENT_COMMAND` for
    /// `ex03-client`. The solution of an exercise (`ex02-solution`) goes by the exercise's name.
    ///
    /// # Panics
    ///
    /// If the variable holds no command line.
    pub fn new(name: &str, executable: &str) -> Self {
        let name = name.replace("-solution", "");
        let variable = format!("{}_COMMAND", name.to_uppercase().replace('-', "_"));
        let words = match env::var(&variable) {
            Err(_) => vec![executable.to_owned()],
            Ok(line) => match shell_words::split(&line) {
                Ok(words) if !words.is_empty() => words,
                Ok(_) => panic!("{variable} is empty: set it to a command line, or unset it"),
                Err(error) => panic!("{variable} is no command line: {error}: {line}"),
            },
        };
        Self {
            name,
            variable,
            words,
        }
    }

    /// The program's name, as in the course's text: `ex02`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The environment variable that puts another command in its place: `EX02_COMMAND`.
    pub(crate) fn variable(&self) -> &str {
        &self.variable
    }

    /// The command line without the appended arguments.
    pub(crate) fn command_line(&self) -> String {
        shell_words::join(&self.words)
    }

    /// The command, and how it is known whether the program is reached.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> (Command, Launch) {
        let (launch, words) = Launch::of(&self.words);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments);
        // Cargo runs the checks in the package's folder; a relative path in a command line means
        // the folder in which it was typed, which the shell leaves in PWD.
        if let Some(folder) = env::var_os("PWD").filter(|folder| Path::new(folder).is_dir()) {
            command.current_dir(folder);
        }
        // Backtraces take seconds to resolve, and say nothing that the message does not.
        command
            .env("RUST_BACKTRACE", "0")
            .env_remove("RUST_LIB_BACKTRACE");
        // Where the verdict goes is none of the program's business.
        command.env_remove(REPORT_VARIABLE);
        command.env_remove(SEED_VARIABLE);
        (command, launch)
    }
}
