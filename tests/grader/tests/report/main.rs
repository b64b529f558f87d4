//! The reports of a class that is out for trouble: its names and outputs hold markup, formulas,
//! terminal escapes and reversed text.

mod browser;
mod class;

use std::fs;
use std::path::{Path, PathBuf};

use grader::report;
use grader::verdict::Class;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;
use tempfile::TempDir;

use class::{ESCAPE_SHOWN, PROTECTION, SCRIPT, class, diagnosis};

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
        [
            "name",
            "ex01",
            "ex02",
            "total",
            "of",
            "final",
            "problem",
            "protection"
        ]
    );
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec![SCRIPT, "10", "0", "10", "34", "no", "", PROTECTION],
            vec![
                "'=cmd()",
                "",
                "",
                "0",
                "0",
                "yes",
                "'=1+1, a corrupt archive",
                PROTECTION
            ],
            vec!["Anna Müller", "24", "10", "34", "34", "yes", "", PROTECTION],
            vec!["anna-muller", "0", "0", "0", "34", "yes", "", PROTECTION],
            vec![
                r"李雷\u{202e}",
                "24",
                "10",
                "34",
                "34",
                "yes",
                "",
                PROTECTION
            ],
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
    let same = report::gradescope::results(&class().submissions[0], &class().protection).unwrap();
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
    let same = report::classroom::result(&class().submissions[0], &class().protection).unwrap();
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
    if !browser::is_installed() {
        eprintln!("skipped: chromium is not installed");
        return;
    }
    let class = class();
    let folder = reports(&class);
    let page = browser::seen(&folder.path().join("index.html"));
    assert!(page.contains(&class.protection));
    assert!(page.contains("Not graded: 1") && page.contains("Marks not final: 1"));
    for figure in [
        "ex01 a silent client stops nobody 1 of 3 serial-service",
        "0–9 % 1 10–19 % 0 20–29 % 1",
        "90–99 % 0 100 % 2",
    ] {
        assert!(page.contains(figure), "{figure}\n{page}");
    }
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

        let page = browser::seen(&folder.path().join(format!("students/{slug}.html")));
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

#[test]
fn no_page_is_wider_than_a_phone() {
    if !browser::is_installed() {
        eprintln!("skipped: chromium is not installed");
        return;
    }
    let folder = reports(&class());
    for file in ["index.html", "students/script-alert-1-script.html"] {
        assert_eq!(
            browser::width(&folder.path().join(file), 360),
            360,
            "{file}"
        );
    }
}

fn reports(class: &Class) -> TempDir {
    let folder = TempDir::new().expect("the reports are there");
    report::write(folder.path(), class).expect("the reports are there");
    folder
}

fn read(folder: &TempDir, file: &str) -> String {
    fs::read_to_string(folder.path().join(file)).expect("the reports are there")
}

fn json(folder: &TempDir, file: &str) -> Value {
    serde_json::from_str(&read(folder, file)).expect("the reports are there")
}

/// All files in the folder, as paths from it.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("the reports are there") {
            let path = entry.expect("the reports are there").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("the reports are there")
                    .display();
                files.push(name.to_string());
            }
        }
    }
    files.sort_unstable();
    files
}
