//! A class that is graded in parts, on several machines, and put together again.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

use crate::report::new_report;
use crate::submission::Collected;
use crate::verdict::Class;

/// The file in a report folder from which every other report can be made again.
pub const CLASS_FILE: &str = "class.json";

/// The `part`-th of `of` parts, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    part: usize,
    of: usize,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| {
            let (part, of) = (part.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&part).then_some(Self { part, of })
        });
        numbers.ok_or_else(|| "write K/N, with K from 1 to N: 2/4".into())
    }
}

impl Partition {
    /// Every N-th submission: the parts hold each submission once, and are alike in size.
    pub fn select(self, submissions: Vec<Collected>) -> Vec<Collected> {
        let numbered = submissions.into_iter().enumerate();
        numbered
            .filter(|(index, _)| index % self.of == self.part - 1)
            .map(|(_, submission)| submission)
            .collect()
    }
}

/// The class that was reported in this folder, if one was.
pub fn read_class(folder: &Path) -> Result<Option<Class>> {
    let path = folder.join(CLASS_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let class = serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; delete it", path.display()))?;
    Ok(Some(class))
}

/// Writes the file that [`read_class`] reads, whole or not at all.
pub fn write_class(folder: &Path, class: &Class) -> Result<()> {
    let written = || format!("cannot write into {}", folder.display());
    fs::create_dir_all(folder).with_context(written)?;
    let mut file = new_report(folder).with_context(written)?;
    serde_json::to_writer(&mut file, class).with_context(written)?;
    file.persist(folder.join(CLASS_FILE))
        .with_context(written)?;
    Ok(())
}

/// Puts the classes of these report folders together.
///
/// # Errors
///
/// If one can't be read, if they were graded under different protections, or if a submission is in
/// two of them.
pub fn merge(parts: &[PathBuf]) -> Result<Class> {
    let mut merged: Option<Class> = None;
    for part in parts {
        let class = read_class(part)?.with_context(|| {
            format!(
                "{} holds no {CLASS_FILE}: name a report folder",
                part.display()
            )
        })?;
        match &mut merged {
            None => merged = Some(class),
            Some(merged) => {
                ensure!(
                    merged.protection == class.protection,
                    "{} was graded under another protection: {}",
                    part.display(),
                    class.protection
                );
                merged.submissions.extend(class.submissions);
            }
        }
    }
    let mut class = merged.context("name the parts' report folders")?;
    class
        .submissions
        .sort_by(|one, other| one.submission.cmp(&other.submission));
    for pair in class.submissions.windows(2) {
        ensure!(
            pair[0].submission != pair[1].submission,
            "{} is in two of the parts",
            pair[0].submission
        );
    }
    Ok(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_two_numbers() {
        assert_eq!("2/4".parse(), Ok(Partition { part: 2, of: 4 }));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "a/b", "-1/2"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parts_hold_each_submission_once() {
        let class = || {
            let submission = |number: u32| Collected {
                name: number.to_string(),
                sources: Default::default(),
                left_behind: Vec::new(),
                problem: None,
            };
            (0..10).map(submission).collect::<Vec<_>>()
        };
        let mut names: Vec<_> = (1..=3)
            .flat_map(|part| Partition { part, of: 3 }.select(class()))
            .map(|submission| submission.name)
            .collect();
        names.sort();
        let all: Vec<_> = class()
            .into_iter()
            .map(|submission| submission.name)
            .collect();
        assert_eq!(names, all);
    }
}
