//! Control groups: the kernel's limit on the processes and threads of each program in a sandbox, its count
//! of the processor time that they have used, those that have ended included, and its word on where it has
//! refused them more (cgroups(7)). However busy the machine is, none of that is missed.
//!
//! Memory is not limited by them: with a limit on a run's group, checks were killed that had done nothing.
//! It is bounded for each process, and watched in /proc for all of them together.
//!
//! A run of checks has a group of its own, and in it there is one for each start of a program, made by the
//! launcher. Root can use either version. Other users need version 2 and a group that is delegated to them
//! (`systemd-run --user --scope --property Delegate=yes`).
//!
//! The crate `cgroups-rs` is not used: it brings a client of D-Bus and its asynchronous runtime, for what is
//! a few files to be written and read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use procfs::process::{MountInfo, Process};

use super::usage::{Excess, SECONDS, TASKS};

/// In a group of version 1 and of version 2: a process that writes 0 there moves into the group. (In version
/// 1, `cgroup.procs` would stop every fork of this machine for a moment.)
const MEMBERS: [&str; 2] = ["tasks", "cgroup.procs"];

/// The part of a run's group that the checks themselves are in: in version 2, only the last groups of a
/// branch have members.
const CHECKS: &str = "checks";

/// The tasks of all programs and checks of a run together: some 120 clients in several checks at once, a
/// thread for each in the program and in the checks, are below a thousand.
pub(super) const TASKS_OF_A_RUN: u64 = 2048;

/// Tasks that bubblewrap has beside the program.
const TASKS_OF_BUBBLEWRAP: u64 = 4;

/// The file of a group that bounds its tasks.
const MAX_TASKS: &str = "pids.max";

/// The user nobody.
pub(super) const NOBODY: u32 = 65534;

/// Where groups can be made.
pub(super) struct Groups {
    version: u8,
    /// By the name of what they bound (`pids`; `unified` in version 2), the folder of the group in which
    /// the runs' groups are made.
    parents: BTreeMap<&'static str, PathBuf>,
}

/// The groups of one run, removed when this is dropped.
pub(super) struct RunGroups {
    /// By the name of what they bound.
    folders: BTreeMap<&'static str, PathBuf>,
    /// The name of the file by which a process becomes a member.
    members: &'static str,
}

impl Groups {
    /// Finds where groups can be made; `None` if nowhere.
    pub(super) fn find() -> Option<Self> {
        let groups = Self::of_version_2().or_else(Self::of_version_1)?;
        groups.remove_stale();
        // Whether it is allowed is only known when it has been done.
        groups.start_run(None).ok()?;
        Some(groups)
    }

    pub(super) fn version(&self) -> u8 {
        self.version
    }

    /// The name of the file by which a process becomes a member.
    pub(super) fn members(&self) -> &'static str {
        MEMBERS[usize::from(self.version - 1)]
    }

    fn of_version_1() -> Option<Self> {
        let parents = ["pids", "cpuacct"].map(|controller| {
            let own = own_group(controller)?;
            let mounted = mounts().into_iter().find(|mount| {
                mount.fs_type == "cgroup" && mount.super_options.contains_key(controller)
            })?;
            Some((controller, mounted.mount_point.join(own)))
        });
        let parents: Option<BTreeMap<_, _>> = parents.into_iter().collect();
        let version = 1;
        parents.map(|parents| Self { version, parents })
    }

    /// The group that this process is in, if it can be divided; for root, the topmost one.
    fn of_version_2() -> Option<Self> {
        let mounted = mounts()
            .into_iter()
            .find(|mount| mount.fs_type == "cgroup2")?;
        let parent = if rustix::process::geteuid().is_root() {
            mounted.mount_point
        } else {
            let own = mounted.mount_point.join(own_group("")?);
            // Only a group without members can be divided.
            let leaf = own.join(format!("grade-{}-self", process::id()));
            fs::create_dir(&leaf).ok()?;
            fs::write(leaf.join(MEMBERS[1]), "0").ok()?;
            own
        };
        let controllers = parent.join("cgroup.subtree_control");
        let has = |controller| {
            let enabled = fs::read_to_string(&controllers).unwrap_or_default();
            enabled.split_whitespace().any(|word| word == controller)
                || fs::write(&controllers, format!("+{controller}")).is_ok()
        };
        has("pids").then(|| Self {
            version: 2,
            parents: BTreeMap::from([("unified", parent)]),
        })
    }

    /// Makes the groups of a run, in which this user, too, can make groups.
    pub(super) fn start_run(&self, user: Option<u32>) -> Result<RunGroups> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("grade-{}-{number}", process::id());
        let folders = self
            .parents
            .iter()
            .map(|(&of, parent)| (of, parent.join(&name)));
        let run = RunGroups {
            folders: folders.collect(),
            members: self.members(),
        };
        for (of, folder) in &run.folders {
            run.make(of, folder, user)
                .with_context(|| format!("cannot make the control group {}", folder.display()))?;
        }
        Ok(run)
    }

    /// What a program's own groups are bounded by, as the launcher takes it: by their folders as the checks
    /// see them, files and what is written to them.
    pub(super) fn limits_of_a_program(
        &self,
        inside: &str,
    ) -> BTreeMap<String, BTreeMap<&str, String>> {
        let names = self.parents.keys();
        let limits = names.map(|&of| {
            let limit = (TASKS + TASKS_OF_BUBBLEWRAP).to_string();
            let limit = counts_tasks(of).then_some((MAX_TASKS, limit));
            (format!("{inside}/{of}"), limit.into_iter().collect())
        });
        limits.collect()
    }

    /// Removes what graders that were killed have left.
    fn remove_stale(&self) {
        for parent in self.parents.values() {
            for group in folders_in(parent) {
                let name = group.file_name().unwrap_or_default().to_string_lossy();
                let of_process = name
                    .strip_prefix("grade-")
                    .and_then(|rest| rest.split('-').next());
                let is_stale = of_process.is_some_and(|id| !Path::new("/proc").join(id).exists());
                if is_stale {
                    remove(&group);
                }
            }
        }
    }
}

impl RunGroups {
    fn make(&self, of: &str, folder: &Path, user: Option<u32>) -> io::Result<()> {
        fs::create_dir(folder)?;
        if counts_tasks(of) {
            fs::write(folder.join(MAX_TASKS), TASKS_OF_A_RUN.to_string())?;
        }
        if of == "unified" {
            fs::write(folder.join("cgroup.subtree_control"), "+pids")?;
        }
        let checks = folder.join(CHECKS);
        fs::create_dir(&checks)?;
        if user.is_some() {
            for path in [
                folder.to_owned(),
                folder.join(self.members),
                checks.clone(),
                checks.join(self.members),
            ] {
                chown(path, user, user)?;
            }
        }
        Ok(())
    }

    /// The words of a command line that joins the checks' groups and becomes the command whose words
    /// follow.
    pub(super) fn joining(&self) -> Vec<String> {
        let mut words: Vec<String> = ["/bin/sh", "-c", JOIN, "sh"].map(str::to_owned).to_vec();
        let members = self
            .folders
            .values()
            .map(|folder| folder.join(CHECKS).join(self.members));
        words.extend(members.map(|path| path.to_string_lossy().into_owned()));
        words.push("--".into());
        words
    }

    /// The folders, by the name of what they bound.
    pub(super) fn folders(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.folders
            .iter()
            .map(|(of, folder)| (*of, folder.as_path()))
    }

    /// What a program in this run has used too much of, or was refused.
    pub(super) fn excess(&self) -> Option<Excess> {
        if self
            .folders
            .values()
            .any(|folder| was_refused_tasks(folder))
        {
            return Some(Excess::Tasks(TASKS));
        }
        let of_programs = self.folders.values().flat_map(|folder| folders_in(folder));
        let mut of_programs = of_programs.filter(|group| !group.ends_with(CHECKS));
        of_programs.find_map(|group| excess_of(&group))
    }
}

/// Moves itself into each group whose list of members is named before `--`, and becomes what comes after.
const JOIN: &str =
    r#"while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@""#;

impl Drop for RunGroups {
    fn drop(&mut self) {
        self.folders.values().for_each(|folder| remove(folder));
    }
}

/// Whether the groups of this name bound tasks.
fn counts_tasks(of: &str) -> bool {
    of != "cpuacct"
}

fn excess_of(group: &Path) -> Option<Excess> {
    if was_refused_tasks(group) {
        return Some(Excess::Tasks(TASKS));
    }
    let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
    let nanoseconds = read("cpuacct.usage").trim().parse().unwrap_or(0);
    let microseconds = count_of(&read("cpu.stat"), "usage_usec");
    let seconds = (nanoseconds / 1_000_000_000).max(microseconds / 1_000_000);
    (seconds > SECONDS).then_some(Excess::Seconds(seconds))
}

/// Whether a program wanted more processes and threads than the group's limit.
fn was_refused_tasks(group: &Path) -> bool {
    let events = fs::read_to_string(group.join("pids.events")).unwrap_or_default();
    count_of(&events, "max") > 0
}

/// The number behind this word, in a file of words with numbers; 0 if it is not there.
fn count_of(text: &str, word: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(name, _)| *name == word);
    found
        .and_then(|(_, count)| count.trim().parse().ok())
        .unwrap_or(0)
}

/// The group that this process is in, of version 1 by the controller, of version 2 without one.
fn own_group(controller: &str) -> Option<PathBuf> {
    let groups = Process::myself()
        .and_then(|process| process.cgroups())
        .ok()?;
    let own = groups.into_iter().find(|group| match controller {
        "" => group.hierarchy == 0,
        controller => group.controllers.iter().any(|own| own == controller),
    })?;
    Some(own.pathname.trim_start_matches('/').into())
}

/// The folders of the groups that bound this process's tasks: its own, and those above it.
pub(super) fn own_folders() -> Vec<PathBuf> {
    let folders = |controller: &str, is_it: &dyn Fn(&MountInfo) -> bool| {
        let top = mounts().into_iter().find(is_it)?.mount_point;
        let own = top.join(own_group(controller)?);
        let up = own
            .ancestors()
            .take_while(|folder| folder.starts_with(&top));
        Some(up.map(Path::to_owned).collect::<Vec<_>>())
    };
    let of_version_1 = folders("pids", &|mount| {
        mount.fs_type == "cgroup" && mount.super_options.contains_key("pids")
    });
    let of_version_2 = folders("", &|mount| mount.fs_type == "cgroup2");
    let both = [of_version_1, of_version_2];
    both.into_iter().flatten().flatten().collect()
}

fn mounts() -> Vec<MountInfo> {
    let mounts = Process::myself().and_then(|process| process.mountinfo());
    mounts
        .map(|mounts| mounts.into_iter().collect())
        .unwrap_or_default()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

/// Removes a group and those below it. One that still has members is left to the next grader.
fn remove(group: &Path) {
    folders_in(group).iter().for_each(|below| remove(below));
    _ = fs::remove_dir(group);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> Option<Excess> {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            fs::write(folder.path().join(file), text).unwrap();
        }
        excess_of(folder.path())
    }

    #[test]
    fn the_kernels_events_are_the_evidence() {
        assert_eq!(group(&[("pids.events", "max 0\n")]), None);
        assert_eq!(
            group(&[("pids.events", "max 7\n")]),
            Some(Excess::Tasks(TASKS))
        );
        assert_eq!(group(&[("cpuacct.usage", "15999999999\n")]), None);
        assert_eq!(
            group(&[("cpuacct.usage", "16000000000\n")]),
            Some(Excess::Seconds(16))
        );
        assert_eq!(
            group(&[("cpu.stat", "usage_usec 17000000\nuser_usec 1\n")]),
            Some(Excess::Seconds(17))
        );
    }
}
