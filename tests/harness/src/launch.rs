//! Whether a program under test was reached at all. Where it is started by something else (a sandbox, with
//! a launcher as its last step), that can fail, and then the program is not to blame.
//!
//! The launcher's command line has the word [`MARK_WORD`] in it, for which a mark is put that nobody can
//! guess. The launcher prints the mark as the first line, and becomes the program; if it can't, it prints
//! the mark again, and why. The program does not know the mark.

use std::hash::{BuildHasher, RandomState};

use crate::recording::{Line, ProgramSeen};

/// Stands in a command line for the mark that the launcher prints.
pub const MARK_WORD: &str = "@MARK@";

/// The exit status of a program whose libraries can't be loaded (ld.so(8)).
const NOT_LOADED: i32 = 127;

/// How the start of a program went so far.
#[derive(Clone, Debug, Default)]
pub(crate) enum Launch {
    /// Nothing stands between the checks and the program.
    #[default]
    Direct,
    /// The launcher has not said yet that it is reached.
    Awaited { mark: String },
    /// The launcher was about to become the program.
    Reached { mark: String },
    /// It could not.
    Failed { why: String },
}

impl Launch {
    /// Of a program with this command line, and the command line to start it with.
    pub(crate) fn of(words: &[String]) -> (Self, Vec<String>) {
        if !words.iter().any(|word| word == MARK_WORD) {
            return (Self::Direct, words.to_vec());
        }
        let mark = format!("{:016x}", RandomState::new().hash_one(0));
        let replaced = words.iter().map(|word| word.replace(MARK_WORD, &mark));
        (Self::Awaited { mark: mark.clone() }, replaced.collect())
    }

    /// Whether this line of output is the launcher's, and takes note of what it says.
    pub(crate) fn takes(&mut self, line: &str) -> bool {
        let (Self::Awaited { mark } | Self::Reached { mark }) = self else {
            return false;
        };
        match line.strip_prefix(mark.as_str()) {
            None => false,
            Some("") => {
                *self = Self::Reached { mark: mark.clone() };
                true
            }
            Some(why) => {
                *self = Self::Failed {
                    why: why.trim().to_owned(),
                };
                true
            }
        }
    }
}

/// Why a program that has ended was never reached; none if it was.
pub(crate) fn failure(program: &ProgramSeen) -> Option<String> {
    let mut stderr = program.stderr.iter().map(Line::text);
    let first = stderr
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let code = program.exit.and_then(|(status, _)| status.code());
    match &program.launch {
        Launch::Failed { why } => Some(why.clone()),
        Launch::Awaited { .. } if program.is_over() => Some(match &*first {
            "" => "it ended without a word".to_owned(),
            said => said.to_owned(),
        }),
        // A program can say so itself, and gains nothing: what can't be judged gives no points.
        Launch::Reached { .. }
            if code == Some(NOT_LOADED)
                && first.contains("error while loading shared libraries") =>
        {
            Some(first)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> (Launch, String) {
        let words = ["launcher", MARK_WORD, "program"].map(str::to_owned);
        let (launch, words) = Launch::of(&words);
        assert_ne!(words[1], MARK_WORD);
        (launch, words[1].clone())
    }

    #[test]
    fn a_program_is_reached_when_the_launcher_says_so() {
        let (mut launch, mark) = launch();
        assert!(!launch.takes("Server listening on 127.0.0.1:1"));
        assert!(launch.takes(&mark));
        assert!(matches!(launch, Launch::Reached { .. }));
        assert!(!launch.takes("[+] Connected: 127.0.0.1:2"));
        assert!(launch.takes(&format!("{mark} cannot run /program: no memory")));
        assert!(
            matches!(launch, Launch::Failed { why } if why == "cannot run /program: no memory")
        );
    }

    #[test]
    fn a_program_that_is_started_by_nobody_else_needs_no_mark() {
        let (mut launch, words) = Launch::of(&["program".to_owned()]);
        assert_eq!(words, ["program"]);
        assert!(!launch.takes("any line"));
    }
}
