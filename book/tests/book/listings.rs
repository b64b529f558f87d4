//! The chapters' fragments of code do what the text around them says.

use std::collections::VecDeque;
use std::env;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{RecvError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use listings::{next, pool, protocol, stress, threads};

/// A pool of workers, "How long a guard lives" and its first question.
#[test]
fn a_guard_lives_as_long_as_the_chapter_says() {
    // What a test prints is captured, so the printing is done by another run of this program.
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "listings::guards", "--nocapture"])
        .output()
        .expect("this program runs");
    let output = String::from_utf8(output.stdout).expect("its output is text");
    let said: Vec<_> = output.split("--").skip(1).map(str::trim).collect();
    assert!(
        said[0].starts_with("locked\none\nunlocked\nlocked\ntwo\nunlocked"),
        "{output}"
    );
    assert!(
        said[1].starts_with("locked\nunlocked\none\nlocked\nunlocked\ntwo"),
        "{output}"
    );
    assert_eq!(said[2], "locked\none\nunlocked\nlocked\ntwo\nunlocked");
}

#[test]
#[ignore = "prints for the test above"]
fn guards() {
    let words = || VecDeque::from(["one", "two"]);
    println!("--");
    pool::say_while_locked(&mut words());
    println!("--");
    pool::say(&mut words());
    println!("--");
    pool::say_two(&mut words());
    println!("--");
}

#[test]
fn a_bounded_queue_hands_back_what_it_has_no_room_for() {
    let [one, two, three] = pool::offer_three();
    assert_eq!([one, two], ["it is in the queue"; 2]);
    assert_eq!(three, "there is no room");
    let (queue, letters) = sync_channel(1);
    drop(letters);
    assert_eq!(
        pool::offer(&queue, "one".into()),
        "nobody will ever take it"
    );
}

#[test]
fn a_closed_queue_hands_out_what_is_left() {
    assert_eq!(pool::after_the_end(), Ok([Ok(1), Ok(2), Err(RecvError)]));
}

#[test]
fn a_panic_comes_no_further_than_catch_unwind() {
    assert!(pool::came_to_its_end(|| {}));
    assert!(!pool::came_to_its_end(|| panic!("on purpose")));
}

#[test]
fn jobs_of_different_types_are_in_one_list() {
    pool::two_jobs("Ada".into())
        .into_iter()
        .for_each(|job| job());
}

#[test]
fn threads_share_a_counter_and_return_what_they_counted() {
    assert_eq!(threads::count(8), 8);
    let words = ["a", "bb", "ccc"].map(str::to_owned);
    assert_eq!(stress::lengths(&words), [1, 2, 3]);
}

#[test]
fn nothing_is_left_once_a_deadline_has_passed() {
    let now = Instant::now();
    assert_eq!(stress::time_left(now), None);
    assert!(stress::time_left(now + Duration::from_secs(60)).is_some());
}

#[test]
fn the_time_is_told_in_a_line_and_the_connection_closed() {
    let (listener, mut client) = connected();
    protocol::tell_the_time(&listener).expect("the time is told");
    let mut told = String::new();
    client.read_to_string(&mut told).expect("the end comes");
    assert!(told.ends_with('\n') && told.lines().count() == 1, "{told}");
}

#[test]
fn a_line_is_read_whatever_pieces_it_comes_in() {
    let (listener, client) = connected();
    let (mut peer, _) = listener.accept().expect("a client");
    peer.write_all(b"one\ntwo\nlast").expect("it is sent");
    peer.shutdown(Shutdown::Write).expect("a half-close");
    let mut reader = BufReader::new(&client);
    let mut line = || protocol::read_line(&mut reader).expect("a line");
    assert_eq!(line().as_deref(), Some(&b"one\n"[..]));
    assert_eq!(line().as_deref(), Some(&b"two\n"[..]));
    assert_eq!(line().as_deref(), Some(&b"last"[..]));
    assert_eq!(line(), None);
}

#[test]
fn an_accept_loop_ends_when_it_is_told_to() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let stopping = Arc::new(AtomicBool::new(false));
    let (ended, end) = channel();
    let seen = Arc::clone(&stopping);
    thread::spawn(move || {
        next::accept_until(&seen, &listener, drop);
        ended.send(())
    });
    next::stop(&stopping, address).expect("the loop is woken up");
    let end = end.recv_timeout(Duration::from_secs(10));
    end.expect("the loop ends");
}

#[test]
fn a_read_of_a_non_blocking_connection_never_waits() {
    let (listener, client) = connected();
    let (peer, _) = listener.accept().expect("a client");
    let mut client = next::admit(client).expect("it can be made so");
    let nothing = next::read_now(&mut client, &mut [0; 8]).expect("a read");
    assert_eq!(nothing, None);
    drop(peer);
}

/// A client that waits in this listener's accept queue.
fn connected() -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let client = TcpStream::connect(address).expect("the kernel completes the connection");
    (listener, client)
}
