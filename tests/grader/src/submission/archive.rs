//! Reads an archive without unpacking it: what is taken goes into memory, and nothing to the disk.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use super::intake::{BYTES, Intake, Kind, too_much};

/// How far from a zip's end its last record can begin: that record's size, its comment's, and the
/// size of the zip64 locator before it.
const ZIP_TAIL: u64 = 22 + 0xffff + 20;
/// How the locator of a zip64 archive begins.
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";

#[derive(Clone, Copy)]
pub(super) enum Format {
    Zip,
    Tar,
    TarGz,
    /// Archives that are known, but not opened.
    Unknown,
}

/// The endings that tell an archive, the longer ones first.
const ENDINGS: [(&str, Format); 12] = [
    (".tar.bz2", Format::Unknown),
    (".tar.zst", Format::Unknown),
    (".tar.gz", Format::TarGz),
    (".tar.xz", Format::Unknown),
    (".tbz2", Format::Unknown),
    (".tgz", Format::TarGz),
    (".txz", Format::Unknown),
    (".zip", Format::Zip),
    (".tar", Format::Tar),
    (".rar", Format::Unknown),
    (".7z", Format::Unknown),
    (".gz", Format::Unknown),
];

impl Format {
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(Self::and_stem(name)?.0)
    }

    /// The format, and the name without its ending.
    pub(super) fn and_stem(name: &[u8]) -> Option<(Self, &[u8])> {
        ENDINGS.iter().find_map(|(ending, format)| {
            let stem = name.len().checked_sub(ending.len())?;
            let found = name[stem..].eq_ignore_ascii_case(ending.as_bytes());
            found.then_some((*format, &name[..stem]))
        })
    }
}

/// Takes in what the archive holds.
pub(super) fn read(file: File, format: Format, intake: &mut Intake<'_>) -> Result<()> {
    let size = file.metadata().context("cannot be read")?.len();
    ensure!(size <= BYTES, too_much());
    match format {
        Format::Zip => read_zip(file, size, intake),
        Format::Tar => read_tar(BufReader::new(file), intake),
        Format::TarGz => read_tar(MultiGzDecoder::new(BufReader::new(file)), intake),
        Format::Unknown => bail!("is in a format that is not opened: ask for a .zip or .tar.gz"),
    }
}

fn read_zip(mut file: File, size: u64, intake: &mut Intake<'_>) -> Result<()> {
    // Without a zip64 record, an archive cannot claim more entries than fit in memory.
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(ZIP_TAIL)))
        .context("cannot be read")?;
    (&file)
        .take(ZIP_TAIL)
        .read_to_end(&mut tail)
        .context("cannot be read")?;
    let zip64 = tail
        .windows(ZIP64_LOCATOR.len())
        .any(|bytes| bytes == ZIP64_LOCATOR);
    ensure!(
        !zip64,
        "is a zip for huge files (zip64): ask for an ordinary one"
    );

    let damaged = "is no zip that can be read: ask for it again";
    let mut archive = ZipArchive::new(BufReader::new(file)).context(damaged)?;
    ensure!(
        !archive.has_duplicate_names(),
        "holds two files of the same name: ask for it again"
    );
    for index in 0..archive.len() {
        intake.count()?;
        let source = {
            let entry = archive.by_index_data(index).context(damaged)?;
            intake.entry(
                entry.name_raw(),
                zip_kind(entry.unix_mode(), entry.is_dir()),
            )
        };
        if let Some(source) = source {
            let content = archive.by_index(index).context(damaged)?;
            intake.read(source, content)?;
        }
    }
    Ok(())
}

/// What the entry is by the mode that Unix gives it; other systems give none.
fn zip_kind(mode: Option<u32>, folder: bool) -> Kind {
    match mode.unwrap_or(0) & 0o170_000 {
        _ if folder => Kind::Folder,
        0 | 0o100_000 => Kind::File,
        0o120_000 => Kind::Other("a link"),
        0o010_000 => Kind::Other("a fifo"),
        _ => Kind::Other("a device"),
    }
}

fn read_tar(from: impl Read, intake: &mut Intake<'_>) -> Result<()> {
    // What is skipped is unpacked too, so the limit is on all that comes out.
    let mut archive = tar::Archive::new(from.take(intake.bytes_left()));
    let result = read_tar_entries(&mut archive, intake);
    let left = archive.into_inner().limit();
    intake.set_bytes_left(left);
    ensure!(left > 0, too_much());
    result
}

fn read_tar_entries(archive: &mut tar::Archive<impl Read>, intake: &mut Intake<'_>) -> Result<()> {
    let damaged = "is no tar that can be read: ask for it again";
    for entry in archive.entries().context(damaged)? {
        let entry = entry.context(damaged)?;
        intake.count()?;
        let kind = match entry.header().entry_type() {
            EntryType::Regular => Kind::File,
            EntryType::Directory => Kind::Folder,
            // What `git archive` writes before the first file.
            EntryType::XGlobalHeader => continue,
            EntryType::Symlink | EntryType::Link => Kind::Other("a link"),
            EntryType::Fifo => Kind::Other("a fifo"),
            EntryType::Block | EntryType::Char => Kind::Other("a device"),
            _ => Kind::Other("no ordinary file"),
        };
        if let Some(source) = intake.entry(&entry.path_bytes(), kind) {
            intake.read(source, entry)?;
        }
    }
    Ok(())
}
