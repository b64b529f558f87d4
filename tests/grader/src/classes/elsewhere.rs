//! Other people's submissions, where there is no sandbox for them: refused.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use grader::course::{Course, Exercise};
use grader::verdict::Class;

use crate::Options;

pub(crate) fn grade(_: &Options, _: &[PathBuf], _: &Course, _: &[&Exercise]) -> Result<Class> {
    bail!(
        "other people's submissions are graded on Linux only, where there is a sandbox for them; \
         without an argument, this checkout's own exercises are graded"
    )
}

pub(crate) fn merge(_: &[PathBuf], _: &Path, _: bool) -> Result<Class> {
    bail!("a class's reports are put together on Linux only, where they are made")
}
