//! A program that runs beside the figures, and what it prints.

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a right program may take for a line, at the most, on a machine as busy as it gets.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a free port. It is killed when this is dropped.
pub(crate) struct Started {
    child: Child,
    lines: Receiver<String>,
    pub(crate) port: u16,
}

impl Started {
    pub(crate) fn new(program: &str, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 2>&1", program, "127.0.0.1:0"])
            .args(arguments)
            // As .cargo/config.toml has it for a reader.
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let output = child.stdout.take().context("the program has no output")?;
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut started = Self {
            child,
            lines,
            port: 0,
        };
        let banner = started.line()?;
        let (_, port) = banner.rsplit_once(':').context("the banner has no port")?;
        started.port = port.parse().context("the banner has no port")?;
        Ok(started)
    }

    /// The next line that the program prints.
    pub(crate) fn line(&self) -> Result<String> {
        self.lines
            .recv_timeout(PATIENCE)
            .context("the program printed nothing more")
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Connects a client, says one line, and reads the reply, which may be the end.
    pub(crate) fn ask(&self, message: &str) -> Result<(TcpStream, String)> {
        let client = TcpStream::connect(self.address())?;
        let reply = self.ask_again(&client, message)?;
        Ok((client, reply))
    }

    pub(crate) fn ask_again(&self, mut client: &TcpStream, message: &str) -> Result<String> {
        use std::io::Write as _;
        client.write_all(format!("{message}\n").as_bytes())?;
        let mut reply = String::new();
        BufReader::new(client).read_line(&mut reply)?;
        Ok(reply)
    }

    /// Closes the client's connection and reads on until the program has logged it.
    pub(crate) fn leave(&self, client: &TcpStream) -> Result<String> {
        client.shutdown(Shutdown::Both)?;
        self.line()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The text with this server's port as the port that a reader uses.
    pub(crate) fn on_port_5000(&self, text: &str) -> String {
        text.replace(&self.address(), "127.0.0.1:5000")
            .replace(&format!("127.0.0.1 {}", self.port), "127.0.0.1 5000")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
