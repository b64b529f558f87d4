//! The reports of a class, all of them renderings of one verdict: pages to read, a gradebook, and
//! the files that Gradescope, Classroom 50 and anything that knows JUnit take.

pub mod classroom;
mod figures;
mod gradebook;
pub mod gradescope;
mod html;
mod junit;
mod slugs;
mod words;

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::plain::{plain_everywhere, plain_line};
use crate::verdict::{Class, Graded};

/// Writes the reports of the class into this folder, which is made if need be:
///
/// - `index.html`: the class, and `students/SLUG.html`: each submission;
/// - `gradebook.csv`: a row a submission;
/// - `gradescope/SLUG.json` and `classroom/SLUG.json`: a submission's results;
/// - `junit.xml`: every check of every submission.
pub fn write(folder: &Path, class: &Class) -> Result<()> {
    let submissions: Result<Vec<_>> = class.submissions.iter().map(plain_graded).collect();
    let class = Class {
        protection: plain_line(&class.protection),
        submissions: submissions?,
    };
    write_all(folder, &class)
        .with_context(|| format!("cannot write the reports into {}", folder.display()))
}

fn write_all(folder: &Path, class: &Class) -> Result<()> {
    for folder in [
        folder.to_owned(),
        folder.join("students"),
        folder.join("gradescope"),
        folder.join("classroom"),
    ] {
        fs::create_dir_all(folder)?;
    }
    let slugs = slugs::of(class.submissions.iter().map(|graded| &*graded.submission));
    let save = |file: &str, text: &str| save(&folder.join(file), text);
    save("index.html", &html::class(class, &slugs)?)?;
    save("gradebook.csv", &gradebook::csv(class)?)?;
    save("junit.xml", &junit::xml(class)?)?;
    for (graded, slug) in class.submissions.iter().zip(&slugs) {
        save(
            &format!("students/{slug}.html"),
            &html::submission(graded, &class.protection)?,
        )?;
        let results = gradescope::results(graded, &class.protection)?;
        save(
            &format!("gradescope/{slug}.json"),
            &format!("{results:#}\n"),
        )?;
        let result = classroom::result(graded, &class.protection)?;
        save(&format!("classroom/{slug}.json"), &format!("{result:#}\n"))?;
    }
    Ok(())
}

/// Writes a file in one go: whoever reads along sees the old one or the new one.
fn save(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a report is a file in a folder")?;
    let mut file = new_report(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// A file that is to become a report of this folder. A temporary file is its owner's alone; a report is
/// as readable as any file here.
pub(crate) fn new_report(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// The verdict without what could forge a report; names are kept on their line.
fn plain_graded(graded: &Graded) -> Result<Graded> {
    let mut plain = plain_everywhere(graded)?;
    plain.submission = plain_line(&graded.submission);
    plain.left_behind = graded.left_behind.iter().map(|n| plain_line(n)).collect();
    Ok(plain)
}
