//! A server under load: started on a free port, looked at from outside, killed with all it started.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use std::os::unix::process::CommandExt;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process_group, setrlimit};
use tempfile::TempDir;

const BANNER: &str = "Server listening on ";

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    child: Child,
    guard: Child,
    pub address: SocketAddr,
    /// Its output. A pipe would have to be read, and the reader would take time from the server; to a
    /// file, it can write as much as it likes.
    _output: TempDir,
}

/// What a server uses, as the kernel tells it; of the program itself, not of what it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub threads: u64,
    /// In memory, and reserved.
    pub memory_kib: u64,
    pub reserved_kib: u64,
    /// Of all its threads since it began.
    pub processor: Duration,
}

impl Server {
    /// Starts the command, with an address and these arguments after it, and waits for its banner.
    ///
    /// # Errors
    ///
    /// If it can't be started, ends, or doesn't say that it listens.
    pub fn start(command: &[String], arguments: &[String]) -> Result<Self> {
        let line = shell_words::join(command);
        let output = tempfile::tempdir().context("no folder for the server's output")?;
        let (stdout, stderr) = (output.path().join("stdout"), output.path().join("stderr"));
        let [program, rest @ ..] = command else {
            bail!("a server's command is empty");
        };
        let mut command = Command::new(program);
        command
            .args(rest)
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?);
        #[cfg(unix)]
        command.process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let mut server = Self {
            guard: start_guard(&child)?,
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            _output: output,
        };
        let start = Instant::now();
        loop {
            let printed = fs::read_to_string(&stdout).unwrap_or_default();
            if let Some(address) = printed.lines().find_map(|line| line.strip_prefix(BANNER))
                && printed.contains('\n')
            {
                server.address = address
                    .parse()
                    .with_context(|| format!("`{line}` says that it listens on '{address}'"))?;
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                let said = fs::read_to_string(&stderr).unwrap_or_default();
                let last = said.lines().last().unwrap_or("it said nothing");
                bail!("`{line}` ended before it listened ({status}): {last}");
            }
            if start.elapsed() > START {
                bail!("`{line}` did not print '{BANNER}HOST:PORT' within {START:?}");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it uses now; nothing where the system has no /proc.
    pub fn usage(&self) -> Usage {
        usage(self.child.id()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Kills the server should the measurement end without doing so (killed, or interrupted from the
/// keyboard, which the server's group does not hear of): then the guard's stdin ends.
fn start_guard(server: &Child) -> Result<Child> {
    let mut guard = Command::new("sh");
    guard
        .arg("-c")
        .arg(format!("read -r _; kill -s KILL -- -{}", server.id()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    guard.process_group(0);
    guard.spawn().context("cannot start sh")
}

/// Makes room for this many clients: they are more than the usual limit of descriptors. The servers
/// inherit the limit.
///
/// # Errors
///
/// If the system allows fewer.
pub fn allow_descriptors(clients: usize) -> Result<()> {
    let needed = clients as u64 + 100;
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        needed <= allowed,
        "{clients} clients need about {needed} descriptors, and the limit is {allowed}: raise it \
         (ulimit -Hn), or take fewer"
    );
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of descriptors")
}

/// What the load generator's own process has used of the processor.
pub fn own_processor_time() -> Duration {
    usage(std::process::id()).unwrap_or_default().processor
}

#[cfg(target_os = "linux")]
fn usage(process: u32) -> Option<Usage> {
    let process = procfs::process::Process::new(process.try_into().ok()?).ok()?;
    let status = process.status().ok()?;
    let stat = process.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(Usage {
        threads: status.threads,
        memory_kib: status.vmrss.unwrap_or(0),
        reserved_kib: status.vmsize.unwrap_or(0),
        processor: Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second() as f64),
    })
}

#[cfg(not(target_os = "linux"))]
fn usage(_process: u32) -> Option<Usage> {
    None
}
