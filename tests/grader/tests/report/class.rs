//! A class that is out for trouble: its names and outputs hold markup, formulas, terminal escapes and
//! reversed text.

use grader::verdict::{Class, Graded, GradedCheck, GradedExercise, Verdict};
use harness::{Diagnosis, Happening, Mark, Row, Span, State, Timeline};

pub(crate) const PROTECTION: &str = "Each submission ran in a sandbox of its own.";
pub(crate) const SCRIPT: &str = "<script>alert(1)</script>";
const ESCAPE: &str = "\u{1b}[2J\u{202e}]]>&\u{0}";
pub(crate) const ESCAPE_SHOWN: &str = r"\u{1b}[2J\u{202e}]]>&\u{0}";

/// One submission with every verdict, one that could not be opened, two whose names are alike, one
/// whose name is not ASCII and ends in an override of the reading direction.
pub(crate) fn class() -> Class {
    let passed = |name: &str| graded(name, || Verdict::Passed, || Verdict::Passed);
    let mut troubled = graded(SCRIPT, || Verdict::Passed, || Verdict::DoesNotCompile);
    let ex01 = &mut troubled.exercises[0];
    ex01.checks[1] = check(
        "a_silent_client_stops_nobody",
        6,
        Verdict::Failed(vec![diagnosis()]),
    );
    ex01.checks[2] = check("it_ends", 4, Verdict::NotImplemented(vec![diagnosis()]));
    ex01.checks[3] = check(
        "it_logs",
        4,
        Verdict::CouldNotJudge("the checker fell over".into()),
    );
    ex01.points = 10;
    troubled.exercises[1].compiler = Some(format!("error: expected one of `;`\n{ESCAPE}"));
    troubled.left_behind = vec!["notes.txt".into(), ESCAPE.into()];
    let corrupt = Graded {
        submission: "=cmd()".into(),
        problem: Some("=1+1, a corrupt archive".into()),
        left_behind: Vec::new(),
        exercises: Vec::new(),
    };
    let submissions = vec![
        troubled,
        corrupt,
        passed("Anna Müller"),
        graded(
            "anna-muller",
            || Verdict::NotSubmitted,
            || Verdict::NotSubmitted,
        ),
        passed("李雷\u{202e}"),
    ];
    Class {
        protection: PROTECTION.into(),
        submissions,
    }
}

fn graded(name: &str, first: impl Fn() -> Verdict, second: impl Fn() -> Verdict) -> Graded {
    let ex01 = vec![
        check("protocol::it_replies", 10, first()),
        check("a_silent_client_stops_nobody", 6, first()),
        check("it_ends", 4, first()),
        check("it_logs", 4, first()),
    ];
    let ex02 = vec![check("it_replies", 10, second())];
    Graded {
        submission: name.into(),
        problem: None,
        left_behind: Vec::new(),
        exercises: vec![
            exercise("ex01", "One server, one client at a time", ex01),
            exercise("ex02", "A thread for each client", ex02),
        ],
    }
}

fn exercise(name: &str, title: &str, checks: Vec<GradedCheck>) -> GradedExercise {
    GradedExercise {
        not_judged: None,
        name: name.into(),
        title: title.into(),
        points: checks.iter().map(|check| check.points).sum(),
        of: checks.iter().map(|check| check.of).sum(),
        compiler: None,
        checks,
    }
}

fn check(name: &str, of: u32, verdict: Verdict) -> GradedCheck {
    let points = if matches!(verdict, Verdict::Passed) {
        of
    } else {
        0
    };
    GradedCheck {
        name: name.into(),
        points,
        of,
        verdict,
    }
}

pub(crate) fn diagnosis() -> Diagnosis {
    let row = |label: &str, from, until| Row {
        label: label.into(),
        spans: vec![
            Span {
                state: State::Connecting,
                from: 0,
                to: 200,
            },
            Span {
                state: State::Waiting,
                from: 200,
                to: from,
            },
            Span {
                state: State::Served,
                from,
                to: until,
            },
        ],
        marks: vec![
            Mark {
                event: Happening::Asked,
                at: from,
            },
            Mark {
                event: Happening::Left,
                at: until,
            },
        ],
        behind: Vec::new(),
    };
    Diagnosis {
        code: "serial-service".into(),
        summary: "client 2 got no reply while client 1 stayed".into(),
        program: "ex02".into(),
        check: "a_silent_client_stops_nobody".into(),
        expected: "a reply to client 2 within two seconds".into(),
        observed: format!("no reply; the program said {SCRIPT}{ESCAPE}"),
        likely: vec![
            "one loop serves one client until it leaves".into(),
            "the thread is joined at once".into(),
        ],
        output: vec![format!("stderr: {SCRIPT}"), format!("stdout: {ESCAPE}")],
        timeline: Timeline {
            rows: vec![
                row("client 1", 300, 900_000),
                row(SCRIPT, 900_000, 2_000_000),
            ],
            end: 2_000_000,
        },
        read: "book: A thread for each client".into(),
        seed: None,
    }
}
