//! Every mutant is caught for what it is, every variant passes every check, and every diagnosis is
//! one that some mutant raises.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

use corpus::hostile::Hostile;
use corpus::{Corpus, matrix};

#[test]
fn the_checks_pass_their_exam() {
    let corpus = Corpus::read().unwrap();
    let examined = corpus.examine().unwrap();
    let faults: Vec<_> = examined
        .iter()
        .flat_map(|program| program.faults())
        .collect();
    assert!(
        faults.is_empty(),
        "{}{}",
        matrix::render(&examined),
        faults.join("\n")
    );
}

#[test]
fn every_diagnosis_has_its_mutant_or_attack() {
    let corpus = Corpus::read().unwrap();
    let attacks = Hostile::read_all().unwrap();
    let raised: BTreeSet<_> = corpus
        .mutants
        .iter()
        .map(|mutant| mutant.diagnosis.as_str())
        .chain(
            attacks
                .iter()
                .filter_map(|attack| attack.diagnosis.as_deref()),
        )
        .collect();
    let missing: Vec<_> = harness::CODES
        .iter()
        .map(|code| code.name)
        .filter(|code| !raised.contains(code))
        .collect();
    assert!(
        missing.is_empty(),
        "no mutant or attack is diagnosed as {}",
        missing.join(", ")
    );
}

#[test]
fn every_exercise_has_variants_in_three_styles() {
    let corpus = Corpus::read().unwrap();
    for exercise in &corpus.course.exercises {
        let prefix = format!("{}-", exercise.name);
        let variants = corpus
            .variants
            .iter()
            .filter(|variant| variant.name.starts_with(&prefix));
        assert!(
            variants.count() >= 3,
            "{} has fewer than 3 variants",
            exercise.name
        );
    }
}
