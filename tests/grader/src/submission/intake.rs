//! Sorts what a submission holds, entry by entry: what is taken, and what is left behind and why.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::course::{Course, Exercise};

/// The largest source file that is taken: a good solution has a hundredth of it.
pub(super) const FILE_BYTES: u64 = 256 << 10;
/// The most that is taken of one exercise.
pub(super) const EXERCISE_BYTES: usize = 2 << 20;
/// The most source files that are taken of one exercise.
pub(super) const EXERCISE_FILES: usize = 200;
/// The most entries that a submission may have, as far as they are looked at.
pub(super) const ENTRIES: usize = 20_000;
/// The most that is read out of a submission in all, unpacked.
pub(super) const BYTES: u64 = 64 << 20;
/// How deep a source may lie below the submission's top.
pub(super) const DEPTH: usize = 16;
/// The longest name of a source or a folder above it, in bytes: any file system can hold it.
pub(super) const NAME_BYTES: usize = 128;
/// The longest path of a source below the package, in bytes: below the folder in which it is laid out, it is
/// still one that the system takes.
pub(super) const PATH_BYTES: usize = 1024;
/// How many of the things that were left behind are listed.
pub(super) const LISTED: usize = 100;
/// How much of a path is shown, in characters.
const SHOWN: usize = 200;

/// Folders that tools make, wherever they lie outside of the sources.
const MADE_BY_TOOLS: [&[u8]; 3] = [b"target", b"node_modules", b"__MACOSX"];

/// An exercise's sources, by their path below the package.
pub(super) type Sources = BTreeMap<String, Vec<u8>>;

pub(super) struct Intake<'a> {
    course: &'a Course,
    /// By exercise, and by the place in the submission: two places are one too many.
    places: BTreeMap<&'a str, BTreeMap<String, Sources>>,
    left: LeftBehind,
    /// The archive inside the student's folder that is being read, as its paths begin: `work.zip: `.
    within: String,
    /// What was wrong with the first archive of the student's folder that could not be read.
    failure: Option<String>,
    entries: usize,
    bytes: u64,
}

/// A source that is to be read.
pub(super) struct Source<'a> {
    exercise: &'a str,
    place: String,
    path: String,
    shown: String,
}

/// What an entry is, as far as it matters.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    File,
    Folder,
    /// Neither of them, in words: `a link`.
    Other(&'static str),
}

impl<'a> Intake<'a> {
    pub(super) fn new(course: &'a Course) -> Self {
        Self {
            course,
            places: BTreeMap::new(),
            left: LeftBehind::default(),
            within: String::new(),
            failure: None,
            entries: 0,
            bytes: 0,
        }
    }

    /// Adds a line about the submission as a whole.
    pub(super) fn note(&mut self, line: String) {
        self.left.add(line);
    }

    /// One more entry was looked at.
    pub(super) fn count(&mut self) -> Result<()> {
        self.entries += 1;
        ensure!(
            self.entries <= ENTRIES,
            "holds more than {ENTRIES} files and folders: ask for the exercises alone"
        );
        Ok(())
    }

    /// What may still be read out of this submission.
    pub(super) fn bytes_left(&self) -> u64 {
        BYTES - self.bytes
    }

    /// Notes how much may still be read, where more was read than what was taken.
    pub(super) fn set_bytes_left(&mut self, left: u64) {
        self.bytes = BYTES.saturating_sub(left);
    }

    /// Sorts an archive's entry by its raw path: the folders above it need no entries of their own.
    pub(super) fn entry(&mut self, raw: &[u8], kind: Kind) -> Option<Source<'a>> {
        match parts(raw) {
            Ok(parts) => {
                let above = match kind {
                    Kind::Folder => parts.len(),
                    _ => parts.len().checked_sub(1)?,
                };
                // Not one after the other without end: a folder too deep is not looked into.
                let walked = (1..=above).all(|length| self.folder(&parts[..length]));
                walked.then(|| self.sort(&parts, kind)).flatten()
            }
            Err(reason) => {
                self.left.add(self.line(&show(raw), reason));
                None
            }
        }
    }

    /// Whether to look into this folder; if not, it is listed.
    pub(super) fn folder(&mut self, parts: &[&[u8]]) -> bool {
        match self.reason_against_folder(parts) {
            Some(reason) => {
                let shown = format!("{}/", show_parts(parts));
                self.left.add_once(self.line(&shown, reason));
                false
            }
            None => true,
        }
    }

    /// Sorts an entry of a folder that is looked into: a source is given back, anything else is
    /// listed.
    pub(super) fn sort(&mut self, parts: &[&[u8]], kind: Kind) -> Option<Source<'a>> {
        let reason = match kind {
            Kind::Folder => return None,
            Kind::Other(what) => what,
            Kind::File => match self.source(parts) {
                Ok(source) => return Some(source),
                Err(reason) => reason,
            },
        };
        self.refuse(parts, reason);
        None
    }

    /// Lists an entry that is left behind.
    pub(super) fn refuse(&mut self, parts: &[&[u8]], reason: &str) {
        self.left.add(self.line(&show_parts(parts), reason));
    }

    /// Lists a source that is left behind after all.
    pub(super) fn refuse_source(&mut self, source: &Source<'a>, reason: &str) {
        self.left.add(self.line(&source.shown, reason));
    }

    /// Reads a source, as far as the limits allow.
    pub(super) fn read(&mut self, source: Source<'a>, from: impl Read) -> Result<()> {
        let taken = self
            .places
            .get(source.exercise)
            .and_then(|places| places.get(&source.place));
        let (files, size) = taken.map_or((0, 0), |sources| {
            (sources.len(), sources.values().map(Vec::len).sum())
        });
        if taken.is_some_and(|sources| sources.contains_key(&source.path)) {
            let reason = "a second file of this name, the first is taken";
            self.refuse_source(&source, reason);
            return Ok(());
        }
        if files == EXERCISE_FILES {
            let reason = format!("beyond the {EXERCISE_FILES} source files of an exercise");
            self.refuse_source(&source, &reason);
            return Ok(());
        }
        let mut content = Vec::new();
        from.take(FILE_BYTES + 1)
            .read_to_end(&mut content)
            .with_context(|| format!("cannot be read at {}", source.shown))?;
        self.bytes += content.len() as u64;
        if self.bytes > BYTES {
            bail!(too_much());
        }
        if content.len() as u64 > FILE_BYTES {
            let reason = format!("larger than {} KiB", FILE_BYTES >> 10);
            self.refuse_source(&source, &reason);
        } else if size + content.len() > EXERCISE_BYTES {
            let reason = format!("beyond the {} MiB of an exercise", EXERCISE_BYTES >> 20);
            self.refuse_source(&source, &reason);
        } else {
            let places = self.places.entry(source.exercise).or_default();
            let sources = places.entry(source.place).or_default();
            sources.insert(source.path, content);
        }
        Ok(())
    }

    /// Reads an archive that lies in the student's folder: if it fails, nothing of it is taken.
    pub(super) fn archive(&mut self, name: &[u8], read: impl FnOnce(&mut Self) -> Result<()>) {
        self.within = format!("{}: ", show(name));
        let result = read(self);
        let within = std::mem::take(&mut self.within);
        if let Err(error) = result {
            for places in self.places.values_mut() {
                places.retain(|place, _| !place.starts_with(&within));
            }
            let line = format!("{within}{}", one_line(&error));
            self.left.add(line.clone());
            self.failure.get_or_insert(line);
        }
    }

    /// What was taken, or why nothing can be; and what was left behind.
    pub(super) fn finish(
        mut self,
        result: Result<()>,
    ) -> (Result<BTreeMap<String, Sources>, String>, Vec<String>) {
        let sources = match result {
            Ok(()) => self.one_place_each(),
            Err(error) => Err(one_line(&error)),
        };
        (sources, self.left.lines())
    }

    fn one_place_each(&mut self) -> Result<BTreeMap<String, Sources>, String> {
        let mut taken = BTreeMap::new();
        for (exercise, mut places) in std::mem::take(&mut self.places) {
            // A copy of the whole course holds each exercise twice: the starters, and the solutions.
            let is_copy = |place: &String| place.rsplit(['/', ' ']).next() == Some("solutions");
            if !places.keys().all(is_copy) {
                places.retain(|place, _| {
                    let theirs = !is_copy(place);
                    if !theirs {
                        let line = format!("{place}/: the exercises beside it are taken");
                        self.left.add_once(line);
                    }
                    theirs
                });
            }
            if places.len() > 1 {
                let top = |place: &String| match place.trim_end_matches([':', ' ']) {
                    "" => "its top".to_owned(),
                    place => place.to_owned(),
                };
                let places: Vec<_> = places.keys().map(top).take(3).collect();
                return Err(format!(
                    "holds {exercise} more than once, in {}: keep one of them",
                    places.join(" and in ")
                ));
            }
            if let Some((place, mut sources)) = places.into_iter().next() {
                for path in below_a_file(&sources) {
                    sources.remove(&path);
                    let separator = if place.is_empty() || place.ends_with(' ') {
                        ""
                    } else {
                        "/"
                    };
                    self.left.add(format!(
                        "{place}{separator}{}/{path}: another source is called like its folder",
                        self.folder_of(exercise)
                    ));
                }
                taken.insert(exercise.to_owned(), sources);
            }
        }
        if taken.is_empty() {
            let folder = self.course.exercises.first().map_or("", |it| &it.folder);
            return Err(self.failure.take().unwrap_or_else(|| {
                format!("holds no exercise's sources: they belong into folders like {folder}/src")
            }));
        }
        Ok(taken)
    }

    fn folder_of<'b>(&'b self, exercise: &'b str) -> &'b str {
        let mut exercises = self.course.exercises.iter();
        let found = exercises.find(|it| it.name == exercise);
        found.map_or(exercise, |it| &it.folder)
    }

    fn source(&self, parts: &[&[u8]]) -> Result<Source<'a>, &'static str> {
        let Some((name, _)) = parts.split_last() else {
            return Err("without a name");
        };
        if name.starts_with(b".") {
            return Err("hidden");
        }
        let Some((exercise, depth)) = self.locate(parts) else {
            return Err("not in an exercise's folder");
        };
        let below = &parts[depth + 1..];
        if below.len() < 2 || below[0] != b"src" || !name.ends_with(b".rs") {
            return Err("no Rust source below src");
        }
        if parts.len() > DEPTH {
            return Err("too deep");
        }
        if below.iter().any(|part| part.len() > NAME_BYTES) || below.join(&b'/').len() > PATH_BYTES
        {
            return Err("its name is too long");
        }
        let path = String::from_utf8(below.join(&b'/')).map_err(|_| "its name is not UTF-8")?;
        let above = Path::new(&path).ancestors().skip(1);
        if above.into_iter().any(|above| is_given(exercise, above)) {
            return Err("it lies in a folder in the place of a given file");
        }
        let mut place = self.within.clone();
        place.push_str(&show_parts(&parts[..depth]));
        Ok(Source {
            exercise: &exercise.name,
            place,
            path,
            shown: show_parts(parts),
        })
    }

    fn reason_against_folder(&self, parts: &[&[u8]]) -> Option<&'static str> {
        let name = *parts.last()?;
        if name.starts_with(b".") {
            return Some("hidden");
        }
        if parts.len() >= DEPTH {
            return Some("too deep");
        }
        if let Some((_, depth)) = self.locate(parts) {
            return match parts.get(depth + 1) {
                Some(&below) if below != b"src" => Some("only src is taken"),
                _ => None,
            };
        }
        match parts.len() {
            _ if MADE_BY_TOOLS.contains(&name) => Some("made by tools"),
            1 => None,
            2 if name == b"exercises" => None,
            _ => Some("not in an exercise's folder"),
        }
    }

    /// The exercise in whose folder this path lies, and how many folders are above that folder.
    fn locate(&self, parts: &[&[u8]]) -> Option<(&'a Exercise, usize)> {
        let exercise = |depth: usize| {
            let name = parts.get(depth)?;
            let mut exercises = self.course.exercises.iter();
            Some((exercises.find(|it| it.folder.as_bytes() == *name)?, depth))
        };
        let below_exercises = parts.get(1).is_some_and(|name| *name == b"exercises");
        // The deepest counts: unpacking `ex01-….zip` can put a folder around the folder of that name.
        let deepest = below_exercises.then(|| exercise(2)).flatten();
        deepest.or_else(|| exercise(1)).or_else(|| exercise(0))
    }

    fn line(&self, shown: &str, reason: &str) -> String {
        format!("{}{shown}: {reason}", self.within)
    }
}

/// Whether this file of the exercise is the course's.
fn is_given(exercise: &Exercise, path: &Path) -> bool {
    exercise.given.iter().any(|given| Path::new(given) == path)
}

/// The sources that can't lie on a disk beside the others: an archive can hold a file, and files below it.
fn below_a_file(sources: &Sources) -> Vec<String> {
    let is_file = |path: &Path| path.to_str().is_some_and(|path| sources.contains_key(path));
    let lies_below = |path: &&String| Path::new(path).ancestors().skip(1).any(is_file);
    sources.keys().filter(lies_below).cloned().collect()
}

/// What is said of a submission that is too large.
pub(super) fn too_much() -> String {
    let limit = BYTES >> 20;
    format!("holds more than {limit} MiB: ask for the exercises alone, without target")
}

/// Whether a folder's name tells that a tool made it.
pub(super) fn is_made_by_tools(name: &OsStr) -> bool {
    MADE_BY_TOOLS.contains(&name.as_bytes())
}

/// A name as it can be shown on one line of a terminal.
pub(super) fn show(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let control = |character: char| match character.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => character,
    };
    let mut shown: String = text.chars().take(SHOWN).map(control).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn show_parts(parts: &[&[u8]]) -> String {
    show(&parts.join(&b'/'))
}

fn one_line(error: &anyhow::Error) -> String {
    show(format!("{error:#}").as_bytes())
}

/// An archive's path, part by part, if it leads nowhere but down.
fn parts(raw: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    if raw.starts_with(b"/") {
        return Err("an absolute path");
    }
    let parts: Vec<_> = raw
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .collect();
    for part in &parts {
        if *part == b".." {
            return Err("leads out of the archive");
        }
        check_part(part)?;
    }
    match parts.first() {
        Some([drive, b':', ..]) if drive.is_ascii_alphabetic() => Err("a path with a drive letter"),
        _ => Ok(parts),
    }
}

/// Whether a name means the same everywhere.
pub(super) fn check_part(part: &[u8]) -> Result<(), &'static str> {
    if part.contains(&b'\\') {
        return Err("a path with a backslash");
    }
    if part.contains(&0) {
        return Err("a path with a NUL");
    }
    Ok(())
}

/// The lines about what was left behind.
#[derive(Default)]
struct LeftBehind {
    lines: Vec<String>,
    more: usize,
    once: HashSet<String>,
}

impl LeftBehind {
    fn add(&mut self, line: String) {
        if self.lines.len() < LISTED {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    fn add_once(&mut self, line: String) {
        if self.once.insert(line.clone()) {
            self.add(line);
        }
    }

    fn lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("and {} more", self.more));
        }
        self.lines
    }
}
