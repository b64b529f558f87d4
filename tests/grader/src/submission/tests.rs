use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Collected, collect};
use crate::course::Course;

const MAIN: &str = "ex01-single-loop/src/main.rs";

/// A folder to put submissions in.
struct Class(TempDir);

impl Class {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(path), content).unwrap();
        self
    }

    fn collect(&self) -> Vec<Collected> {
        collect(&[self.0.path().into()], false, &Course::read().unwrap()).unwrap()
    }

    fn one(&self) -> Collected {
        let mut all = self.collect();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A tar of files, with their paths as they are: the tar crate would not write the bad ones.
fn tar(files: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn paths(collected: &Collected) -> Vec<String> {
    assert_eq!(collected.problem, None, "{:?}", collected.left_behind);
    let files = collected.sources.iter();
    let paths = files.flat_map(|(name, files)| files.keys().map(move |it| format!("{name}/{it}")));
    paths.collect()
}

#[track_caller]
fn assert_only_main(collected: &Collected) {
    assert_eq!(paths(collected), ["ex01/src/main.rs"]);
}

#[track_caller]
fn assert_left(collected: &Collected, line: &str) {
    let found = collected.left_behind.iter().any(|it| it.contains(line));
    assert!(found, "{line} is not in {:#?}", collected.left_behind);
}

#[track_caller]
fn assert_problem(collected: &Collected, words: &str) {
    let problem = collected.problem.as_deref().unwrap();
    assert!(problem.contains(words), "{problem}");
    assert_eq!(problem.lines().count(), 1);
    assert!(collected.sources.is_empty());
}

#[test]
fn exercises_are_found_wherever_they_may_lie() {
    for above in ["", "exercises/", "repo-main/", "repo-main/exercises/"] {
        let path = format!("{above}{MAIN}");
        let class = Class::new()
            .with(&format!("folder/{path}"), "1")
            .with("packed.zip", zip(&[(&path, b"1")]))
            .with("tarred.tar", tar(&[(path.as_bytes(), b"1")]))
            .with("zipped.tar.gz", gzip(&tar(&[(path.as_bytes(), b"1")])))
            .with("zipped_too.TGZ", gzip(&tar(&[(path.as_bytes(), b"1")])));
        let all = class.collect();
        let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
        assert_eq!(
            names,
            ["folder", "packed", "tarred", "zipped", "zipped_too"]
        );
        for one in &all {
            assert_only_main(one);
            assert_eq!(one.sources["ex01"]["src/main.rs"], b"1");
        }
    }
}

#[test]
fn a_submission_that_is_named_itself_is_one() {
    let class = Class::new()
        .with(&format!("jane/{MAIN}"), "")
        .with("doe.zip", zip(&[(MAIN, b"")]));
    let both = [class.path("jane"), class.path("doe.zip")];
    let all = collect(&both, false, &Course::read().unwrap()).unwrap();
    assert_eq!((&*all[0].name, &*all[1].name), ("jane", "doe"));
    all.iter().for_each(assert_only_main);
}

#[test]
fn learning_platforms_exports_are_opened() {
    let packed = zip(&[(MAIN, b"")]);
    let moodle = "Jané Doe_12345_assignsubmission_file_";
    let class = Class::new()
        .with("doejane_12345_67890_ex.zip", &packed)
        .with(&format!("{moodle}/work.zip"), &packed)
        .with(&format!("submission_123456/{MAIN}"), "")
        .with("submission_metadata.yml", "")
        .with(".DS_Store", "")
        .with("__MACOSX/._x", "");
    let all = class.collect();
    let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
    assert_eq!(
        names,
        [moodle, "doejane_12345_67890_ex", "submission_123456"]
    );
    all.iter().for_each(assert_only_main);
}

#[test]
fn a_copy_of_the_course_is_graded_by_its_exercises() {
    let solution = format!("jane/solutions/{MAIN}");
    let class = Class::new()
        .with(&format!("jane/exercises/{MAIN}"), "theirs")
        .with(&solution, "ours");
    let one = class.one();
    assert_only_main(&one);
    assert_eq!(one.sources["ex01"]["src/main.rs"], b"theirs");
    assert_left(&one, "solutions/: ");
}

#[test]
fn an_exercise_in_two_places_is_a_problem() {
    let class = Class::new()
        .with(&format!("jane/{MAIN}"), "")
        .with("jane/old.zip", zip(&[(MAIN, b"")]));
    assert_problem(
        &class.one(),
        "holds ex01 more than once, in its top and in old.zip",
    );
}

#[test]
fn only_sources_are_taken() {
    let others = [
        "ex01-single-loop/Cargo.toml",
        "ex01-single-loop/build.rs",
        "ex01-single-loop/.cargo/config.toml",
        "ex01-single-loop/tests/mine.rs",
        "ex01-single-loop/target/debug/x.rs",
        "ex01-single-loop/src/._main.rs",
        "ex01-single-loop/src/notes.txt",
        "rust-toolchain",
        ".git/config",
        "node_modules/x.rs",
    ];
    let module = "ex01-single-loop/src/net/target/mod.rs";
    let mut files = vec![(MAIN, &b""[..]), (module, b"")];
    files.extend(others.map(|path| (path, &b""[..])));
    let raw: Vec<_> = files
        .iter()
        .map(|(path, it)| (path.as_bytes(), *it))
        .collect();
    let mut class = Class::new()
        .with("b.zip", zip(&files))
        .with("c.tar", tar(&raw));
    for (path, _) in &files {
        class = class.with(&format!("a/{path}"), "");
    }
    for one in class.collect() {
        assert_eq!(
            paths(&one),
            ["ex01/src/main.rs", "ex01/src/net/target/mod.rs"]
        );
        assert_eq!(
            one.left_behind.len(),
            others.len(),
            "{:#?}",
            one.left_behind
        );
        assert_left(&one, "target/: ");
        assert_left(&one, "src/._main.rs: hidden");
    }
}

#[test]
fn links_and_fifos_are_left_behind() {
    let class = Class::new().with(&format!("jane/{MAIN}"), "");
    let src = class.path("jane/ex01-single-loop/src");
    symlink("/etc/passwd", src.join("link.rs")).unwrap();
    symlink("/etc", src.join("folder")).unwrap();
    symlink("/etc", class.path("jane/ex02-threaded")).unwrap();
    let fifo = src.join("fifo.rs");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    symlink(class.path("jane"), class.path("linked")).unwrap();
    let all = class.collect();
    assert_only_main(&all[0]);
    for line in [
        "link.rs: a link",
        "folder: a link",
        "threaded: a link",
        "fifo.rs: a fifo",
    ] {
        assert_left(&all[0], line);
    }
    assert_problem(&all[1], "hand in the files themselves");
}

#[test]
fn links_in_archives_are_left_behind() {
    let link = "ex01-single-loop/src/link.rs";
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    packed
        .start_file(MAIN, SimpleFileOptions::default())
        .unwrap();
    packed
        .add_symlink(link, "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let mut tarred = tar::Builder::new(Vec::new());
    for (path, kind) in [
        (MAIN, tar::EntryType::Regular),
        (link, tar::EntryType::Symlink),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        tarred.append_data(&mut header, path, &b""[..]).unwrap();
    }
    let class = Class::new()
        .with("a.zip", packed.finish().unwrap().into_inner())
        .with("b.tar", tarred.into_inner().unwrap());
    for one in class.collect() {
        assert_only_main(&one);
        assert_left(&one, "src/link.rs: a link");
    }
}

#[test]
fn paths_that_lead_elsewhere_are_left_behind() {
    let bad = [
        (
            "../../ex01-single-loop/src/a.rs",
            "leads out of the archive",
        ),
        (
            "ex01-single-loop/src/../../b.rs",
            "leads out of the archive",
        ),
        ("/ex01-single-loop/src/c.rs", "an absolute path"),
        ("ex01-single-loop\\src\\d.rs", "a path with a backslash"),
        ("C:/ex01-single-loop/src/e.rs", "a path with a drive letter"),
    ];
    let mut files = vec![(MAIN, &b""[..])];
    files.extend(bad.map(|(path, _)| (path, &b""[..])));
    let raw: Vec<_> = files
        .iter()
        .map(|(path, it)| (path.as_bytes(), *it))
        .collect();
    let class = Class::new()
        .with("a.tar", tar(&raw))
        .with("b.zip", zip(&[(MAIN, b""), ("../x/src/main.rs", b"")]));
    let all = class.collect();
    for one in &all {
        assert_only_main(one);
    }
    for (path, reason) in bad {
        assert_left(&all[0], &format!("{path}: {reason}"));
    }
    assert_left(&all[1], "leads out of the archive");
}

#[test]
fn names_that_no_disk_can_hold_together_are_left_behind() {
    let long = format!("ex01-single-loop/src/{}.rs", "x".repeat(300));
    let below = format!("{MAIN}/x.rs");
    let given = "ex04-thread-pool/src/handler.rs/x.rs";
    let pool = "ex04-thread-pool/src/main.rs";
    let long_folder = format!("ex01-single-loop/src/{}/x.rs", "y".repeat(200));
    let class = Class::new()
        .with("a.zip", zip(&[(MAIN, b""), (&below, b"")]))
        .with("b.zip", zip(&[(&below, b""), (MAIN, b"")]))
        .with("c.zip", zip(&[(MAIN, b""), (&long, b"")]))
        .with(&format!("d/{given}"), "")
        .with(&format!("d/{pool}"), "")
        .with(&format!("e/{MAIN}"), "")
        .with(&format!("e/{long_folder}"), "");
    let all = class.collect();
    for one in all.iter().filter(|one| one.name != "d") {
        assert_only_main(one);
    }
    assert_left(&all[0], "src/main.rs/x.rs: another source is called like");
    assert_left(&all[1], "src/main.rs/x.rs: another source is called like");
    assert_left(&all[2], "its name is too long");
    assert_eq!(paths(&all[3]), ["ex04/src/main.rs"]);
    assert_left(
        &all[3],
        &format!("{given}: it lies in a folder in the place of a given"),
    );
    assert_left(&all[4], "its name is too long");
}

#[test]
fn a_bomb_ends_soon() {
    // A gibibyte of zeros each: one compressed mebibyte, over and over.
    let zeros = vec![0; 1 << 20];
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut chunk = Vec::with_capacity(1 << 20);
    deflate
        .compress_vec(&zeros, &mut chunk, FlushCompress::Full)
        .unwrap();
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut bomb = ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file(MAIN, stored).unwrap();
    bomb.write_all(&chunk.repeat(1 << 10)).unwrap();
    let mut bomb = bomb.finish().unwrap().into_inner();
    let central = bomb.windows(4).rposition(|it| it == b"PK\x01\x02").unwrap();
    // The stored bytes are declared to be deflated.
    bomb[8] = 8;
    bomb[central + 10] = 8;

    let mut header = tar::Header::new_gnu();
    header.set_path("data").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let tarred = [gzip(header.as_bytes()), gzip(&zeros).repeat(1 << 10)].concat();

    let class = Class::new().with("a.zip", bomb).with("b.tgz", tarred);
    let start = Instant::now();
    let all = class.collect();
    let took = start.elapsed();
    assert_left(&all[0], "main.rs: larger than 256 KiB");
    assert_problem(&all[0], "holds no exercise's sources");
    assert_problem(&all[1], "holds more than 64 MiB");
    // Unpacking all of it takes minutes without optimization.
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_zip_that_lies_about_a_size_is_read_no_further() {
    let mut lying = zip(&[(MAIN, &vec![0; 1 << 20])]);
    let size = (1_u32 << 20).to_le_bytes();
    while let Some(at) = lying.windows(4).position(|bytes| bytes == size) {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    let one = Class::new().with("a.zip", lying).one();
    assert!(one.problem.is_some() && one.sources.is_empty());
}

#[test]
fn what_is_over_a_limit_is_left_behind() {
    let mut class = Class::new();
    for number in 0..=200 {
        class = class.with(&format!("many/ex01-single-loop/src/m{number:03}.rs"), "");
    }
    for number in 0..9 {
        let path = format!("large/ex01-single-loop/src/m{number}.rs");
        class = class.with(&path, vec![b' '; 256 << 10]);
    }
    let deep = format!("deep/ex01-single-loop/src/{}x.rs", "d/".repeat(20));
    class = class.with(&deep, "").with(&format!("deep/{MAIN}"), "");
    for number in 0..120 {
        class = class.with(&format!("deep/notes/{number}.txt"), "");
    }
    let all = class.collect();
    assert_only_main(&all[0]);
    assert_left(&all[0], "d/: too deep");
    assert_eq!(all[0].left_behind[100], "and 21 more");
    assert_eq!(paths(&all[1]).len(), 8);
    assert_left(&all[1], "m8.rs: beyond the 2 MiB of an exercise");
    assert_eq!(paths(&all[2]).len(), 200);
    assert_left(&all[2], "m200.rs: beyond the 200 source files");
}

#[test]
fn an_archive_of_too_many_entries_is_a_problem() {
    let entry = tar(&[(b"x", b"")]);
    let many = entry[..512].repeat(20_001);
    let one = Class::new().with("a.tar", many).one();
    assert_problem(&one, "holds more than 20000 files and folders");
}

#[test]
fn an_archive_of_too_much_in_all_is_a_problem() {
    let names: Vec<_> = (0..260)
        .map(|number| format!("{}/ex01-single-loop/src/m{number}.rs", number / 8))
        .collect();
    let zeros = vec![0; 256 << 10];
    let files: Vec<_> = names.iter().map(|name| (&**name, &*zeros)).collect();
    let one = Class::new().with("a.zip", zip(&files)).one();
    assert_problem(&one, "a.zip holds more than 64 MiB");
}

#[test]
fn a_damaged_source_is_a_problem() {
    let mut damaged = zip(&[(MAIN, b"fn main() {}")]);
    // Its checksum, in the central directory and in the local header.
    let central = damaged
        .windows(4)
        .rposition(|it| it == b"PK\x01\x02")
        .unwrap();
    damaged[14] ^= 1;
    damaged[central + 16] ^= 1;
    let one = Class::new().with("a.zip", damaged).one();
    assert_problem(&one, "cannot be read at ex01-single-loop/src/main.rs");
}

#[test]
fn a_zip64_is_not_opened() {
    let mut packed = zip(&[(MAIN, b"")]);
    let end = packed.len() - 22;
    packed.splice(end..end, [&b"PK\x06\x07"[..], &[0; 16]].concat());
    let one = Class::new().with("a.zip", packed).one();
    assert_problem(&one, "zip64");
}

#[test]
fn bad_submissions_cost_only_themselves() {
    let class = Class::new()
        .with("corrupt.zip", "PK no zip")
        .with("corrupt.tgz", "no gzip")
        .with("other.rar", "Rar!")
        .with("inner/work.zip", "PK no zip")
        .with(&format!("right/{MAIN}"), "");
    fs::create_dir(class.path("empty")).unwrap();
    let all = class.collect();
    let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
    assert_eq!(
        names,
        ["corrupt", "corrupt (2)", "empty", "inner", "other", "right"]
    );
    assert_problem(&all[0], "corrupt.tgz is no tar");
    assert_problem(&all[1], "corrupt.zip is no zip");
    assert_problem(&all[2], "holds no exercise's sources");
    assert_problem(&all[3], "work.zip: is no zip");
    assert_problem(&all[4], "is in a format that is not opened");
    assert_only_main(&all[5]);
}

#[test]
fn two_of_a_name_are_told_apart() {
    let class = Class::new()
        .with(&format!("one/a/{MAIN}"), "1")
        .with("one/a.zip", zip(&[(MAIN, b"2")]))
        .with(&format!("two/a/{MAIN}"), "3");
    let both = [class.path("one"), class.path("two")];
    let all = collect(&both, false, &Course::read().unwrap()).unwrap();
    for (one, (name, content)) in all
        .iter()
        .zip([("a", b"1"), ("a (2)", b"2"), ("a (3)", b"3")])
    {
        assert_eq!(one.name, name);
        assert_eq!(one.sources["ex01"]["src/main.rs"], content);
    }
    assert!(all[0].left_behind.is_empty());
    assert!(all[1].left_behind[0].contains("another submission is called a too"));
}

#[test]
fn names_that_are_not_utf_8_are_shown_as_far_as_they_can_be() {
    let class = Class::new();
    let name = std::ffi::OsStr::from_bytes(b"J\xfcrgen");
    let src = class.0.path().join(name).join("ex01-single-loop/src");
    fs::create_dir_all(&src).unwrap();
    fs::write(src.join("main.rs"), "").unwrap();
    fs::write(src.join(std::ffi::OsStr::from_bytes(b"\xfc.rs")), "").unwrap();
    let one = class.one();
    assert_eq!(one.name, "J\u{fffd}rgen");
    assert_only_main(&one);
    assert_left(&one, "\u{fffd}.rs: its name is not UTF-8");
}

#[test]
fn a_path_that_holds_nothing_is_an_error() {
    let class = Class::new().with("notes.txt", "");
    let course = Course::read().unwrap();
    let wrong = |path: &Path| {
        format!(
            "{:#}",
            collect(&[path.into()], false, &course).err().unwrap()
        )
    };
    assert!(wrong(&class.path("nowhere")).contains("cannot open"));
    assert!(wrong(&class.path("notes.txt")).contains("is no submission"));
    assert!(wrong(class.0.path()).contains("holds no submission"));
}

#[test]
fn a_single_submission_is_one_whatever_lies_in_it() {
    let class = Class::new().with("notes.txt", "").with("a/b/main.rs", "");
    let course = Course::read().unwrap();
    let all = collect(&[class.0.path().into()], true, &course).unwrap();
    let [one] = all.as_slice() else {
        panic!("{} submissions", all.len());
    };
    let problem = one.problem.as_deref().unwrap();
    assert!(problem.contains("holds no exercise's sources"), "{problem}");
}
