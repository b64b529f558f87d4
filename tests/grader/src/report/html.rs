//! The pages to read: one of the class, one a submission. Each is whole in itself, without scripts,
//! good on a screen, a phone and paper; the templates escape every text.

use anyhow::{Context, Result};
use askama::Template;
use harness::{Diagnosis, sentence};

use super::figures::{self, Band, Exercise, Tally};
use crate::verdict::{Class, Graded, Verdict};

/// This many of the checks that the class fails most are shown.
const FAILED_MOST: usize = 12;

/// `index.html`: the class. `slugs` names each submission's page.
pub(super) fn class(class: &Class, slugs: &[String]) -> Result<String> {
    let submissions: Vec<_> = class.submissions.iter().zip(slugs).collect();
    let mut failed_most = figures::failed_most(class);
    failed_most.truncate(FAILED_MOST);
    let distribution = figures::distribution(class);
    let page = ClassPage {
        protection: &class.protection,
        problems: submissions
            .iter()
            .filter_map(|(graded, slug)| Some((*graded, *slug, graded.problem.as_deref()?)))
            .collect(),
        not_final: submissions
            .iter()
            .filter(|(graded, _)| !graded.is_final())
            .copied()
            .collect(),
        largest_band: largest(&distribution),
        submissions,
        exercises: figures::exercises(class),
        failed_most,
        distribution,
    };
    page.render().context("cannot render the class's page")
}

/// `students/SLUG.html`: one submission.
pub(super) fn submission(graded: &Graded, protection: &str) -> Result<String> {
    SubmissionPage { graded, protection }
        .render()
        .with_context(|| format!("cannot render the page of {}", graded.submission))
}

#[derive(Template)]
#[template(path = "class.html")]
struct ClassPage<'a> {
    protection: &'a str,
    /// In the order of their names, with the name of each one's page.
    submissions: Vec<(&'a Graded, &'a String)>,
    /// Those of which nothing could be graded, and why.
    problems: Vec<(&'a Graded, &'a String, &'a str)>,
    /// Those whose marks are not final.
    not_final: Vec<(&'a Graded, &'a String)>,
    exercises: Vec<Exercise<'a>>,
    failed_most: Vec<Tally<'a>>,
    distribution: Vec<Band>,
    largest_band: usize,
}

#[derive(Template)]
#[template(path = "submission.html")]
struct SubmissionPage<'a> {
    graded: &'a Graded,
    protection: &'a str,
}

/// Every kind of verdict: its sign, its style, and its name.
const SIGNS: [(&str, &str, &str); 6] = [
    ("✓", "v-passed", "passed"),
    ("✗", "v-failed", "failed"),
    ("…", "v-todo", "not implemented"),
    ("#", "v-compiler", "does not compile"),
    ("–", "v-missing", "not submitted"),
    ("?", "v-unjudged", "could not judge"),
];

fn sign(verdict: &Verdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Verdict::Passed => SIGNS[0],
        Verdict::Failed(_) => SIGNS[1],
        Verdict::NotImplemented(_) => SIGNS[2],
        Verdict::DoesNotCompile => SIGNS[3],
        Verdict::NotSubmitted => SIGNS[4],
        Verdict::CouldNotJudge(_) => SIGNS[5],
    }
}

fn largest(distribution: &[Band]) -> usize {
    let submissions = distribution.iter().map(|band| band.submissions);
    submissions.max().unwrap_or_default().max(1)
}

/// A bar's length in percent of the longest bar's.
fn share(part: &usize, of: &usize) -> usize {
    part * 100 / of
}

/// A picture that escapes its own texts.
fn timeline(diagnosis: &Diagnosis) -> String {
    diagnosis.timeline.svg(&sentence(&diagnosis.check))
}
