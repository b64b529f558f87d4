//! What is typed by hand, and what comes back.

use std::env;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Programs;
use crate::started::Started;

pub(crate) fn nc(programs: &Programs) -> Result<String> {
    need("nc", "netcat-openbsd")?;
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let port = server.port.to_string();
    let session = typed(
        Command::new("nc").args(["127.0.0.1", &port]),
        &["hello", "", "how are you?"],
    )?;
    Ok(format!("$ nc 127.0.0.1 5000\n{session}"))
}

/// The same server, spoken to with what else is at hand.
pub(crate) fn telnet(programs: &Programs) -> Result<String> {
    need("telnet", "telnet")?;
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let command = format!("(echo hello; sleep 1) | telnet 127.0.0.1 {}", server.port);
    let output = Command::new("sh").args(["-c", &command]).output()?;
    let output = String::from_utf8(output.stdout)?;
    let reply = output
        .lines()
        .find(|line| line.contains("Server got"))
        .with_context(|| format!("telnet prints no reply, but {output}"))?;
    let said = output.lines().take_while(|line| *line != reply);
    let said: String = said.map(|line| format!("{line}\n")).collect();
    // At a keyboard, the terminal shows what is typed.
    Ok(format!("$ telnet 127.0.0.1 5000\n{said}hello\n{reply}\n"))
}

pub(crate) fn bash(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let lines = [
        format!("exec 3<>/dev/tcp/127.0.0.1/{}", server.port),
        "echo hello >&3".to_owned(),
        "read -r reply <&3".to_owned(),
        "echo \"$reply\"".to_owned(),
    ];
    let output = Command::new("bash")
        .args(["-c", &lines.join("\n")])
        .output()?;
    let typed = lines.iter().map(|line| format!("$ {line}\n"));
    let text = typed
        .collect::<String>()
        .replace(&server.port.to_string(), "5000");
    Ok(text + &String::from_utf8(output.stdout)?)
}

pub(crate) fn python(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let typed = [
        "import socket".to_owned(),
        format!(
            "server = socket.create_connection((\"127.0.0.1\", {}))",
            server.port
        ),
        "server.sendall(b\"hello\\n\")".to_owned(),
        "server.makefile().readline()".to_owned(),
    ];
    // What is typed into an interpreter is printed if it has a value.
    let typed_in = typed.join("\n").replace(
        "server.makefile().readline()",
        "print(repr(server.makefile().readline()))",
    );
    let output = Command::new("python3").args(["-c", &typed_in]).output()?;
    let prompt = typed.iter().map(|line| format!(">>> {line}\n"));
    let text = prompt
        .collect::<String>()
        .replace(&server.port.to_string(), "5000");
    Ok(format!(
        "$ python3\n{text}{}",
        String::from_utf8(output.stdout)?
    ))
}

pub(crate) fn log(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let mut text = "$ cargo run -p ex01\nServer listening on 127.0.0.1:5000\n".to_owned();
    for _ in 0..2 {
        let (client, _) = server.ask("hello")?;
        writeln!(text, "{}", server.line()?)?;
        writeln!(text, "{}", server.leave(&client)?)?;
    }
    Ok(text)
}

pub(crate) fn pieces(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex01-solution"), &[])?;
    let mut text = String::new();
    for send in [
        "(printf 'Hel'; sleep 1; printf 'lo\\n')",
        "printf 'one\\ntwo\\n'",
    ] {
        let command = format!("{send} | nc -N 127.0.0.1 {}", server.port);
        let output = Command::new("sh").args(["-c", &command]).output()?;
        let output = String::from_utf8(output.stdout)?;
        write!(text, "$ {}\n{output}", server.on_port_5000(&command))?;
    }
    Ok(text)
}

pub(crate) fn manual_client(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex02-solution"), &[])?;
    let mut client = Command::new(programs.path("ex03-solution-client"));
    let session = typed(
        client.arg(server.address()),
        &["good morning", "and good night"],
    )?;
    Ok(format!(
        "$ cargo run -q -p ex03 --bin ex03-client\nConnected to 127.0.0.1:5000: type a line, end with \
         Ctrl-D\n{session}"
    ))
}

pub(crate) fn panicking_job(programs: &Programs) -> Result<String> {
    let server = Started::new(&programs.path("ex04-solution"), &["2"])?;
    let mut text =
        "$ cargo run -q -p ex04 -- 127.0.0.1:5000 2\nServer listening on 127.0.0.1:5000\n"
            .to_owned();
    let (served, _) = server.ask("I stay")?;
    writeln!(text, "{}", server.line()?)?;
    server.ask("panic")?;
    // Connected, the panic's place and message, and how to get a backtrace.
    loop {
        let line = server.line()?;
        writeln!(text, "{line}")?;
        if line.starts_with("note: ") {
            break;
        }
    }
    server.ask_again(&served, "still here")?;
    let (next, _) = server.ask("a worker for me?")?;
    writeln!(text, "{}", server.line()?)?;
    writeln!(text, "{}", server.leave(&next)?)?;
    writeln!(text, "{}", server.leave(&served)?)?;
    // The programs that students run are called otherwise.
    Ok(text.replace("solutions/", "exercises/"))
}

/// What stands on the screen when these lines are typed, each after the reply to the one before.
fn typed(command: &mut Command, lines: &[&str]) -> Result<String> {
    let mut program = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut keyboard = program.stdin.take().context("the program has no input")?;
    let screen = program.stdout.take().context("the program has no output")?;
    let mut screen = BufReader::new(screen);
    let mut text = String::new();
    for line in lines {
        writeln!(keyboard, "{line}")?;
        writeln!(text, "{line}")?;
        screen.read_line(&mut text)?;
    }
    drop(keyboard);
    // nc waits for the server to close, too.
    program.kill()?;
    program.wait()?;
    Ok(text)
}

/// Names the package of a command that is missing.
fn need(command: &str, package: &str) -> Result<()> {
    let found = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(command).is_file());
    ensure!(
        found,
        "this machine has no {command}: `make setup` installs the package {package}"
    );
    Ok(())
}
