//! The start of a server: its banner, or where it listens all the same.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::deadline::{QUIET_WINDOW, start_deadline};
use crate::diagnosis::Symptom;
use crate::log::BANNER;
use crate::process::Process;
use crate::program::Program;
use crate::recording::Seen;
use crate::scene::Scene;

/// Below this, a port is not one that the kernel has chosen (ip(7), ip_local_port_range).
const FIRST_CHOSEN_PORT: u16 = 32_768;

/// A start of a server.
pub(super) struct Attempt {
    pub(super) process: Process,
    pub(super) scene: Arc<Scene>,
    start: Start,
    /// Where it listens, as the system tells, if it does not say so itself.
    found: Option<SocketAddr>,
}

impl Attempt {
    pub(super) fn new(program: Program, arguments: &[&str]) -> Self {
        let scene = Scene::new(program);
        let process = scene.start(arguments, Stdio::null());
        let (start, found) = await_start(&scene);
        Self {
            process,
            scene,
            start,
            found,
        }
    }

    /// Whether another server of the same program may have been in its way: it has ended, or listens on a
    /// port of its own choice.
    pub(super) fn may_have_met_another(&self) -> bool {
        let address = match &self.start {
            Start::Listening(address) => Some(*address),
            Start::Over => return self.scene.recording.look(says_that_address_is_in_use),
            Start::BadBanner(_) | Start::Silent => self.found,
        };
        address.is_some_and(|address| (1..FIRST_CHOSEN_PORT).contains(&address.port()))
    }

    /// Where clients reach it.
    pub(super) fn address(&self) -> SocketAddr {
        let scene = &self.scene;
        self.reachable().unwrap_or_else(|| match &self.start {
            Start::Listening(_) => scene.fail(Symptom::PortZero),
            Start::BadBanner(line) => scene.fail(Symptom::BadBanner { line: line.clone() }),
            Start::Over => scene.fail(Symptom::EndedBeforeBanner),
            Start::Silent => scene.fail(Symptom::NoBanner),
        })
    }

    /// Where clients reach it, if they do.
    pub(super) fn reachable(&self) -> Option<SocketAddr> {
        let mut address = match self.start {
            Start::Listening(address) if address.port() != 0 => address,
            _ => self.found?,
        };
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Some(address)
    }
}

pub(super) enum Start {
    Listening(SocketAddr),
    BadBanner(String),
    Over,
    Silent,
}

/// Waits for the banner, or until the program listens all the same: where it says so wrongly, or not at
/// all, the system tells the address.
fn await_start(scene: &Scene) -> (Start, Option<SocketAddr>) {
    let mut waited = Duration::ZERO;
    let mut seen_before = None;
    loop {
        let start = await_banner(scene, QUIET_WINDOW);
        waited += QUIET_WINDOW;
        let found = match start {
            Start::Over => None,
            Start::Listening(address) if address.port() != 0 => None,
            _ => scene.listeners().first().copied(),
        };
        // One that is still at work, or listens elsewhere by now, may have its banner to come.
        let is_at_rest = || !scene.processor().can_run();
        let is_settled = found.is_some() && found == seen_before && is_at_rest();
        seen_before = found;
        let is_clear = !matches!(start, Start::Silent) || is_settled;
        let is_hopeless = scene.is_unfinished() || scene.floods();
        if is_clear || is_hopeless || waited >= start_deadline() {
            return (start, found);
        }
    }
}

pub(super) fn await_banner(scene: &Scene, limit: Duration) -> Start {
    let start = scene.wait_for(limit, |seen| {
        let banner = seen.program.banner.as_ref().map(|line| {
            let address = line.strip_prefix(BANNER).unwrap_or_default();
            let address = address.trim_end().parse();
            address.map_or_else(|_| Start::BadBanner(line.clone()), Start::Listening)
        });
        // One that floods before its banner has none.
        banner
            .or_else(|| seen.program.is_over().then_some(Start::Over))
            .or_else(|| seen.program.floods.then_some(Start::Silent))
    });
    scene.expect_launched();
    start.unwrap_or(Start::Silent)
}

/// Whether the program has said, in whatever language, that it can't have its address.
fn says_that_address_is_in_use(seen: &Seen) -> bool {
    let said = seen.program.stderr.iter().chain(&seen.program.stdout);
    let mut said = said.map(|line| line.text().to_lowercase());
    said.any(|line| line.contains("in use") || line.contains("eaddrinuse"))
}
