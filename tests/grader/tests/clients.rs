//! The servers and what people have at hand to talk to them: nc, telnet, bash, Python. A client that this
//! machine does not have is skipped.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use grader::cargo::{Executable, build_with_checks};

/// Each sends what is typed and prints what comes back; `PORT` is the server's.
const CLIENTS: [&[&str]; 4] = [
    &["nc", "127.0.0.1", "PORT"],
    &["telnet", "127.0.0.1", "PORT"],
    &[
        "bash",
        "-c",
        "exec 3<>/dev/tcp/127.0.0.1/PORT\n\
         while read -r line; do echo \"$line\" >&3; read -r reply <&3; echo \"$reply\"; done",
    ],
    &[
        "python3",
        "-c",
        "import socket\n\
         server = socket.create_connection(('127.0.0.1', PORT))\n\
         replies = server.makefile()\n\
         while True:\n\
         \x20   server.sendall(input().encode() + b'\\n')\n\
         \x20   print(replies.readline(), end='', flush=True)",
    ],
];

const SERVERS: [&str; 3] = ["ex01-solution", "ex02-solution", "ex04-solution"];

#[test]
fn the_clients_that_people_have_are_answered() {
    let mut tried = 0;
    for client in CLIENTS {
        if !is_installed(client[0]) {
            eprintln!("skipped: this machine has no {}", client[0]);
            continue;
        }
        tried += 1;
        for name in SERVERS {
            let server = Server::start(name);
            let mut client = Session::start(client, &server.port);
            for message in ["hello", "", "how are you?"] {
                let reply = client.ask(message);
                let expected = format!("Server got '{message}'");
                let (time, text) = reply
                    .split_once("] ")
                    .unwrap_or_else(|| panic!("{reply:?}"));
                assert!(time.starts_with('['), "{name}: {reply}");
                assert_eq!(text, expected, "{name}");
            }
        }
    }
    assert!(tried > 0, "this machine has none of the clients");
}

/// nc with -N half-closes at the end of its input, and prints what still comes.
#[test]
fn what_is_piped_into_nc_is_answered_to_the_end() {
    if !is_installed("nc") {
        return eprintln!("skipped: this machine has no nc");
    }
    for name in SERVERS {
        let server = Server::start(name);
        let command = format!("printf 'one\\ntwo' | nc -N 127.0.0.1 {}", server.port);
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let replies: Vec<_> = text
            .lines()
            .map(|line| line.split("] ").last().unwrap())
            .collect();
        assert_eq!(replies, ["Server got 'one'", "Server got 'two'"], "{name}");
    }
}

fn is_installed(program: &str) -> bool {
    let look = format!("command -v {program}");
    let found = Command::new("sh").args(["-c", &look]).output().unwrap();
    found.status.success()
}

/// A reference server on a free port, killed when dropped.
struct Server {
    program: Child,
    port: String,
}

impl Server {
    fn start(name: &str) -> Self {
        let Ok(built) = build_with_checks(name).unwrap() else {
            panic!("{name} does not compile");
        };
        let [Executable { path, .. }] = built.programs.as_slice() else {
            panic!("{name} is not one program");
        };
        let mut program = Command::new(path)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        output.read_line(&mut banner).unwrap();
        // Drained until it ends: a server whose log nobody reads would stand still.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let port = banner.trim().rsplit_once(':').unwrap().1.to_owned();
        Self { program, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A client at which somebody types, killed when dropped.
struct Session {
    program: Child,
    screen: BufReader<std::process::ChildStdout>,
}

impl Session {
    fn start(client: &[&str], port: &str) -> Self {
        let words: Vec<_> = client
            .iter()
            .map(|word| word.replace("PORT", port))
            .collect();
        let mut program = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let screen = BufReader::new(program.stdout.take().unwrap());
        Self { program, screen }
    }

    /// Types a line, and reads on to the reply: telnet says a word of its own first.
    fn ask(&mut self, message: &str) -> String {
        let keyboard = self.program.stdin.as_mut().unwrap();
        keyboard
            .write_all(format!("{message}\n").as_bytes())
            .unwrap();
        loop {
            let mut line = String::new();
            let length = self.screen.read_line(&mut line).unwrap();
            assert!(length > 0, "no reply to {message:?}");
            if line.contains("Server got") {
                return line.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
