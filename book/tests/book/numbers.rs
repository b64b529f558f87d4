//! Limits and times that a page states are those of the code. Whoever changes one in the code is sent to
//! the page that tells it, and the other way round.

use std::fs;

use crate::chapter::chapters;
use crate::{expect_none, flat, repository};

#[test]
fn numbers_are_those_of_the_code() {
    let chapters = chapters();
    let mut faults = Vec::new();
    for (page, numbers) in NUMBERS {
        let chapter = chapters.iter().find(|chapter| chapter.name == *page);
        let text = chapter.map_or(String::new(), |chapter| flat(&chapter.text));
        for (words, file, code) in *numbers {
            let source = fs::read_to_string(repository().join(file)).unwrap_or_default();
            for (place, said, is_there) in [
                (page, words, text.contains(words)),
                (file, code, source.contains(code)),
            ] {
                if !is_there {
                    faults.push(format!(
                        "{place} no longer says `{said}`: does {page} still agree with {file}?"
                    ));
                }
            }
        }
    }
    expect_none(faults);
}

const DEADLINE: &str = "tests/harness/src/deadline.rs";
const PATIENCE: &str = "tests/harness/src/patience.rs";
const SCENE: &str = "tests/harness/src/scene.rs";
const INTAKE: &str = "tests/grader/src/submission/intake.rs";
const SANDBOX: &str = "tests/grader/src/sandbox.rs";
const USAGE: &str = "tests/grader/src/sandbox/usage.rs";

/// Words of a page, and the file and the code that say the same.
type Number = (&'static str, &'static str, &'static str);

/// By page.
const NUMBERS: &[(&str, &[Number])] = &[
    (
        "judging.md",
        &[
            (
                "reaches the deadline, 5 seconds",
                DEADLINE,
                "DEADLINE: Duration = Duration::from_secs(5);",
            ),
            (
                "for a fixed time, 300 ms, for a proof",
                DEADLINE,
                "QUIET_WINDOW: Duration = Duration::from_millis(300);",
            ),
            (
                "leaves it there for a second gets",
                DEADLINE,
                "    Duration::from_secs(1)\n",
            ),
            (
                "ticks every 50 ms",
                "tests/harness/src/stall.rs",
                "TICK: Duration = Duration::from_millis(50);",
            ),
            (
                "put off by 25 seconds at the most",
                PATIENCE,
                "MOST: u32 = 5;",
            ),
            (
                "less than 250 ms), the check says",
                PATIENCE,
                "ENOUGH: Duration = Duration::from_millis(250);",
            ),
            (
                "replies were late, by 1.8 seconds together",
                SCENE,
                "FAIR: Duration = Duration::from_millis(1800);",
            ),
            (
                "16 ms are allowed for a clock",
                "tests/harness/src/reply.rs",
                "CLOCK_GRAIN: Duration = Duration::from_millis(16);",
            ),
            (
                "the window is a second",
                "tests/harness/src/deadline.rs",
                "Err(_) => Duration::from_secs(1),",
            ),
            (
                "connects 1, 20 and some 120 clients",
                "tests/protocol.rs",
                "#[case::one(1)]\n#[case::twenty(20)]\n#[case::more_than_a_hundred(many_clients())]",
            ),
        ],
    ),
    (
        "ex02-threaded.md",
        &[(
            "Five clients are connected, four of them silent",
            "tests/ex02.rs",
            "#[case::five(5)]",
        )],
    ),
    (
        "solutions/ex02.md",
        &[(
            "20 ms is short for a client",
            "solutions/ex02-threaded/src/main.rs",
            "ACCEPT_PAUSE: Duration = Duration::from_millis(20);",
        )],
    ),
    (
        "solutions/ex03.md",
        &[(
            "Two seconds to connect and 2.1 seconds to read",
            "solutions/ex03-stress-client/src/main.rs",
            "CONNECT_TIMEOUT: Duration = Duration::from_secs(2);\nconst REPLY_TIMEOUT: Duration = Duration::from_millis(2_100);",
        )],
    ),
    (
        "introduction.md",
        &[("1.88 or newer", "Cargo.toml", "rust-version = \"1.88\"")],
    ),
    (
        "instructor.md",
        &[
            (
                "| ex02 | each read is decoded by itself, so a character can be cut in two | 98 |",
                "tests/corpus/mutants/ex02-decodes-each-read.toml",
                "\nmark = 98\n",
            ),
            (
                "| ex01 | the message `quit` closes the connection | 98 |",
                "tests/corpus/mutants/ex01-quit-closes.toml",
                "\nmark = 98\n",
            ),
            (
                "| ex02 | the default port is not 5000 | 99 |",
                "tests/corpus/mutants/ex02-default-port-is-another.toml",
                "\nmark = 99\n",
            ),
            (
                "| ex02 | the timestamp is made up | 97 |",
                "tests/corpus/mutants/ex02-timestamp-made-up.toml",
                "\nmark = 97\n",
            ),
            (
                "| ex01 | the timestamp is taken when the client connects | 96 |",
                "tests/corpus/mutants/ex01-timestamp-of-the-start.toml",
                "\nmark = 96\n",
            ),
            (
                "| ex02 | `?` on `accept`: out of descriptors once, the server ends | 90 |",
                "tests/corpus/mutants/ex02-an-accept-error-is-fatal.toml",
                "\nmark = 90\n",
            ),
            (
                "| ex01 | a reply has no newline | 85 |",
                "tests/corpus/mutants/ex01-no-newline-after-the-reply.toml",
                "\nmark = 85\n",
            ),
            (
                "| ex04 | a job that panics takes its worker along | 87 |",
                "tests/corpus/mutants/ex04-a-panic-takes-the-worker.toml",
                "\nmark = 87\n",
            ),
            (
                "| ex03 | the stress client counts any reply | 70 |",
                "tests/corpus/mutants/ex03-does-not-look-at-the-reply.toml",
                "\nmark = 70\n",
            ),
            (
                "| ex04 | a thread for each job, in place of a pool | 59 |",
                "tests/corpus/mutants/ex04-a-thread-for-each-job.toml",
                "\nmark = 59\n",
            ),
            (
                "| ex02 | the first read stands in the accept loop | 62 |",
                "tests/corpus/mutants/ex02-reads-before-it-spawns.toml",
                "\nmark = 62\n",
            ),
            (
                "| ex02 | one loop, handed in for threads | 43 |",
                "tests/corpus/mutants/ex02-serves-in-the-accept-loop.toml",
                "\nmark = 43\n",
            ),
            (
                "| ex03 | the stress client runs one client after another | 30 |",
                "tests/corpus/mutants/ex03-one-after-another.toml",
                "\nmark = 30\n",
            ),
            (
                "| ex01 | the server never answers | 9 |",
                "tests/corpus/mutants/ex01-never-answers.toml",
                "\nmark = 9\n",
            ),
            (
                "Rust](https://rustup.rs) 1.88 or newer",
                "Cargo.toml",
                "rust-version = \"1.88\"",
            ),
            (
                "| a source file | 256 KiB |",
                INTAKE,
                "FILE_BYTES: u64 = 256 << 10;",
            ),
            (
                "| 200 files, 2 MiB |",
                INTAKE,
                "EXERCISE_BYTES: usize = 2 << 20;",
            ),
            (
                "| 200 files, 2 MiB |",
                INTAKE,
                "EXERCISE_FILES: usize = 200;",
            ),
            (
                "64 MiB unpacked, 20,000 files and folders",
                INTAKE,
                "ENTRIES: usize = 20_000;",
            ),
            (
                "64 MiB unpacked, 20,000 files and folders",
                INTAKE,
                "BYTES: u64 = 64 << 20;",
            ),
            (
                "with the reason, up to a hundred of them",
                INTAKE,
                "LISTED: usize = 100;",
            ),
            (
                "| processes and threads | | 256 | 256, in all |",
                USAGE,
                "TASKS: u64 = 256;",
            ),
            (
                "| processes and threads | | 256 | 256, in all |",
                SANDBOX,
                "processes: 256,",
            ),
            (
                "| memory | 1 GiB of addresses | 1 GiB in use | 4 GiB of addresses |",
                SANDBOX,
                "memory: 1 << 30,",
            ),
            (
                "| memory | 1 GiB of addresses | 1 GiB in use | 4 GiB of addresses |",
                USAGE,
                "MEMORY: u64 = 1 << 30;",
            ),
            (
                "| memory | 1 GiB of addresses | 1 GiB in use | 4 GiB of addresses |",
                SANDBOX,
                "memory: 4 << 30,",
            ),
            (
                "| processor time | 10 s | 15 s | 30 s |",
                SANDBOX,
                "cpu: 10,",
            ),
            (
                "| processor time | 10 s | 15 s | 30 s |",
                USAGE,
                "SECONDS: u64 = 15;",
            ),
            (
                "| processor time | 10 s | 15 s | 30 s |",
                SANDBOX,
                "cpu: 30,",
            ),
            (
                "| open descriptors | 1,024 | 4,096 | 1,024 |",
                SANDBOX,
                "DESCRIPTORS: u32 = 1024;",
            ),
            (
                "| open descriptors | 1,024 | 4,096 | 1,024 |",
                USAGE,
                "DESCRIPTORS: u64 = 4096;",
            ),
            (
                "| a file's size | 16 MiB | | 256 MiB |",
                SANDBOX,
                "file: 16 << 20,",
            ),
            (
                "| a file's size | 16 MiB | | 256 MiB |",
                SANDBOX,
                "file: 256 << 20,",
            ),
            (
                "| all files in `/tmp` | | 64 MiB, 10,000 files | 64 MiB |",
                SANDBOX,
                "SCRATCH: u64 = 64 << 20;",
            ),
            (
                "| time | | 120 s a check, 180 s all checks of an exercise | 90 s a program |",
                "tests/grader/src/stage/trial.rs",
                "TEST_LIMIT: Duration = Duration::from_secs(120);",
            ),
            (
                "| time | | 120 s a check, 180 s all checks of an exercise | 90 s a program |",
                "tests/grader/src/compile.rs",
                "LIMIT: Duration = Duration::from_secs(90);",
            ),
            (
                "it looks every half second",
                "tests/grader/src/sandbox/lookout.rs",
                "const LOOK: Duration = Duration::from_millis(500);",
            ),
            (
                "Up to 32",
                "tests/grader/src/class.rs",
                "CHECKS_AT_ONCE: usize = 32;",
            ),
            (
                "| 3 | some check could not judge |",
                "tests/grader/src/main.rs",
                "EXIT_NOT_FINAL: u8 = 3;",
            ),
        ],
    ),
];
