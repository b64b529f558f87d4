//! What bubblewrap is told, so that it makes the two sandboxes: the one around the checks or the compiler, and
//! the one within for each start of a program.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use harness::MARK_WORD;
use serde_json::json;

use super::cgroup::{Groups, RunGroups};
use super::kit::{self, Kit};
use super::running::{BUBBLEWRAP, Prepared};
use super::{GROUPS, LAUNCHER, PATH, PROGRAM, PROGRAMS, SCRATCH, SEAL, SHARED_MEMORY};

/// A sandbox with the system's programs, and nothing of its users'.
pub(super) fn outer(
    as_nobody: bool,
    kit: &Kit,
    groups: Option<RunGroups>,
    devices: &[&str],
) -> Result<Prepared> {
    let mut prepared = Prepared::bubblewrap(groups)?;
    let command = &mut prepared.command;
    command.env_clear().env("PATH", PATH);
    if !as_nobody {
        command.arg("--unshare-user");
    }
    // A session of its own: where the kernel groups processes by session, each sandbox gets its share
    // of the processor, however many processes another one starts.
    command
        .args(["--new-session", "--unshare-net"])
        .args(common(&kit.settings(), &make_devices(devices)));
    if as_nobody {
        for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
            command.args(["--cap-add", capability]);
        }
    }
    Ok(prepared)
}

/// A folder of these devices of the machine's alone. bubblewrap's own `--dev` has terminals, too, which can be
/// waited for without end, and puts a second user namespace below the one that the network belongs to.
fn make_devices(devices: &[&str]) -> Vec<String> {
    let mut arguments = [
        "--perms", "0755", "--tmpfs", "/dev", "--perms", "0755", "--dir", "/dev/shm",
    ]
    .map(str::to_owned)
    .to_vec();
    for device in devices {
        let path = format!("/dev/{device}");
        arguments.extend(["--dev-bind".into(), path.clone(), path]);
    }
    arguments.extend(["--remount-ro", "/dev"].map(str::to_owned));
    arguments
}

/// Hides what the machine's administrator keeps in /usr/local, as far as the compiler does not need it to find
/// its linker's front end, `cc`.
pub(super) fn without_local_programs() -> Vec<String> {
    let hide = ["--tmpfs", "/usr/local"].map(str::to_owned);
    let is_elsewhere = || Path::new("/usr/bin/cc").exists() || Path::new("/bin/cc").exists();
    match fs::canonicalize("/usr/local/bin/cc") {
        // A link to a compiler elsewhere is put back.
        Ok(cc) if !cc.starts_with("/usr/local") => {
            let cc = cc.to_string_lossy().into_owned();
            let put_back = ["--symlink".into(), cc, "/usr/local/bin/cc".into()];
            hide.into_iter().chain(put_back).collect()
        }
        Ok(_) if !is_elsewhere() => Vec::new(),
        _ => hide.to_vec(),
    }
}

/// What both sandboxes have in common, with the system's settings from this folder, and these arguments for
/// the folder of devices.
fn common(settings: &Path, devices: &[String]) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--ro-bind",
        "/usr",
        "/usr",
        // Made by itself, it would be root's alone.
        "--perms",
        "0755",
        "--dir",
        "/etc",
        "--ro-bind-try",
        "/etc/alternatives",
        "/etc/alternatives",
    ]
    .map(str::to_owned)
    .to_vec();
    for name in kit::settings() {
        let from = settings.join(name).to_string_lossy().into_owned();
        arguments.extend(["--ro-bind-try".into(), from, format!("/etc/{name}")]);
    }
    arguments.extend_from_slice(devices);
    for (size, folder) in [(SCRATCH, "/tmp"), (SHARED_MEMORY, "/dev/shm")] {
        arguments.extend(["--perms", "1777", "--size"].map(str::to_owned));
        arguments.extend([size.to_string(), "--tmpfs".into(), folder.into()]);
    }
    for folder in ["/bin", "/lib", "/lib32", "/lib64", "/sbin"] {
        if let Ok(target) = fs::read_link(folder) {
            let target = target.to_string_lossy().into_owned();
            arguments.extend(["--symlink".into(), target, folder.into()]);
        } else {
            arguments.extend(["--ro-bind-try".into(), folder.into(), folder.into()]);
        }
    }
    arguments
}

/// The command line by which the checks start a program, in a sandbox within theirs.
pub(super) fn inner(name: &str, core: usize, as_nobody: bool, groups: Option<&Groups>) -> String {
    let mut words = Vec::new();
    if let Some(groups) = groups {
        let limits = json!(groups.limits_of_a_program(GROUPS)).to_string();
        let members = groups.members().to_owned();
        words.extend([LAUNCHER.to_owned(), "--join".into(), members, limits]);
    }
    // With the capability, the launcher bounds the number of files, before it drops it.
    let arguments = ["--unshare-user", "--cap-add", "CAP_SYS_ADMIN", "--clearenv"];
    words.push(BUBBLEWRAP.to_owned());
    words.extend(arguments.map(str::to_owned));
    // The same devices, which are faster to bind than to make.
    let devices = ["--dev-bind", "/dev", "/dev"].map(str::to_owned);
    words.extend(common(Path::new("/etc"), &devices));
    for (variable, value) in [
        ("PATH", PATH),
        ("RUST_BACKTRACE", "0"),
        // An arena for each thread would reserve more address space than the limit allows.
        ("MALLOC_ARENA_MAX", "2"),
    ] {
        words.extend(["--setenv".into(), variable.into(), value.into()]);
    }
    let (launcher, program) = ("/launcher", format!("/program/{name}"));
    for (from, to) in [
        (LAUNCHER.to_owned(), launcher),
        (format!("{PROGRAMS}/{name}"), &program),
    ] {
        words.extend(["--ro-bind".into(), from, to.into()]);
    }
    words.extend(SEAL.map(str::to_owned));
    words.extend(["--chdir".into(), "/tmp".into(), "--".into()]);
    words.extend([launcher.into(), PROGRAM.for_launcher(core, as_nobody)]);
    words.extend([MARK_WORD.into(), program]);
    shell_words::join(words)
}

pub(super) fn become_nobody(command: &mut Command, as_nobody: bool) {
    if as_nobody {
        command.args([
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--pdeathsig=KILL",
            "--",
        ]);
    }
}
