//! How many processes and threads this machine lets the grader have: a right program that is refused a
//! thread would be told as a wrong one.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use procfs::process::{LimitValue, Process, all_processes};

use super::cgroup::{self, NOBODY, TASKS_OF_A_RUN};

/// How many exercises can be judged at the same time, each with as many tasks as its checks and programs may
/// have: `wanted` if that was said, or else up to `usual`. If it is fewer than usual, the second value says
/// why.
///
/// # Errors
///
/// If it is none, or fewer than wanted.
pub fn exercises_at_once(wanted: Option<usize>, usual: usize) -> Result<(usize, Option<String>)> {
    let Some((left, limit)) = tasks_left() else {
        return Ok((wanted.unwrap_or(usual), None));
    };
    decide(wanted, usual, left, &limit)
}

fn decide(
    wanted: Option<usize>,
    usual: usize,
    left: u64,
    limit: &str,
) -> Result<(usize, Option<String>)> {
    let room = usize::try_from(left / TASKS_OF_A_RUN).unwrap_or(usize::MAX);
    let why = format!(
        "{left} more processes and threads are allowed ({limit}), and an exercise's checks and programs \
         may need {TASKS_OF_A_RUN}"
    );
    match wanted {
        _ if room == 0 => {
            bail!("this machine can't judge now: {why}; nothing was graded. Raise that limit")
        }
        Some(wanted) if wanted > room => bail!(
            "{wanted} exercises can't be judged at the same time: {why}; nothing was graded. Say \
             `--jobs {room}`, or raise that limit"
        ),
        None if usual > room => Ok((room, Some(why))),
        _ => Ok((wanted.unwrap_or(usual), None)),
    }
}

/// How many more processes and threads may be started, and the limit that says so; `None` if there is none.
fn tasks_left() -> Option<(u64, String)> {
    let of_user = of_user().map(|left| (left, "`ulimit -u`".to_owned()));
    let of_groups = cgroup::own_folders()
        .into_iter()
        .filter_map(|folder| Some((of_group(&folder)?, format!("{}/pids.max", folder.display()))));
    of_groups.chain(of_user).min()
}

/// What the limit on a user's processes leaves (RLIMIT_NPROC in getrlimit(2)): for root, who is not bound by
/// it, that of the user that its sandboxes run as.
fn of_user() -> Option<u64> {
    let limits = Process::myself().and_then(|own| own.limits()).ok()?;
    let LimitValue::Value(limit) = limits.max_processes.soft_limit else {
        return None;
    };
    let user = rustix::process::geteuid();
    let user = if user.is_root() {
        NOBODY
    } else {
        user.as_raw()
    };
    let tasks = |process: Process| {
        let is_own = process.uid().is_ok_and(|owner| owner == user);
        let stat = is_own.then(|| process.stat().ok()).flatten()?;
        u64::try_from(stat.num_threads).ok()
    };
    let processes = all_processes().ok()?.flatten();
    Some(limit.saturating_sub(processes.filter_map(tasks).sum()))
}

/// What the limit of a control group leaves.
fn of_group(folder: &Path) -> Option<u64> {
    let read = |file: &str| {
        fs::read_to_string(folder.join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let (limit, used): (u64, u64) = (read("pids.max")?, read("pids.current")?);
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(wanted: Option<usize>, left: u64) -> Result<(usize, bool), String> {
        match decide(wanted, 8, left, "`ulimit -u`") {
            Ok((at_once, why)) => Ok((at_once, why.is_some())),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn an_exercise_has_room_for_all_its_tasks() {
        assert_eq!(decided(None, 8 * TASKS_OF_A_RUN), Ok((8, false)));
        assert_eq!(decided(None, 8 * TASKS_OF_A_RUN - 1), Ok((7, true)));
        assert_eq!(decided(Some(3), 3 * TASKS_OF_A_RUN), Ok((3, false)));
    }

    #[test]
    fn without_room_nothing_is_graded() {
        let none = decided(None, 1024).unwrap_err();
        assert!(none.contains("1024 more processes and threads are allowed (`ulimit -u`)"));
        let too_many = decided(Some(4), 2 * TASKS_OF_A_RUN).unwrap_err();
        assert!(too_many.contains("Say `--jobs 2`"));
    }
}
