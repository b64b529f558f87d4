//! Ports for played servers: some that listen, some that refuse, one that never accepts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Socket, Type};

/// A port on which nobody listens, and nobody else can as long as this lives.
pub struct ClosedPort(Socket);

impl ClosedPort {
    /// Takes a port of the kernel's choice.
    ///
    /// # Panics
    ///
    /// If the system has none left.
    pub fn take() -> Self {
        Self(bind().expect("a free port on loopback"))
    }

    /// Where nobody listens.
    ///
    /// # Panics
    ///
    /// If the system does not tell.
    pub fn address(&self) -> SocketAddr {
        let address = self.0.local_addr().expect("the address of a socket");
        address.as_socket().expect("an internet address")
    }
}

/// A listener that never accepts and whose queue is full: a connection to it is neither made nor
/// refused.
pub struct DeafHost {
    _listener: TcpListener,
    _queue: Vec<Socket>,
    address: SocketAddr,
}

impl DeafHost {
    /// Fills the queue of a listener.
    ///
    /// # Panics
    ///
    /// If the system has no sockets left.
    #[expect(
        clippy::new_without_default,
        reason = "it takes a port: not a value's default"
    )]
    pub fn new() -> Self {
        let listener = listen(0).expect("a listener on loopback");
        let address = listener.local_addr().expect("the address of a listener");
        // A queue of length 0 holds one or two connections; the others stay half-open.
        let queue = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
                socket
                    .set_nonblocking(true)
                    .expect("a socket that does not block");
                // It can't be told at once whether it will connect.
                let _ = socket.connect(&address.into());
                socket
            })
            .collect();
        Self {
            _listener: listener,
            _queue: queue,
            address,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

pub(super) fn listen(backlog: i32) -> io::Result<TcpListener> {
    let socket = bind()?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

fn bind() -> io::Result<Socket> {
    bind_to((Ipv4Addr::LOCALHOST, 0).into())
}

fn bind_to(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The name's addresses in the order in which the system gives them, each once, without those that this
/// machine does not have.
pub(super) fn addresses_of(name: &str) -> Vec<IpAddr> {
    let found = (name, 0).to_socket_addrs().into_iter().flatten();
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address.ip()) && bind_to(address).is_ok() {
            addresses.push(address.ip());
        }
    }
    addresses
}

/// A port of the kernel's choice at this address, and the same one at the others, where nobody else can
/// listen as long as these sockets live.
pub(super) fn take_port(address: IpAddr, others: &[&IpAddr]) -> io::Result<(Socket, Vec<Socket>)> {
    let socket = bind_to((address, 0).into())?;
    let taken = socket.local_addr()?.as_socket();
    let port = taken.map_or(0, |taken| taken.port());
    let others = others.iter().map(|&&other| bind_to((other, port).into()));
    let others = others.collect::<io::Result<_>>()?;
    Ok((socket, others))
}
