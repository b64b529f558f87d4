//! What a server's log must say.

use std::net::SocketAddr;

use super::Server;
use crate::deadline::deadline;
use crate::diagnosis::Symptom;
use crate::log::{connected, disconnected};
use crate::recording::{Line, Seen};

impl Server {
    /// Expects that the log says of a client that has left: it came, and then it went. Whether the log
    /// says more after that, [`Self::expect_log_of`] can tell later.
    pub fn expect_gone(&self, client: SocketAddr) {
        let entries = [connected(client), disconnected(client)];
        entries.iter().for_each(|entry| self.expect_entry(entry));
        let mut log = self.log();
        log.retain(|entry| entries.contains(entry));
        if let Some(departure) = log.iter().position(|entry| *entry == entries[1]) {
            log.truncate(departure + 1);
        }
        self.compare_log(&entries, log);
    }

    /// Expects that these entries, each a line of its own, in this order, are all that the program prints
    /// of the client.
    pub fn expect_log_of(&self, client: SocketAddr, entries: &[String]) {
        entries.iter().for_each(|entry| self.expect_entry(entry));
        let name = format!(": {client}");
        let lines = self.scene.recording.look(|seen| {
            let lines = seen.program.stdout.iter().map(Line::text);
            let lines = lines.map(|line| line.trim_end().to_owned());
            lines.filter(|line| line.ends_with(&name)).collect()
        });
        self.compare_log(entries, lines);
    }

    /// Expects that the log has those of these entries that it has in this order; others may stand between
    /// them.
    pub fn expect_order_in_log(&self, entries: &[String]) {
        let mut log = self.log();
        log.retain(|entry| entries.contains(entry));
        let mut expected = entries.to_vec();
        expected.retain(|entry| log.contains(entry));
        self.compare_log(&expected, log);
    }

    fn compare_log(&self, expected: &[String], log: Vec<String>) {
        if log != expected {
            self.scene.fail(Symptom::OtherLog {
                expected: expected.to_vec(),
                log,
            });
        }
    }

    /// Expects an entry in the server's log.
    pub fn expect_entry(&self, entry: &str) {
        let found = self.scene.wait_for(deadline(), |seen| {
            let over = || seen.program.is_over().then_some(false);
            seen.program.logs(entry).then_some(true).or_else(over)
        });
        if found != Some(true) {
            self.scene.fail(Symptom::NoLogLine {
                line: entry.to_owned(),
            });
        }
    }

    fn log(&self) -> Vec<String> {
        let texts = |seen: &Seen| {
            seen.program
                .log
                .iter()
                .map(|entry| entry.text.clone())
                .collect()
        };
        self.scene.recording.look(texts)
    }
}
