//! The lines that a server prints about its clients.

use std::net::SocketAddr;

/// The log line of a client that is taken up.
pub fn connected(client: SocketAddr) -> String {
    format!("[+] Connected: {client}")
}

/// The log line of a client that is gone.
pub fn disconnected(client: SocketAddr) -> String {
    format!("[-] Disconnected: {client}")
}
