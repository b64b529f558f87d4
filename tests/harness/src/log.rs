//! What a server prints: its banner, and who came and who went.

use std::net::SocketAddr;

use crate::recording::Moment;

/// How the banner begins; the listener's address follows.
pub(crate) const BANNER: &str = "Server listening on ";

/// How the entries of the log begin; the client's address follows.
const MARKS: [&str; 2] = ["[+] Connected: ", "[-] Disconnected: "];

/// An entry of a server's log, and when the end of its line was seen.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) at: Moment,
}

/// The log line of a client that is taken up.
pub fn connected(client: SocketAddr) -> String {
    format!("[+] Connected: {client}")
}

/// The log line of a client that is gone.
pub fn disconnected(client: SocketAddr) -> String {
    format!("[-] Disconnected: {client}")
}

/// The entries in a line of output. Nearly always there is one, or none; but where several threads print,
/// and each writes the text and the newline apart (as Python's `print` does), one thread's text can come
/// between the two, and then a line holds several entries.
pub(crate) fn entries(line: &str) -> impl Iterator<Item = &str> {
    let starts = MARKS.iter().flat_map(|mark| line.match_indices(mark));
    let mut starts: Vec<_> = starts.map(|(at, _)| at).collect();
    starts.sort_unstable();
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([line.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| line[start..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn a_line_can_hold_several_entries() {
        let all = |line| entries(line).collect::<Vec<_>>();
        assert_eq!(
            all("[+] Connected: 127.0.0.1:1\r"),
            ["[+] Connected: 127.0.0.1:1"]
        );
        assert_eq!(
            all("[+] Connected: [::1]:1[-] Disconnected: [::1]:2"),
            ["[+] Connected: [::1]:1", "[-] Disconnected: [::1]:2"]
        );
        assert!(all("debug: read 1 byte").is_empty());
    }
}
