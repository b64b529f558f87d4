//! No attack gets a verdict that it does not deserve, harms another submission, or leaves anything on
//! the machine.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use corpus::hostile::{EXERCISE, Hostile, Scene, hand_in_the_solution};
use grader::class::Grader;
use grader::course::Course;
use grader::journal::Journal;
use grader::sandbox::for_strangers;
use grader::submission::collect;
use grader::verdict::Graded;

/// The right submissions among the attackers'.
const NEIGHBOURS: [&str; 3] = ["aaa-neighbour", "m-neighbour", "zzz-neighbour"];

#[test]
fn every_attack_is_contained() {
    let sandbox = match for_strangers(false) {
        Ok(sandbox) => sandbox,
        Err(error) if env::var_os("REQUIRE_SANDBOX").is_none() => {
            eprintln!("skipped: {error:#}");
            return;
        }
        Err(error) => panic!("{error:#}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    let home = TcpListener::bind("127.0.0.1:0").unwrap();
    home.set_nonblocking(true).unwrap();
    let scene = Scene {
        outside: &outside,
        port: home.local_addr().unwrap().port(),
    };
    let hostile = Hostile::read_all().unwrap();
    let (exhausting, others): (Vec<_>, Vec<_>) =
        hostile.iter().partition(|attack| attack.exhausts());

    let before = foreign_processes();
    let course = Course::read().unwrap();
    let exercises = course.select(&[EXERCISE.to_owned()]).unwrap();
    let journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
    let grader = Grader::new(sandbox, &exercises).unwrap();
    let mut graded = Vec::new();
    // Those that take all of the processor come last, one at a time, and a right one after them: what
    // runs beside them may find the machine too busy to be judged.
    for (name, attacks, neighbours, at_once) in [
        ("class", others, &NEIGHBOURS[..2], 3),
        ("exhausting", exhausting, &NEIGHBOURS[2..], 1),
    ] {
        let class = folder.path().join(name);
        for attack in attacks {
            attack.hand_in(&class, &scene).unwrap();
        }
        for name in neighbours {
            hand_in_the_solution(&class.join(name)).unwrap();
        }
        let submissions = collect(&[class], false, &course).unwrap();
        let class = grader.grade(&submissions, &journal, at_once, |graded| {
            eprintln!(
                "{}: {} of {}",
                graded.submission,
                graded.points(),
                graded.of()
            );
        });
        graded.extend(class.unwrap().submissions);
    }

    let find = |name: &str| -> &Graded {
        let found = graded.iter().find(|graded| graded.submission == name);
        found.unwrap_or_else(|| panic!("{name} was not graded"))
    };
    let mut faults: Vec<_> = hostile
        .iter()
        .flat_map(|attack| attack.faults(find(&attack.name)))
        .collect();
    for name in NEIGHBOURS {
        if find(name).points() != find(name).of() {
            faults.push(format!("{name} has {} points", find(name).points()));
        }
    }
    let left: Vec<_> = foreign_processes().difference(&before).cloned().collect();
    if !left.is_empty() {
        faults.push(format!("processes are left: {left:?}"));
    }
    if fs::read_dir(&outside).unwrap().count() > 0 {
        faults.push("a file was written outside".into());
    }
    if home.accept().is_ok() {
        faults.push("a submission has left its network".into());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The processes that run in another process tree than this one, and can be seen from here. What has
/// ended, and waits for this machine's first process to take note of it, is gone.
fn foreign_processes() -> BTreeSet<OsString> {
    let own = fs::read_link("/proc/self/ns/pid").unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| {
            let tree = fs::read_link(entry.path().join("ns/pid"));
            tree.is_ok_and(|tree| tree != own) && !has_ended(&entry.path())
        })
        .map(|entry| entry.file_name())
        .collect()
}

fn has_ended(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.contains("State:\tZ")
}
