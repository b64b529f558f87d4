//! A thread for each client, and a barrier at which all wait until the last is connected. Failures come
//! back through a channel.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::exit;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime};

const PATIENCE: Duration = Duration::from_millis(2500);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let address = arguments.first().map_or("127.0.0.1:5000", String::as_str);
    let Ok(address) = address.parse::<SocketAddr>() else {
        eprintln!("not an address: {address}");
        exit(2)
    };
    let clients = arguments.get(1).map_or("20", String::as_str);
    let Ok(clients) = clients.parse::<usize>() else {
        eprintln!("not a number of clients: {clients}");
        exit(2)
    };
    let start = Instant::now();
    let (sender, results) = channel();
    let barrier = Arc::new(Barrier::new(clients));
    for number in 0..clients {
        let (sender, barrier) = (sender.clone(), Arc::clone(&barrier));
        thread::spawn(move || {
            let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2));
            barrier.wait();
            let result = stream.map_err(|error| error.to_string());
            let result = result.and_then(|stream| talk(stream, number));
            let _ = sender.send((number, result));
        });
    }
    drop(sender);
    let mut answered = 0;
    for (number, result) in results {
        match result {
            Ok(reply) => {
                println!("client {number}: {reply}");
                answered += 1;
            }
            Err(reason) => eprintln!("client {number} failed: {reason}"),
        }
    }
    let time = start.elapsed().as_secs_f64() * 1000.0;
    println!("{answered}/{clients} clients got a reply in {time:.2} ms");
    exit(i32::from(answered != clients));
}

fn talk(mut stream: TcpStream, number: usize) -> Result<String, String> {
    let hello = format!("Hello from client {number}");
    writeln!(stream, "{hello}").map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    let mut line = Vec::new();
    let mut reader = BufReader::new(&stream);
    while line.last() != Some(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || line.len() > 10_000 {
            return Err("no end of line".into());
        }
        stream
            .set_read_timeout(Some(left))
            .map_err(|error| error.to_string())?;
        match reader.by_ref().take(1).read_until(b'\n', &mut line) {
            Ok(0) => return Err("closed".into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err("silent".into()),
            Err(error) => return Err(error.to_string()),
        }
    }
    let line = String::from_utf8(line).map_err(|error| error.to_string())?;
    let reply = line.trim_end();
    let rest = reply
        .strip_suffix(&format!("] Server got '{hello}'"))
        .ok_or("not my reply")?;
    let time = rest.strip_prefix('[').ok_or("no timestamp")?;
    let plain = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f").is_ok();
    let with_offset = DateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f%#z").is_ok();
    match plain || with_offset {
        true => Ok(reply.to_owned()),
        false => Err(format!("no such time: {time}")),
    }
}
