//! A start that a server refuses.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use super::Server;
use super::start::{Start, await_banner};
use crate::deadline::start_deadline;
use crate::diagnosis::Symptom;
use crate::program::Program;
use crate::recording::Line;
use crate::scene::Scene;

/// A start of the program that it should, or may, refuse.
pub struct Refusal {
    scene: Arc<Scene>,
    arguments: String,
    /// Where the program listens all the same, if it does.
    listening: Option<SocketAddr>,
}

impl Refusal {
    /// Starts the program with arguments that it must refuse: one line on stderr that contains
    /// `naming`, nothing listening, an exit status that is not 0. A program that refuses everything
    /// is not right either, so with a good address it must listen.
    pub fn expect(program: Program, arguments: &[&str], naming: &str) {
        Server::start(program.clone()).expect_serving();
        let refusal = Self::attempt(program, arguments, naming);
        if let Some(address) = refusal.listening {
            refusal.scene.fail(Symptom::NotRefused {
                arguments: refusal.arguments,
                address: Some(address),
            });
        }
    }

    /// Starts the program with arguments that it may refuse. If it does, then in the right way.
    pub fn attempt(program: Program, arguments: &[&str], naming: &str) -> Self {
        let scene = Scene::new(program);
        let _process = scene.start(arguments, Stdio::null());
        let arguments = arguments.join(" ");
        let listening = match await_banner(&scene, start_deadline()) {
            Start::Listening(address) => Some(address),
            Start::BadBanner(line) => scene.fail(Symptom::BadBanner { line }),
            Start::Silent => scene.fail(Symptom::NoBanner),
            Start::Over => None,
        };
        let is_clear = scene.recording.look(|seen| {
            let lines = seen.program.stderr.iter().map(Line::text);
            let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
            let success = seen
                .program
                .exit
                .is_some_and(|(status, _)| status.success());
            !success && lines.len() == 1 && names(&lines[0], naming)
        });
        if listening.is_none() && !is_clear {
            scene.fail(Symptom::UnclearRefusal {
                arguments,
                naming: naming.to_owned(),
            });
        }
        Self {
            scene,
            arguments,
            listening,
        }
    }

    /// Expects that the program, if it was not refused, listens on this address.
    ///
    /// # Panics
    ///
    /// If `expected` is no address.
    pub fn expect_nowhere_but(&self, expected: &str) {
        let asked = expected.parse().expect("an address");
        if let Some(address) = self.listening.filter(|&address| address != asked) {
            self.scene.fail(Symptom::OtherAddress { asked, address });
        }
    }
}

/// Whether a refusal names the address: as it stands, host and port apart, or of a port that is none, the
/// port alone.
fn names(line: &str, address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return line.contains(address);
    };
    let mut numbers = line.split(|c: char| !c.is_ascii_digit());
    let has_port = numbers.any(|number| number == port);
    let is_no_port = port.parse::<u16>().is_err();
    line.contains(address) || has_port && (is_no_port || line.contains(host))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_refusal_can_name_the_address_in_any_form() {
        for (line, address) in [
            ("cannot listen on nonsense: invalid", "nonsense"),
            ("listen tcp: address 99999: invalid port", "127.0.0.1:99999"),
            ("('127.0.0.1', 4711): in use", "127.0.0.1:4711"),
            ("listen tcp 192.0.2.1:0: bind: cannot assign", "192.0.2.1:0"),
        ] {
            assert!(names(line, address), "{line}");
        }
        for (line, address) in [
            ("Address already in use (os error 98)", "127.0.0.1:4711"),
            ("port 47110 on 127.0.0.1 is in use", "127.0.0.1:4711"),
            ("invalid port", "127.0.0.1:99999"),
        ] {
            assert!(!names(line, address), "{line}");
        }
    }
}
