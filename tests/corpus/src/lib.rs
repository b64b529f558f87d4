//! The exam of the checks. A *mutant* is a reference solution with one mistake: the checks must catch
//! it, with the diagnosis that it names. A *variant* is a right program in another style: it must
//! pass them all.
//!
//! A mutant is one file in `mutants/`, a variant one program in `variants/`. Each is run against all
//! checks of its exercise.

mod build;
mod class;
mod exam;
pub mod hostile;
pub mod machine;
pub mod matrix;
mod mutant;
mod variant;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use grader::course::{Course, root};

pub use exam::Examined;
pub use mutant::Mutant;
pub use variant::Variant;

/// Everything that is to be examined.
pub struct Corpus {
    pub course: Course,
    pub mutants: Vec<Mutant>,
    pub variants: Vec<Variant>,
}

impl Corpus {
    /// Reads the corpus.
    ///
    /// # Errors
    ///
    /// Names the file that can't be read and why.
    pub fn read() -> Result<Self> {
        let course = Course::read()?;
        let mutants = mutant::read_all(&course)?;
        let variants = variant::find_all(&course)?;
        Ok(Self {
            course,
            mutants,
            variants,
        })
    }

    /// Only the programs whose name contains one of these words; all if there are none.
    ///
    /// # Errors
    ///
    /// If no program is left.
    pub fn select(mut self, words: &[String]) -> Result<Self> {
        let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
        self.mutants.retain(|mutant| chosen(&mutant.name));
        self.variants.retain(|variant| chosen(&variant.name));
        let count = self.mutants.len() + self.variants.len();
        ensure!(
            count > 0,
            "no program in the corpus has a name with {}",
            words.join(" or ")
        );
        Ok(self)
    }
}

/// The folder of the corpus.
fn folder() -> PathBuf {
    root().join("tests/corpus")
}
