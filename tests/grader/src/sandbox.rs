//! What stands between a stranger's code and this machine: bubblewrap for what can be seen, the
//! kernel's limits for what can be used.
//!
//! An exercise's checks, as trusted as the grader, get a network of their own, with nothing but a
//! loopback, and a process tree of their own. There they start each program under test in a second
//! sandbox within, which shares that network and nothing else.

mod cgroup;
mod guard;
mod headroom;
mod kit;
mod layers;
mod lookout;
mod running;
mod usage;

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, sched_getaffinity};
use serde_json::json;

use cgroup::Groups;
pub use headroom::exercises_at_once;
pub use kit::Kit;
use layers::{become_nobody, inner, outer, without_local_programs};
use running::BUBBLEWRAP;
pub(crate) use running::{Ended, Prepared};
pub(crate) use usage::Excess;

/// The protection that grading runs under.
#[derive(Clone)]
pub enum Sandbox {
    Bubblewrap {
        /// The grader is root, which no limit on processes binds: what it runs becomes nobody.
        as_nobody: bool,
        kit: Arc<Kit>,
    },
    /// The submission's programs can do whatever the grader's user can.
    None,
}

/// Limits on what a process uses, kept by the kernel. Those on what a program uses together with its
/// children are in [`usage`].
struct Limits {
    /// Processes and threads in the sandbox, bubblewrap's own included.
    processes: u32,
    /// Bytes of address space.
    memory: u64,
    /// Seconds of processor time.
    cpu: u32,
    /// Bytes that a file can grow to.
    file: u64,
}

/// Some 120 clients may have a thread each, with a stack of 2 MiB. A right program needs far less
/// than a second of processor time.
const PROGRAM: Limits = Limits {
    processes: 272,
    memory: 1 << 30,
    cpu: 10,
    file: 16 << 20,
};

const COMPILER: Limits = Limits {
    processes: 256,
    memory: 4 << 30,
    cpu: 30,
    file: 256 << 20,
};

/// Descriptors that a process can have open.
const DESCRIPTORS: u32 = 1024;

/// In steps of `nice`: some nine times the share of the processor.
const PRECEDENCE: i32 = 10;

/// How long a sandbox may take to do nothing.
const PROBE: Duration = Duration::from_secs(120);

/// What fits into a sandbox's /tmp, in bytes.
const SCRATCH: u64 = 64 << 20;

/// What fits into a sandbox's /dev/shm, in bytes.
const SHARED_MEMORY: u64 = 1 << 20;

/// Files and folders that fit into a program's /tmp, and into its /dev/shm.
const FILES: u64 = 10_000;

/// The devices that the checks and the programs under test get.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Once everything is in its place: the root, too, is a file system in memory without a limit.
const SEAL: [&str; 2] = ["--remount-ro", "/"];

/// Where programs are looked for in the sandboxes.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where things lie in the sandboxes.
const GRADE: &str = "/grade";
const CHECKS: &str = "/grade/checks";
const PROGRAMS: &str = "/grade/programs";
const LAUNCHER: &str = "/grade/launcher";
const REPORT: &str = "/grade/report";
const GROUPS: &str = "/grade/groups";
const TOOLCHAIN: &str = "/toolchain";
const LIBRARIES: &str = "/libraries";
const SOURCES: &str = "/sources";
const OUTPUT: &str = "/output";

/// Where a compilation finds its things, and where it leaves what it makes.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) toolchain: &'a Path,
    pub(crate) libraries: &'a Path,
    pub(crate) sources: &'a Path,
    pub(crate) output: &'a Path,
}

impl Places<'static> {
    fn in_sandbox() -> Self {
        Self {
            toolchain: Path::new(TOOLCHAIN),
            libraries: Path::new(LIBRARIES),
            sources: Path::new(SOURCES),
            output: Path::new(OUTPUT),
        }
    }
}

impl Sandbox {
    /// The best protection that this machine offers, found by trying it.
    ///
    /// # Errors
    ///
    /// If there is none; the error says what is missing.
    pub fn best() -> Result<Self> {
        let with = |groups| {
            let sandbox = Self::Bubblewrap {
                as_nobody: rustix::process::geteuid().is_root(),
                kit: Arc::new(Kit::new(groups)?),
            };
            sandbox.probe().map(|()| sandbox)
        };
        match Groups::find() {
            // Where the sandboxes can't use them, they are worth nothing.
            Some(groups) => with(Some(groups)).or_else(|_| with(None)),
            None => with(None),
        }
    }

    /// Gives the grader and the checks, where it may, the processor before the programs that they watch:
    /// two hundred of them must not keep the watch from seeing that they are too many.
    pub(crate) fn take_precedence(&self) -> Result<()> {
        if let Self::Bubblewrap {
            as_nobody: true, ..
        } = self
        {
            setpriority_process(None, -PRECEDENCE).context("cannot take precedence")?;
        }
        Ok(())
    }

    /// A copy of a built executable, which stays as it is whatever is built meanwhile.
    pub(crate) fn keep(&self, executable: &Path) -> Result<PathBuf> {
        match self {
            Self::Bubblewrap { kit, .. } => kit.keep(executable),
            Self::None => Ok(executable.to_owned()),
        }
    }

    /// In a sentence, for the reports.
    pub fn protection(&self) -> String {
        match self {
            Self::None => {
                "No sandbox: the programs could do whatever the grader's user can.".into()
            }
            Self::Bubblewrap { as_nobody, kit } => format!(
                "bubblewrap: a loopback-only network for each exercise, a process tree for each \
                 program, read-only files, a clean environment, {} processes and threads, {} MiB of \
                 memory and {} s of processor time a program, {}{}.",
                usage::TASKS,
                usage::MEMORY >> 20,
                usage::SECONDS,
                match &kit.groups {
                    Some(groups) =>
                        format!("counted by control groups (version {})", groups.version()),
                    None => "watched in /proc".into(),
                },
                if *as_nobody {
                    ", as the user nobody"
                } else {
                    ""
                },
            ),
        }
    }

    /// Starts a program the way a check would.
    fn probe(&self) -> Result<()> {
        let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
        let probe = scratch.path().join("probe");
        kit::copy(Path::new("/usr/bin/true"), &probe, 0o755)?;
        let programs = [Program {
            name: "probe",
            executable: &probe,
        }];
        // Where a submission's programs will be, programs can be run.
        if let Err(error) = Command::new(&probe).status() {
            bail!(
                "no program can be run in {} ({error}), which may be mounted noexec: set TMPDIR to another \
                 folder",
                env::temp_dir().display()
            );
        }
        let log = scratch.path().join("log");
        let checks = self.checks(Path::new("/bin/sh"), &programs, cores()?[0]);
        let mut prepared = checks.run(&scratch.path().join("report"))?;
        let command = prepared
            .command
            .arg("-c")
            .arg(checks.command_line(&programs[0])?);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let running = prepared.start();
        let running = running.context("Debian, Ubuntu: apt install bubblewrap")?;
        let ended = running.wait(PROBE)?;
        ensure!(
            !matches!(ended, Ended::TookTooLong),
            "this machine is so busy that a sandbox took longer than {} s to do nothing: try again",
            PROBE.as_secs()
        );
        ensure!(
            matches!(ended, Ended::Itself(status) if status.success()),
            "bubblewrap does not work on this machine (it must be 0.7 or newer, and user namespaces \
             allowed): {}",
            fs::read_to_string(&log)?.trim()
        );
        Ok(())
    }

    /// The checks in this executable, on these programs. They run on this core: however much of it they
    /// take, the checks and the other submissions have the rest.
    pub(crate) fn checks<'a>(
        &'a self,
        executable: &'a Path,
        programs: &'a [Program<'a>],
        core: usize,
    ) -> Checks<'a> {
        Checks {
            sandbox: self,
            executable,
            programs,
            core,
        }
    }

    /// The command that runs the compiler, to which its arguments are appended, and the places as
    /// it sees them.
    pub(crate) fn compiler<'a>(&self, places: &Places<'a>) -> Result<(Prepared, Places<'a>)> {
        let Self::Bubblewrap { as_nobody, kit } = self else {
            let command = Command::new(places.toolchain.join("bin/rustc"));
            return Ok((Prepared::plain(command), *places));
        };
        let as_nobody = *as_nobody;
        let inside = Places::in_sandbox();
        make_folder_for_all(places.output)?;
        // Sources can include any file that the compiler can read, and some devices have no end.
        let mut prepared = outer(as_nobody, kit, None, &["null"])?;
        let command = &mut prepared.command;
        for (from, to) in [
            (places.toolchain, inside.toolchain),
            (places.libraries, inside.libraries),
            (places.sources, inside.sources),
        ] {
            command.arg("--ro-bind").args([from, to]);
        }
        command.arg("--bind").args([places.output, inside.output]);
        command.args(without_local_programs());
        if as_nobody {
            command.args(["--proc", "/proc"]);
        }
        command.args(SEAL).args(["--chdir", SOURCES, "--"]);
        become_nobody(command, as_nobody);
        if as_nobody {
            // The limit on processes counts those of a user in a user namespace: in this machine's,
            // all submissions' together. This step alone needs /proc.
            command.args([BUBBLEWRAP, "--unshare-user", "--dev-bind", "/", "/"]);
            command.args(["--tmpfs", "/proc", "--remount-ro", "/proc", "--"]);
        }
        command.args(["nice", "-n", &give_way(as_nobody).to_string()]);
        // Without /proc, the dynamic loader does not find what lies beside the compiler.
        let libraries = inside.toolchain.join("lib");
        command.env("LD_LIBRARY_PATH", libraries);
        command.args(COMPILER.prlimit());
        command.arg(inside.toolchain.join("bin/rustc"));
        Ok((prepared, inside))
    }
}

/// An executable of checks, and what it is to judge.
pub(crate) struct Checks<'a> {
    sandbox: &'a Sandbox,
    executable: &'a Path,
    programs: &'a [Program<'a>],
    core: usize,
}

impl Checks<'_> {
    /// The command that runs some of the checks, to which their names are appended, and which appends its
    /// diagnoses to a new file, `report`.
    pub(crate) fn run(&self, report: &Path) -> Result<Prepared> {
        let Sandbox::Bubblewrap { as_nobody, kit } = self.sandbox else {
            return Ok(Prepared::plain(Command::new(self.executable)));
        };
        let cannot_write = || format!("cannot write {}", report.display());
        File::create(report)
            .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o666)))
            .with_context(cannot_write)?;
        let user = as_nobody.then_some(cgroup::NOBODY);
        let groups = kit.groups.as_ref().map(|groups| groups.start_run(user));
        let mut prepared = outer(*as_nobody, kit, groups.transpose()?, &DEVICES)?;
        let Prepared {
            command, groups, ..
        } = &mut prepared;
        command.args(["--proc", "/proc"]);
        if !*as_nobody {
            // Bounds the buffers of the network, and is dropped.
            command.args(["--cap-add", "CAP_NET_ADMIN"]);
        }
        // Made by themselves, they would be root's alone.
        for folder in [GRADE, PROGRAMS, GROUPS] {
            command.args(["--perms", "0755", "--dir", folder]);
        }
        for (of, folder) in groups.iter().flat_map(|groups| groups.folders()) {
            command
                .arg("--bind")
                .arg(folder)
                .arg(Path::new(GROUPS).join(of));
        }
        command
            .arg("--ro-bind")
            .args([self.executable, Path::new(CHECKS)])
            .arg("--ro-bind")
            .args([kit.launcher(), PathBuf::from(LAUNCHER)])
            .arg("--bind")
            .args([report, Path::new(REPORT)]);
        for program in self.programs {
            let inside = Path::new(PROGRAMS).join(program.name);
            command.arg("--ro-bind").args([program.executable, &inside]);
        }
        command.args(SEAL).args(["--chdir", "/tmp", "--"]);
        command.args([LAUNCHER, "--bound-buffers"]);
        become_nobody(command, *as_nobody);
        // Should the memory run short, this goes first.
        command.args(["choom", "-n", "1000", "--", CHECKS]);
        Ok(prepared)
    }

    /// The command line of a program under test, as the checks see it.
    pub(crate) fn command_line(&self, program: &Program<'_>) -> Result<String> {
        match self.sandbox {
            Sandbox::Bubblewrap { as_nobody, kit } => {
                let groups = kit.groups.as_ref();
                Ok(inner(program.name, self.core, *as_nobody, groups))
            }
            Sandbox::None => {
                let path = program.executable.to_str();
                let path = path.context("the path of a program is not UTF-8")?;
                Ok(shell_words::quote(path).into_owned())
            }
        }
    }

    /// The file of the diagnoses, as the checks see it.
    pub(crate) fn report<'a>(&self, report: &'a Path) -> &'a Path {
        match self.sandbox {
            Sandbox::Bubblewrap { .. } => Path::new(REPORT),
            Sandbox::None => report,
        }
    }
}

/// A program under test.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) name: &'a str,
    pub(crate) executable: &'a Path,
}

impl Limits {
    fn prlimit(&self) -> Vec<String> {
        vec![
            "prlimit".into(),
            format!("--nproc={}", self.processes),
            format!("--as={}", self.memory),
            // One that has had its time gets SIGXCPU, and so is told from one that the kernel has killed.
            format!("--cpu={}:{}", self.cpu, self.cpu + 5),
            format!("--fsize={}", self.file),
            format!("--nofile={DESCRIPTORS}"),
            "--core=0".into(),
            "--".into(),
        ]
    }

    /// As the launcher reads them.
    fn for_launcher(&self, core: usize, as_nobody: bool) -> String {
        json!({
            "core": core,
            "give_way": give_way(as_nobody),
            "processes": self.processes,
            "memory": self.memory,
            "cpu": self.cpu,
            "file": self.file,
            "descriptors": DESCRIPTORS,
            "files": FILES,
        })
        .to_string()
    }
}

/// What a stranger has a say in undoes [`Sandbox::take_precedence`].
fn give_way(as_nobody: bool) -> i32 {
    if as_nobody { PRECEDENCE } else { 0 }
}

/// The numbers of the processor's cores that the grader may use.
pub(crate) fn cores() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(None).context("cannot see which cores there are")?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&core| allowed.is_set(core))
        .collect())
}

/// A folder that nobody, too, can write to. Only what is bound into a sandbox can be reached from it.
fn make_folder_for_all(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o777)))
        .with_context(|| format!("cannot make {}", folder.display()))
}

/// The protection for strangers' code: the best there is, or none if that was asked for.
///
/// # Errors
///
/// If there is none, and it was not asked for.
pub fn for_strangers(no_sandbox: bool) -> Result<Sandbox> {
    if no_sandbox {
        return Ok(Sandbox::None);
    }
    match Sandbox::best() {
        Ok(sandbox) => Ok(sandbox),
        Err(error) => bail!(
            "{error:#}; other people's code is not run without a sandbox: set it up, or say \
             --no-sandbox if you would run this code as your own"
        ),
    }
}
