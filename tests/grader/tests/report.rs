//! The reports of a class that is out for trouble: its names and outputs hold markup, formulas,
//! terminal escapes and reversed text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use grader::report;
use grader::verdict::{Class, Graded, GradedCheck, GradedExercise, Verdict};
use harness::{Diagnosis, Happening, Mark, Row, Span, State, Timeline};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;
use tempfile::TempDir;

const SCRIPT: &str = "<script>alert(1)</script>";
const ESCAPE: &str = "\u{1b}[2J\u{202e}]]>&\u{0}";
const ESCAPE_SHOWN: &str = r"\u{1b}[2J\u{202e}]]>&\u{0}";

#[test]
fn every_report_is_there_and_none_is_left_half_written() {
    let folder = reports(&class());
    assert_eq!(
        files(folder.path()),
        [
            "classroom/anna-muller-2.json",
            "classroom/anna-muller.json",
            "classroom/cmd.json",
            "classroom/li-lei-u-202e.json",
            "classroom/script-alert-1-script.json",
            "gradebook.csv",
            "gradescope/anna-muller-2.json",
            "gradescope/anna-muller.json",
            "gradescope/cmd.json",
            "gradescope/li-lei-u-202e.json",
            "gradescope/script-alert-1-script.json",
            "index.html",
            "junit.xml",
            "students/anna-muller-2.html",
            "students/anna-muller.html",
            "students/cmd.html",
            "students/li-lei-u-202e.html",
            "students/script-alert-1-script.html",
        ]
    );
    // The second time they take the place of the first.
    report::write(folder.path(), &class()).unwrap();
    assert_eq!(files(folder.path()).len(), 18);
}

#[test]
fn no_report_holds_a_control_or_a_tag_of_a_student() {
    let folder = reports(&class());
    for file in files(folder.path()) {
        let text = fs::read_to_string(folder.path().join(&file)).unwrap();
        let treacherous = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n' && c != '\t');
        assert!(!text.contains(treacherous), "{file}");
        if file.ends_with(".html") {
            assert!(!text.contains("<script"), "{file}");
        }
    }
    let page = read(&folder, "students/script-alert-1-script.html");
    assert!(
        page.contains(r"\u{1b}[2J\u{202e}]]&#62;&#38;\u{0}"),
        "{page}"
    );
}

#[test]
fn a_page_has_all_of_a_diagnosis() {
    let page = read(&reports(&class()), "students/script-alert-1-script.html");
    let diagnosis = diagnosis();
    for text in [
        &diagnosis.code,
        &diagnosis.expected,
        &diagnosis.likely[0],
        &diagnosis.read,
    ] {
        assert!(page.contains(&**text), "{text}");
    }
    assert!(page.contains("<svg "));
    assert!(page.contains("expected one of"), "what the compiler said");
    assert!(page.contains("notes.txt"), "what was left behind");
    assert!(
        page.contains("the checker fell over"),
        "why a check could not judge"
    );
}

#[test]
fn the_gradebook_has_a_row_a_submission_and_runs_no_formula() {
    let text = read(&reports(&class()), "gradebook.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<_> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        header,
        ["name", "ex01", "ex02", "total", "of", "final", "problem"]
    );
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec![SCRIPT, "10", "0", "10", "34", "no", ""],
            vec![
                "'=cmd()",
                "",
                "",
                "0",
                "0",
                "yes",
                "'=1+1, a corrupt archive"
            ],
            vec!["Anna Müller", "24", "10", "34", "34", "yes", ""],
            vec!["anna-muller", "0", "0", "0", "34", "yes", ""],
            vec![r"李雷\u{202e}", "24", "10", "34", "34", "yes", ""],
        ]
    );
}

#[test]
fn gradescope_gets_what_the_verdict_says() {
    let results = json(&reports(&class()), "gradescope/script-alert-1-script.json");
    assert_eq!(results["score"], 10);
    let output = results["output"].as_str().unwrap();
    assert!(output.contains("not final") && output.contains("expected one of"));
    let tests = results["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 5);
    assert_eq!(tests[0]["status"], "passed");
    assert_eq!(tests[0]["name"], "ex01: it replies");
    assert_eq!(
        (&tests[0]["score"], &tests[0]["max_score"]),
        (&10.into(), &10.into())
    );
    assert_eq!(tests[1]["status"], "failed");
    assert_eq!(tests[1]["number"], "1.2");
    assert!(tests[1]["output"].as_str().unwrap().contains(ESCAPE_SHOWN));
    assert_eq!(tests[3].get("status"), None, "could not judge");
    let same = report::gradescope::results(&class().submissions[0]).unwrap();
    assert_eq!(results, same);
}

#[test]
fn classroom_50_gets_what_the_verdict_says() {
    let result = json(&reports(&class()), "classroom/script-alert-1-script.json");
    assert_eq!(result["schema"], "classroom50/result/v1");
    assert_eq!(
        (&result["score"], &result["max-score"]),
        (&10.into(), &34.into())
    );
    assert_eq!(
        result["tests"][0]["test-name"],
        "ex01::protocol::it_replies"
    );
    assert_eq!(result["tests"][0]["passed"], true);
    assert_eq!(result["tests"][1]["passed"], false);
    assert_eq!(result["tests"][1]["score"], 0);
    assert_eq!(result["tests"][1]["verdict"], "failed: serial-service");
    let same = report::classroom::result(&class().submissions[0]).unwrap();
    assert_eq!(result, same);
}

#[test]
fn junit_is_well_formed_and_has_every_check() {
    let text = read(&reports(&class()), "junit.xml");
    let report = Report::deserialize_from_str(&text).unwrap();
    let suites = &report.test_suites;
    // Four submissions of two exercises, and one that could not be graded.
    assert_eq!(suites.len(), 9);
    assert_eq!(suites[0].name.as_str(), format!("{SCRIPT} · ex01"));
    let kinds: Vec<_> = suites[0]
        .test_cases
        .iter()
        .map(|case| match &case.status {
            TestCaseStatus::NonSuccess { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect();
    let failure = Some(NonSuccessKind::Failure);
    let error = Some(NonSuccessKind::Error);
    assert_eq!(kinds, [None, failure, failure, error]);
    assert!(text.contains(r"\u{1b}[2J\u{202e}"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("taken");
    fs::write(&file, "").unwrap();
    let error = format!("{:#}", report::write(&file, &class()).unwrap_err());
    assert!(error.starts_with(&format!(
        "cannot write the reports into {}: ",
        file.display()
    )));
}

/// What a browser makes of the pages: the text that is seen says what the verdicts say.
#[test]
fn a_browser_shows_points_and_verdicts() {
    if Command::new("chromium").arg("--version").output().is_err() {
        eprintln!("skipped: chromium is not installed");
        return;
    }
    let class = class();
    let folder = reports(&class);
    let page = seen(&folder.path().join("index.html"));
    assert!(page.contains(&class.protection));
    assert!(page.contains("Not graded: 1") && page.contains("Marks not final: 1"));
    let slugs = [
        "script-alert-1-script",
        "cmd",
        "anna-muller",
        "anna-muller-2",
        "li-lei-u-202e",
    ];
    for (graded, slug) in class.submissions.iter().zip(slugs) {
        let name = graded.submission.replace('\u{202e}', r"\u{202e}");
        assert!(page.contains(&name), "{name}");
        let points = format!("{} / {}", graded.points(), graded.of());
        assert!(graded.problem.is_some() || page.contains(&points), "{name}");

        let page = seen(&folder.path().join(format!("students/{slug}.html")));
        assert!(page.contains(&name), "{name}");
        for exercise in &graded.exercises {
            let points = format!("{} of {} points", exercise.points, exercise.of);
            assert!(page.contains(&points), "{name}: {points}");
            for check in &exercise.checks {
                let row = format!(
                    "{} {} {} / {}",
                    harness::sentence(&check.name),
                    check.verdict.words(),
                    check.points,
                    check.of
                );
                assert!(page.contains(&row), "{name}: {row}\n{page}");
            }
        }
    }
}

/// The text of the page as the browser has it, on one line, without the signs that stand for words.
fn seen(page: &Path) -> String {
    let profile = TempDir::new().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let dom = String::from_utf8(output.stdout).unwrap();
    let (_, body) = dom.split_once("<body>").unwrap();
    let mut text = String::new();
    for piece in body.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let is_sign = tag.contains("class=\"sign ");
        text += if is_sign { "" } else { words };
        text += if tag.starts_with("/t") { " " } else { "" };
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn reports(class: &Class) -> TempDir {
    let folder = TempDir::new().unwrap();
    report::write(folder.path(), class).unwrap();
    folder
}

fn read(folder: &TempDir, file: &str) -> String {
    fs::read_to_string(folder.path().join(file)).unwrap()
}

fn json(folder: &TempDir, file: &str) -> Value {
    serde_json::from_str(&read(folder, file)).unwrap()
}

/// All files in the folder, as paths from it.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display();
                files.push(name.to_string());
            }
        }
    }
    files.sort_unstable();
    files
}

/// One submission with every verdict, one that could not be opened, two whose names are alike, one
/// whose name is not ASCII and ends in an override of the reading direction.
fn class() -> Class {
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
        protection: "Each submission ran in a sandbox of its own.".into(),
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

fn diagnosis() -> Diagnosis {
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
    }
}
