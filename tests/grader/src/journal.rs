//! What has been judged, written down exercise by exercise: a grading that is killed goes on where it
//! was, and one that is repeated runs only what has changed.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::verdict::GradedExercise;

/// Lines are only ever appended; the last line of a key is the one that holds.
pub struct Journal {
    file: Mutex<File>,
    known: HashMap<String, GradedExercise>,
    /// How many entries were used.
    used: AtomicUsize,
}

#[derive(Deserialize, Serialize)]
struct Entry<'a> {
    key: std::borrow::Cow<'a, str>,
    submission: std::borrow::Cow<'a, str>,
    judged: std::borrow::Cow<'a, GradedExercise>,
}

impl Journal {
    /// Opens the journal, or begins one. It is this grading's alone until it is dropped.
    ///
    /// # Errors
    ///
    /// If it can't be read or written, is damaged, or belongs to a grading that still runs.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot write {shown}"))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("{shown} is in use: another grading writes to this folder; wait for its end");
        }
        let text = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        // A grading that was killed may have left half a line.
        let whole = text
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        file.set_len(u64::try_from(whole)?)?;
        file.seek(SeekFrom::End(0))?;
        let mut known = HashMap::new();
        for (number, line) in text[..whole].split(|&byte| byte == b'\n').enumerate() {
            if !line.is_empty() {
                let entry: Entry<'_> = serde_json::from_slice(line).with_context(|| {
                    format!("{shown}:{}: damaged; delete that line", number + 1)
                })?;
                known.insert(entry.key.into_owned(), entry.judged.into_owned());
            }
        }
        Ok(Self {
            file: Mutex::new(file),
            known,
            used: AtomicUsize::new(0),
        })
    }

    /// Takes none of the entries that are there for true: all is judged again, and the new entries hold.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// What was judged under this key before.
    pub fn get(&self, key: &str) -> Option<GradedExercise> {
        let known = self.known.get(key)?;
        self.used.fetch_add(1, Ordering::Relaxed);
        Some(known.clone())
    }

    /// How many entries were used.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Writes down what was judged, on the disk before this returns.
    pub fn put(&self, key: &str, submission: &str, judged: &GradedExercise) -> Result<()> {
        let entry = Entry {
            key: key.into(),
            submission: submission.into(),
            judged: std::borrow::Cow::Borrowed(judged),
        };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)
            .and_then(|()| file.sync_data())
            .context("cannot write the journal")
    }
}

/// A hash of parts, each of which ends where the next begins.
#[derive(Clone, Default)]
pub struct Key(Sha256);

impl Key {
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
        self
    }

    pub fn text(self) -> String {
        self.0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
