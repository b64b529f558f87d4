//! The built book's search, in a real browser: it finds the pages that a reader would look for.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{built, expect_none};

/// What a reader types, and the page that must be among what is found.
const SEARCHES: [(&str, &str); 6] = [
    ("accept queue", "ex01-single-loop.html"),
    ("head-of-line blocking", "ex02-threaded.html"),
    ("coordinated omission", "ex03-stress-client.html"),
    ("backpressure", "ex04-thread-pool.html"),
    ("half-close", "glossary.html"),
    ("serial-service", "diagnoses.html"),
];

#[test]
fn search_finds_what_a_reader_looks_for() {
    if Command::new("chromium").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no chromium (`make setup` installs it)");
    }
    let book = built();
    let mut faults = Vec::new();
    for (words, page) in SEARCHES {
        let found = found(book.path(), words);
        if !found.iter().any(|link| link.starts_with(page)) {
            faults.push(format!("`{words}` does not find {page}, but {found:?}"));
        }
    }
    let nothing = found(book.path(), "zyzzyva");
    if !nothing.is_empty() {
        faults.push(format!("`zyzzyva` finds {nothing:?}"));
    }
    expect_none(faults);
}

/// The links under the search field, once these words have been looked for.
fn found(book: &Path, words: &str) -> Vec<String> {
    let dom = dom(book, &words.replace(' ', "%20"));
    let (_, results) = dom
        .split_once("id=\"mdbook-searchresults\"")
        .expect("a list of results");
    let (results, _) = results.split_once("</ul>").expect("the list ends");
    let links = results.split("href=\"").skip(1);
    links
        .filter_map(|rest| Some(rest.split(['?', '"']).next()?.to_owned()))
        .collect()
}

/// The page as the browser has it, once it has searched.
fn dom(book: &Path, words: &str) -> String {
    let profile = TempDir::new().expect("a folder");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Goes on once all that the page loads is there, the index too, and its timers have run.
            "--virtual-time-budget=10000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!(
            "file://{}/glossary.html?search={words}",
            book.display()
        ))
        .output()
        .expect("chromium starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("a page is UTF-8")
}
