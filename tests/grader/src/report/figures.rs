//! The figures of a class, read off its verdict in one place.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::verdict::{Class, Graded, GradedCheck, GradedExercise, Verdict};

/// An exercise of the class.
pub(super) struct Exercise<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
}

/// How a check went in the class.
pub(super) struct Tally<'a> {
    pub(super) exercise: &'a str,
    pub(super) check: &'a str,
    /// How many submissions failed it or have not implemented it.
    pub(super) failed: usize,
    /// How many submissions it judged.
    pub(super) of: usize,
    /// The codes of the diagnoses, the commonest first, each with the number of submissions.
    pub(super) codes: Vec<(&'a str, usize)>,
}

/// The submissions whose marks are in this tenth of all points.
pub(super) struct Band {
    pub(super) label: &'static str,
    pub(super) submissions: usize,
}

/// A tenth each, and those who have all points.
const BANDS: [&str; 11] = [
    "0–9 %",
    "10–19 %",
    "20–29 %",
    "30–39 %",
    "40–49 %",
    "50–59 %",
    "60–69 %",
    "70–79 %",
    "80–89 %",
    "90–99 %",
    "100 %",
];

impl Exercise<'_> {
    /// What this submission has of it.
    pub(super) fn of<'g>(&self, graded: &'g Graded) -> Option<&'g GradedExercise> {
        let mut exercises = graded.exercises.iter();
        exercises.find(|exercise| exercise.name == self.name)
    }
}

/// The exercises of the class, in their order.
pub(super) fn exercises(class: &Class) -> Vec<Exercise<'_>> {
    let mut exercises: Vec<Exercise<'_>> = Vec::new();
    for graded in class.submissions.iter().flat_map(|each| &each.exercises) {
        if exercises.iter().all(|known| known.name != graded.name) {
            exercises.push(Exercise {
                name: &graded.name,
                title: &graded.title,
            });
        }
    }
    exercises
}

/// The checks that somebody failed, the one that most failed first.
pub(super) fn failed_most(class: &Class) -> Vec<Tally<'_>> {
    let mut tallies: Vec<Tally<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for exercise in class.submissions.iter().flat_map(|each| &each.exercises) {
        for check in &exercise.checks {
            let place = *places
                .entry((&*exercise.name, &*check.name))
                .or_insert_with(|| {
                    tallies.push(Tally {
                        exercise: &exercise.name,
                        check: &check.name,
                        failed: 0,
                        of: 0,
                        codes: Vec::new(),
                    });
                    tallies.len() - 1
                });
            tallies[place].count(check);
        }
    }
    tallies.retain(|tally| tally.failed > 0);
    for tally in &mut tallies {
        tally
            .codes
            .sort_by_key(|&(code, count)| (Reverse(count), code));
    }
    // Where equally many failed, the course's own order stays.
    tallies.sort_by_key(|tally| Reverse(tally.failed));
    tallies
}

/// How many submissions have which part of their points; those that could not be graded are left out.
pub(super) fn distribution(class: &Class) -> Vec<Band> {
    let mut bands: Vec<_> = BANDS
        .iter()
        .map(|label| Band {
            label,
            submissions: 0,
        })
        .collect();
    for graded in &class.submissions {
        if graded.problem.is_none() && graded.of() > 0 {
            let tenth = (graded.points() * 10 / graded.of()) as usize;
            bands[tenth.min(BANDS.len() - 1)].submissions += 1;
        }
    }
    bands
}

impl<'a> Tally<'a> {
    fn count(&mut self, check: &'a GradedCheck) {
        match check.verdict {
            Verdict::Passed => self.of += 1,
            Verdict::Failed(_) | Verdict::NotImplemented(_) => {
                self.of += 1;
                self.failed += 1;
            }
            // It was not the check that found these wanting.
            Verdict::DoesNotCompile | Verdict::NotSubmitted | Verdict::CouldNotJudge(_) => {}
        }
        for code in check.verdict.codes() {
            match self.codes.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => self.codes.push((code, 1)),
            }
        }
    }
}
