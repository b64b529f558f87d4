//! What came of a compilation, from what the compiler said of it as JSON, and how it ended.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::sandbox::Ended;

/// How much of the compiler's output is kept, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// The errors of a system that has no more to give, or whose disk fails: EIO, ENOMEM, ENFILE, EMFILE,
/// ENOSPC, EDQUOT (errno(3)).
const EXHAUSTED: [u32; 6] = [5, 12, 23, 24, 28, 122];

/// As shells give it: 128, and the number of SIGXCPU, which ends a process at the soft limit on its processor
/// time. (One that the kernel ends for want of memory gets SIGKILL.)
const OUT_OF_TIME: i32 = 128 + 24;

/// The same for SIGKILL.
const KILLED: i32 = 128 + 9;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Compiled,
    /// The compiler has found an error in the sources.
    Rejected(String),
    /// It has failed, and nothing that it says is about the sources: they, or the machine, may be the cause.
    Suspicious(String),
    /// The kernel has ended the compiler, as it does when the machine has no memory left.
    Killed,
}

/// One of the compiler's messages (rustc's `--error-format=json`).
#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<serde::de::IgnoredAny>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

impl Outcome {
    /// `output` is all that the compiler, and what started it, wrote.
    pub(super) fn of(ended: &Ended, output: &str) -> Self {
        let status = match ended {
            Ended::Itself(status) if status.success() => return Self::Compiled,
            Ended::Itself(status) => status,
            Ended::TookTooLong => {
                return Self::Suspicious("the compiler did not end in time".into());
            }
            Ended::UsedTooMuch(excess) => {
                return Self::Rejected(format!("the compiler was ended: it used {excess}"));
            }
        };
        let mut text = String::new();
        let mut is_about_sources = false;
        let mut is_exhausted = false;
        for line in output.lines() {
            match serde_json::from_str::<Message>(line) {
                Ok(message) => {
                    is_about_sources |= message.is_about_sources();
                    is_exhausted |= message.is_about_an_exhausted_machine();
                    text += message.rendered.as_deref().unwrap_or(&message.message);
                }
                Err(_) => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        let mut text = start_of(text);
        match status.code() {
            Some(KILLED) => Self::Killed,
            Some(1) if is_about_sources && !is_exhausted => Self::Rejected(text),
            Some(OUT_OF_TIME) => {
                text += "\nthe compiler was ended: it used more processor time than it may";
                Self::Rejected(text)
            }
            _ => {
                let _ = write!(text, "\nthe compiler failed ({status})");
                Self::Suspicious(text.trim().to_owned())
            }
        }
    }
}

impl Message {
    /// An error with a place in the sources, or with a code of the compiler's index of errors.
    fn is_about_sources(&self) -> bool {
        let has_code = self
            .code
            .as_ref()
            .is_some_and(|code| code.code.starts_with('E'));
        self.level == "error" && (has_code || !self.spans.is_empty())
    }

    fn is_about_an_exhausted_machine(&self) -> bool {
        let says = |error: u32| self.message.contains(&format!("(os error {error})"));
        EXHAUSTED.into_iter().any(says)
    }
}

fn start_of(mut text: String) -> String {
    let mut ends = text.char_indices().map(|(at, _)| at);
    if let Some(end) = ends.find(|&at| at >= MAX_TEXT) {
        text.truncate(end);
        text += "\n… and more";
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    const ABOUT_SOURCES: &str = r#"{"message":"mismatched types","code":{"code":"E0308","explanation":null},"level":"error","spans":[{"file_name":"src/main.rs"}],"children":[],"rendered":"error[E0308]: mismatched types\n"}"#;
    const MACRO: &str = r#"{"message":"linking with `cc` failed","code":null,"level":"error","spans":[{"file_name":"src/main.rs"}],"children":[],"rendered":"error: linking with `cc` failed\n"}"#;
    const LINKER: &str = r#"{"message":"linking with `cc` failed: exit status: 1","code":null,"level":"error","spans":[],"children":[],"rendered":"error: linking with `cc` failed\n"}"#;
    const NO_SPACE: &str = r#"{"message":"failed to write to `/output/x`: No space left on device (os error 28)","code":null,"level":"error","spans":[],"children":[],"rendered":"error: failed to write\n"}"#;

    fn outcome(code: i32, output: &str) -> Outcome {
        Outcome::of(&Ended::Itself(ExitStatus::from_raw(code << 8)), output)
    }

    #[test]
    fn an_error_with_a_place_is_about_the_sources() {
        for output in [ABOUT_SOURCES, MACRO, &format!("{LINKER}\n{ABOUT_SOURCES}")] {
            assert!(
                matches!(outcome(1, output), Outcome::Rejected(_)),
                "{output}"
            );
        }
        assert_eq!(outcome(0, ABOUT_SOURCES), Outcome::Compiled);
    }

    #[test]
    fn any_other_failure_is_suspicious() {
        for (code, output) in [
            (1, LINKER),
            (1, NO_SPACE),
            (1, &*format!("{ABOUT_SOURCES}\n{NO_SPACE}")),
            (1, "bwrap: Can't bind mount /oldroot/etc/ld.so.cache"),
            (127, "error while loading shared libraries"),
            (128 + 6, "memory allocation of 8 bytes failed"),
        ] {
            assert!(
                matches!(outcome(code, output), Outcome::Suspicious(_)),
                "{output}"
            );
        }
        assert!(matches!(outcome(OUT_OF_TIME, ""), Outcome::Rejected(_)));
        assert_eq!(outcome(KILLED, ""), Outcome::Killed);
    }
}
