//! One TCP connection of the played side. What arrives is read at once by a thread of its own, and
//! recorded.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use crate::deadline::deadline;
use crate::observe;
use crate::patience::Patience;
use crate::recording::{End, Event, Leave};
use crate::scene::Scene;

/// How much is read of what a program sends, on all its connections together; then it is left unread.
const MAX_RECEIVED: usize = 16 << 20;

/// By how many bytes the record of a line is longer than the line.
const LINE: usize = 128;

pub(crate) struct Connection {
    scene: Arc<Scene>,
    id: usize,
    local: SocketAddr,
    peer: SocketAddr,
    /// `None` once it is closed.
    stream: Option<Arc<TcpStream>>,
    reader: Option<JoinHandle<()>>,
    /// Set before the played side closes, so that the reader does not take its own side's end
    /// for the other's.
    closing: Arc<AtomicBool>,
}

impl Connection {
    /// Takes over a stream that was connected to `peer`, which may have reset it since: then the system
    /// does not know it any more. With `reading`, whatever arrives is read at once.
    pub(crate) fn new(
        scene: &Arc<Scene>,
        id: usize,
        stream: TcpStream,
        peer: SocketAddr,
        reading: bool,
    ) -> io::Result<Self> {
        // Each write leaves at once: fragments are part of the checks.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(deadline()))?;
        let local = stream.local_addr()?;
        let stream = Arc::new(stream);
        let closing = Arc::new(AtomicBool::new(false));
        scene.recording.record(Event::Connected(id, local));
        let reader = if reading {
            let (scene, stream, closing) =
                (Arc::clone(scene), Arc::clone(&stream), Arc::clone(&closing));
            Some(thread::Builder::new().spawn(move || read_all(&scene, id, &stream, &closing))?)
        } else {
            None
        };
        Ok(Self {
            scene: Arc::clone(scene),
            id,
            local,
            peer,
            stream: Some(stream),
            reader,
            closing,
        })
    }

    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// The played side's address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The program's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends the bytes in one write. That the other side is gone, or does not read, is seen when its
    /// answer is awaited.
    pub(crate) fn send(&self, bytes: &[u8]) {
        if let Some(stream) = &self.stream {
            self.scene.recording.record(Event::Sending(self.id, bytes));
            let _ = stream.as_ref().write_all(bytes);
        }
    }

    /// Sends as much of the bytes as the other side's buffers take, and returns how much: it stops
    /// when nothing more has been taken for `window`, in which the program could have run.
    pub(crate) fn send_until_full(&self, bytes: &[u8], window: Duration) -> io::Result<usize> {
        let Some(stream) = &self.stream else {
            return Ok(0);
        };
        let first = bytes
            .split_inclusive(|&byte| byte == b'\n')
            .next()
            .unwrap_or_default();
        self.scene.recording.record(Event::Sending(self.id, first));
        let mut sent = 0;
        let mut patience = Patience::new(&self.scene, window);
        while sent < bytes.len() {
            let Some(left) = patience.left() else {
                break;
            };
            stream.set_write_timeout(Some(left))?;
            match stream.as_ref().write(&bytes[sent..]) {
                Ok(count) => {
                    sent += count;
                    patience = Patience::new(&self.scene, window);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted || is_timeout(&error) => {}
                Err(error) if is_gone(&error) => break,
                Err(error) => return Err(error),
            }
        }
        stream.set_write_timeout(Some(deadline()))?;
        Ok(sent)
    }

    /// Ends this direction; the other stays open.
    pub(crate) fn half_close(&self) {
        if let Some(stream) = &self.stream {
            self.scene.recording.record(Event::HalfClosing(self.id));
            // An error means that the other side has gone: seen when its answer is awaited.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Closes both directions.
    pub(crate) fn close(&mut self) {
        self.leave(Leave::Closed);
    }

    /// Resets the connection: the other side gets an error instead of an end, and has it when this
    /// returns. The kernel of a busy machine takes its time, and where another program is started at this
    /// moment, its process has a copy of the connection until it becomes that program.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = &self.stream {
            // A linger time of 0 turns the close into a reset (tcp(7), socket(7)).
            let _ = SockRef::from(stream.as_ref()).set_linger(Some(Duration::ZERO));
        }
        self.leave(Leave::Reset);
        let arrived = || (!observe::has_end(self.local, self.peer)).then_some(());
        self.scene.poll_for(deadline(), arrived);
    }

    fn leave(&mut self, leave: Leave) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        self.scene.recording.record(Event::Leaving(self.id, leave));
        self.closing.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            // Wakes the reader and sends nothing; the connection ends when its last owner, here,
            // drops it.
            let _ = stream.shutdown(Shutdown::Read);
            let _ = reader.join();
        }
        drop(stream);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

fn read_all(scene: &Scene, id: usize, mut stream: &TcpStream, closing: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    while scene.received.load(Ordering::Relaxed) < MAX_RECEIVED {
        let event = match stream.read(&mut buffer) {
            Ok(0) => Event::Ended(id, End::Eof),
            Ok(count) => {
                let bytes = &buffer[..count];
                let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
                scene
                    .received
                    .fetch_add(count + lines * LINE, Ordering::Relaxed);
                Event::Received(id, bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => Event::Ended(id, End::Reset),
        };
        let over = matches!(event, Event::Ended(..));
        if over && closing.load(Ordering::SeqCst) {
            return;
        }
        scene.recording.record(event);
        if over {
            return;
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}

/// What a time-out is called differs from system to system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
