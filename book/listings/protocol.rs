//! Talking over a connection: connecting, writing a line, reading one, saying that there is no more.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use chrono::Local;

// ANCHOR: one-client
/// Tells one client the time, in a line, and closes the connection.
pub fn tell_the_time(listener: &TcpListener) -> io::Result<()> {
    let (mut client, address) = listener.accept()?;
    println!("{address} wants to know the time");
    client.write_all(format!("{}\n", Local::now()).as_bytes())
    // `client` is dropped here, and that closes the connection.
}
// ANCHOR_END: one-client

// ANCHOR: client
/// Sends a line and returns the reply's line.
pub fn ask(address: &str, message: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(format!("{message}\n").as_bytes())?;
    let mut reply = String::new();
    BufReader::new(connection).read_line(&mut reply)?;
    Ok(reply)
}
// ANCHOR_END: client

// ANCHOR: half-close
/// Sends all lines, says that there are no more, and returns all replies.
pub fn ask_all(address: &str, lines: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(lines.as_bytes())?;
    connection.shutdown(Shutdown::Write)?;
    let mut replies = String::new();
    connection.read_to_string(&mut replies)?;
    Ok(replies)
}
// ANCHOR_END: half-close

// ANCHOR: one-read
/// What has arrived: a part of a line, or a line, or several.
pub fn read_once(mut connection: &TcpStream) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 1024];
    let length = connection.read(&mut buffer)?;
    Ok(buffer[..length].to_vec())
}
// ANCHOR_END: one-read

// ANCHOR: read-line
/// One line, whatever pieces it comes in; `None` at the end of the stream.
pub fn read_line(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let length = reader.read_until(b'\n', &mut line)?;
    Ok((length > 0).then_some(line))
}
// ANCHOR_END: read-line
