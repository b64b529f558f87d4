//! The kernel's TCP sockets of this network namespace, looked up one by one.
//!
//! The kernel is asked with netlink (see sock_diag(7)), which costs microseconds. Where it refuses
//! (gVisor does), `/proc/net/tcp` is read, which costs milliseconds: the kernel walks its whole
//! table to write it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use procfs::net::{TcpNetEntry, TcpState};
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// The file that the socket belongs to; 0 if it belongs to none.
    pub(super) inode: u64,
    /// Bytes that have arrived and that the owner has not read.
    pub(super) receive_queue: u32,
    /// Bytes that were written and that the other side's kernel has not acknowledged.
    pub(super) send_queue: u32,
}

impl Socket {
    /// A connection that no process has accepted belongs to no file yet.
    pub(super) fn is_owned(&self) -> bool {
        self.inode != 0
    }
}

/// The end `local` of a connection to `remote`, if there is one.
pub(super) fn connection(local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
    find(local, Some(remote))
}

/// The inode of the socket that listens at `local`, if there is one.
pub(super) fn listener(local: SocketAddr) -> Option<u64> {
    find(local, None).map(|socket| socket.inode)
}

/// All addresses on which somebody listens, with the sockets' inodes.
pub(super) fn listeners() -> impl Iterator<Item = (SocketAddr, u64)> {
    let tables = [procfs::net::tcp, procfs::net::tcp6];
    let entries = tables
        .into_iter()
        .flat_map(|table| table().unwrap_or_default());
    entries
        .filter(|entry| entry.state == TcpState::Listen)
        .map(|entry| (entry.local_address, entry.inode))
}

fn find(local: SocketAddr, remote: Option<SocketAddr>) -> Option<Socket> {
    ask(local, remote).unwrap_or_else(|_| in_tables(local, remote))
}

/// A request to look one socket up: `struct nlmsghdr`, then `struct inet_diag_req_v2`
/// (linux/netlink.h, linux/inet_diag.h).
fn request(local: SocketAddr, remote: Option<SocketAddr>) -> [u8; REQUEST] {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const TCP: u8 = 6;
    const ANY_STATE: u32 = u32::MAX;
    const NO_COOKIE: [u8; 8] = [u8::MAX; 8];
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let length = u32::try_from(REQUEST).unwrap_or_default();
    let remote = remote.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
    let mut request = [0; REQUEST];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        request[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&length.to_ne_bytes());
    put(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(&NLM_F_REQUEST.to_ne_bytes());
    put(&[0; 8]); // number of the request and of who asks: one request, one answer
    put(&[family.as_raw() as u8, TCP, 0, 0]);
    put(&ANY_STATE.to_ne_bytes());
    put(&local.port().to_be_bytes());
    put(&remote.port().to_be_bytes());
    put(&address(local));
    put(&address(remote));
    put(&[0; 4]); // any interface
    put(&NO_COOKIE);
    request
}

const REQUEST: usize = 16 + 56;

fn address(of: SocketAddr) -> [u8; 16] {
    let mut address = [0; 16];
    match of.ip() {
        IpAddr::V4(ip) => address[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => address = ip.octets(),
    }
    address
}

/// Asks the kernel. An error means that it does not answer such questions.
fn ask(local: SocketAddr, remote: Option<SocketAddr>) -> Result<Option<Socket>, Errno> {
    let kernel = SocketAddrNetlink::new(0, 0);
    let netlink = socket(AddressFamily::NETLINK, SocketType::DGRAM, Some(SOCK_DIAG))?;
    sendto(
        &netlink,
        &request(local, remote),
        SendFlags::empty(),
        &kernel,
    )?;
    let mut answer = [0; 1024];
    let (length, _) = recv(&netlink, &mut answer, RecvFlags::empty())?;
    read_answer(&answer[..length], remote)
}

/// Reads a `struct nlmsghdr` with the `struct inet_diag_msg` or the error that follows it.
fn read_answer(answer: &[u8], remote: Option<SocketAddr>) -> Result<Option<Socket>, Errno> {
    const NLMSG_ERROR: u16 = 2;
    const LISTEN: u8 = 10;
    let word = |at: usize| {
        let bytes = answer.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(bytes))
    };
    let kind = answer
        .get(4..6)
        .map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
    if kind == Some(NLMSG_ERROR) {
        let error = word(16).map_or(0, |error| error.cast_signed());
        return match Errno::from_raw_os_error(-error) {
            Errno::NOENT => Ok(None),
            errno => Err(errno),
        };
    }
    let found = || {
        let socket = Socket {
            receive_queue: word(72)?,
            send_queue: word(76)?,
            inode: word(84)?.into(),
        };
        // Where there is no such connection, the listener is found in its place.
        let is_listener = *answer.get(17)? == LISTEN;
        Some(Some(socket).filter(|_| is_listener == remote.is_none()))
    };
    found().ok_or(Errno::BADMSG)
}

/// Looks into `/proc/net/tcp`, and into `/proc/net/tcp6` if it isn't there: a listener for both
/// families gets its IPv4 clients there, as ::ffff:127.0.0.1.
fn in_tables(local: SocketAddr, remote: Option<SocketAddr>) -> Option<Socket> {
    let is_wanted = |entry: &TcpNetEntry| match remote {
        Some(remote) => {
            canonical(entry.local_address) == local && canonical(entry.remote_address) == remote
        }
        None => entry.state == TcpState::Listen && canonical(entry.local_address) == local,
    };
    let tables = [procfs::net::tcp, procfs::net::tcp6];
    let entry = tables
        .iter()
        .find_map(|table| table().unwrap_or_default().into_iter().find(is_wanted))?;
    Some(Socket {
        inode: entry.inode,
        receive_queue: entry.rx_queue,
        send_queue: entry.tx_queue,
    })
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Both ways to look find the same: what waits to be accepted, what waits to be read.
    fn both(local: SocketAddr, remote: Option<SocketAddr>) -> Option<Socket> {
        let found = in_tables(local, remote);
        let inode = |socket: Option<Socket>| socket.map(|socket| socket.inode);
        match remote {
            Some(_) => assert_eq!(ask(local, remote), Ok(found)),
            // A listener's queues mean something else, not the same in both.
            None => assert_eq!(ask(local, remote).map(inode), Ok(inode(found))),
        }
        found
    }

    fn follows_a_connection(at: &str) {
        let listener = TcpListener::bind(at).unwrap();
        let server = listener.local_addr().unwrap();
        assert!(both(server, None).unwrap().is_owned());

        let mut client = TcpStream::connect(server).unwrap();
        let near = client.local_addr().unwrap();
        assert!(!both(server, Some(near)).unwrap().is_owned());
        let accepted = listener.accept().unwrap();
        assert!(both(server, Some(near)).unwrap().is_owned());

        client.write_all(b"hello").unwrap();
        assert_eq!(both(server, Some(near)).unwrap().receive_queue, 5);
        assert_eq!(both(near, Some(server)).unwrap().send_queue, 0);

        drop((listener, accepted));
        assert_eq!(both(server, None), None);
    }

    #[test]
    fn of_ipv4() {
        follows_a_connection("127.0.0.1:0");
    }

    #[test]
    fn of_ipv6() {
        follows_a_connection("[::1]:0");
    }

    #[test]
    fn of_an_ipv4_client_at_a_listener_for_both_families() {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let client = TcpStream::connect(server).unwrap();
        let near = client.local_addr().unwrap();
        assert!(!both(server, Some(near)).unwrap().is_owned());
        let _accepted = listener.accept().unwrap();
        assert!(both(server, Some(near)).unwrap().is_owned());
    }

    #[test]
    fn of_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(both(server, Some(nobody)), None);
    }
}
