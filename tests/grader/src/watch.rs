//! `cargo grade --watch`: judges the exercise whose file was saved and shows it on one screen, again and
//! again.
//!
//! The sources are a few small files, so they are simply read ten times a second. That costs less than a
//! hundredth of a core, hears of a save within 0.1 s, and works on every file system: those that tell
//! nobody of a change (network shares, folders shared with a virtual machine or a container) need no
//! option, and no guess whether events will come. A file that is saved as it was changes nothing.
//!
//! What judges is a process of its own. When a newer save comes, it is ended, with all that it has
//! started.

mod frame;
mod run;
mod screen;

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use grader::course::{Course, Exercise, root};
use grader::verdict::GradedExercise;

use frame::Paper;
use run::{Outcome, Run};
use screen::Screen;

/// How often it is looked whether a file was saved, or a run has ended.
const LOOK: Duration = Duration::from_millis(100);

/// What is known of an exercise.
#[derive(Default)]
struct Known {
    judged: Option<GradedExercise>,
    /// Why it could not be judged.
    problem: Option<String>,
}

/// Watches these exercises, or all of them, until it is interrupted.
pub(crate) fn watch(course: &Course, names: &[String]) -> Result<()> {
    ensure!(
        io::stdout().is_terminal(),
        "--watch draws on a terminal, and this is none; `cargo grade` prints the same once"
    );
    let exercises = course.select(names)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    ctrlc::set_handler(move || stop.store(true, Ordering::SeqCst))
        .context("cannot hear of Ctrl-C")?;
    let mut watch = Watch::new(exercises);
    let mut screen = Screen::open()?;
    let colour = env::var_os("NO_COLOR").is_none();
    while !stopped.load(Ordering::SeqCst) {
        watch.step()?;
        let (rows, columns) = screen.size();
        let paper = Paper {
            rows,
            columns,
            colour,
        };
        screen.draw(&paper.lines(&watch.view()))?;
        thread::sleep(LOOK);
    }
    Ok(())
}

struct Watch<'a> {
    exercises: Vec<&'a Exercise>,
    sources: Vec<BTreeMap<PathBuf, Vec<u8>>>,
    known: Vec<Known>,
    /// The exercises to judge, by their places.
    queue: VecDeque<usize>,
    running: Option<(usize, Run)>,
    /// The exercise that was saved last.
    saved: Option<usize>,
}

/// What is to be seen.
struct View<'a> {
    exercises: Vec<(&'a Exercise, &'a Known)>,
    /// The place of the exercise that is shown in full.
    shown: usize,
    /// What is being judged, and for how many seconds.
    running: Option<(&'a Exercise, u64)>,
}

impl<'a> Watch<'a> {
    fn new(exercises: Vec<&'a Exercise>) -> Self {
        Self {
            sources: exercises.iter().map(|exercise| sources(exercise)).collect(),
            known: exercises.iter().map(|_| Known::default()).collect(),
            queue: (0..exercises.len()).collect(),
            running: None,
            saved: None,
            exercises,
        }
    }

    /// Looks once at the files and at what runs.
    fn step(&mut self) -> Result<()> {
        for place in 0..self.exercises.len() {
            let now = sources(self.exercises[place]);
            if now != self.sources[place] {
                self.sources[place] = now;
                self.judge_next(place);
            }
        }
        if let Some((place, run)) = &mut self.running
            && let Some(outcome) = run.outcome()?
        {
            let known = &mut self.known[*place];
            match outcome {
                Outcome::Judged(judged) => {
                    known.judged = Some(*judged);
                    known.problem = None;
                }
                Outcome::Failed(problem) => known.problem = Some(problem),
            }
            self.running = None;
        }
        if self.running.is_none()
            && let Some(place) = self.queue.pop_front()
        {
            self.running = Some((place, Run::start(self.exercises[place])?));
        }
        Ok(())
    }

    /// Puts a saved exercise before all others. What runs is out of date, or less urgent.
    fn judge_next(&mut self, place: usize) {
        self.saved = Some(place);
        if let Some((interrupted, _)) = self.running.take() {
            self.queue.push_front(interrupted);
        }
        self.queue.retain(|&other| other != place);
        self.queue.push_front(place);
    }

    fn view(&self) -> View<'_> {
        let exercises = self.exercises.iter().copied().zip(&self.known);
        View {
            exercises: exercises.collect(),
            shown: self.shown(),
            running: self
                .running
                .as_ref()
                .map(|(place, run)| (self.exercises[*place], run.seconds())),
        }
    }

    /// The exercise that was saved last, until it has full marks; then the first that has not.
    fn shown(&self) -> usize {
        let is_open = |place: &usize| !self.known[*place].is_done();
        let saved = self.saved.filter(is_open);
        let first_open = || (0..self.exercises.len()).find(is_open);
        saved.or_else(first_open).or(self.saved).unwrap_or(0)
    }
}

impl Known {
    fn is_done(&self) -> bool {
        let judged = self.judged.as_ref();
        self.problem.is_none() && judged.is_some_and(|judged| judged.points == judged.of)
    }
}

/// The files below the exercise's `src`. One that can't be read is as good as none: it is being written.
fn sources(exercise: &Exercise) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let folder = root().join("exercises").join(&exercise.folder).join("src");
    read(&folder, &mut files);
    files
}

fn read(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            read(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(text) = fs::read(&path)
        {
            files.insert(path, text);
        }
    }
}
