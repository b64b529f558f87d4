//! Walks a student's folder. Each step is relative to the open folder above it and follows no link,
//! so what is read lies in that folder whatever is renamed meanwhile.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::archive::{self, Format};
use super::intake::{Intake, Kind, check_part};

/// Takes in what lies in this folder, and in the archives at its top.
pub(super) fn read(folder: &OwnedFd, intake: &mut Intake<'_>) -> Result<()> {
    walk(folder, &[], intake)
}

/// Opens what a name stands for in a folder, if it is a regular file. Opening neither follows a link
/// nor waits for a fifo's writer.
pub(super) fn open_file(folder: &OwnedFd, name: &CStr) -> Result<File, &'static str> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty()).map_err(reason)?;
    let stat = fstat(&file).map_err(reason)?;
    match kind(FileType::from_raw_mode(stat.st_mode)) {
        Kind::File => Ok(File::from(file)),
        Kind::Folder => Err("a folder"),
        Kind::Other(what) => Err(what),
    }
}

/// Opens a folder in a folder.
pub(super) fn open_folder(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd, &'static str> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(reason)
}

/// What kind of file it is.
pub(super) fn kind(found: FileType) -> Kind {
    match found {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Other("a link"),
        FileType::Fifo => Kind::Other("a fifo"),
        FileType::Socket => Kind::Other("a socket"),
        _ => Kind::Other("a device"),
    }
}

fn walk(folder: &OwnedFd, above: &[&[u8]], intake: &mut Intake<'_>) -> Result<()> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).context("cannot be listed")? {
        let entry = entry.context("cannot be listed")?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            intake.count()?;
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    for name in &names {
        let mut parts: Vec<&[u8]> = above.to_vec();
        parts.push(name.to_bytes());
        if let Err(reason) = look_at(folder, name, &parts, intake)? {
            intake.refuse(&parts, reason);
        }
    }
    Ok(())
}

/// Takes in one entry of a folder; the inner error is why it is left behind.
fn look_at(
    folder: &OwnedFd,
    name: &CStr,
    parts: &[&[u8]],
    intake: &mut Intake<'_>,
) -> Result<Result<(), &'static str>> {
    if let Err(reason) = check_part(name.to_bytes()) {
        return Ok(Err(reason));
    }
    let kind = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => kind(FileType::from_raw_mode(stat.st_mode)),
        Err(error) => return Ok(Err(reason(error))),
    };
    if let Kind::Folder = kind {
        if !intake.folder(parts) {
            return Ok(Ok(()));
        }
        return match open_folder(folder, name) {
            Ok(inner) => walk(&inner, parts, intake).map(Ok),
            Err(reason) => Ok(Err(reason)),
        };
    }
    let hidden = name.to_bytes().starts_with(b".");
    if let (Kind::File, 1, false, Some(format)) =
        (kind, parts.len(), hidden, Format::of(name.to_bytes()))
    {
        return Ok(open_file(folder, name).map(|file| {
            intake.archive(name.to_bytes(), |intake| {
                archive::read(file, format, intake)
            });
        }));
    }
    if let Some(source) = intake.sort(parts, kind) {
        match open_file(folder, name) {
            Ok(file) => intake.read(source, file)?,
            Err(reason) => return Ok(Err(reason)),
        }
    }
    Ok(Ok(()))
}

fn reason(error: Errno) -> &'static str {
    match error {
        Errno::LOOP => "a link",
        Errno::NOTDIR => "no folder any more",
        Errno::NOENT => "gone meanwhile",
        Errno::ACCESS | Errno::PERM => "not readable: permission denied",
        _ => "cannot be opened",
    }
}
