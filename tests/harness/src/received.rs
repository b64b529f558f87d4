//! Finds the replies in what a client has received.
//!
//! A check is strict about its own rule and lenient about all others. So a reply without its newline,
//! without a timestamp or with other words is still recognized as the reply to its message: the mistake
//! costs the points of its own rule, and not of every check in which somebody is answered.

use crate::recording::{ConnectionSeen, Line};
use crate::reply;

/// What may stand behind a message at the end of a reply.
const CLOSING: [char; 7] = ['\'', '"', '.', '!', ')', ']', '>'];

/// The most of it, in bytes.
const MAX_CLOSING: usize = 3;

/// The longest greeting that is passed over, in lines.
const MAX_GREETING: usize = 8;

/// Up to where a client's replies have been judged: a line (after the last one, what has arrived of the
/// next), and a byte in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    line: usize,
    byte: usize,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The reply to the message, from its first byte on.
    Reply(Line, Position),
    /// A whole line that is not that reply.
    Other(Line),
}

/// The reply that is looked for.
pub(crate) struct Wanted<'a> {
    pub(crate) message: &'a str,
    /// The client's messages before this one.
    pub(crate) earlier: &'a [String],
    /// Whether the reply must have the protocol's form, to the letter.
    pub(crate) strict: bool,
}

impl Wanted<'_> {
    /// Looks for the reply after this position; `None` as long as there may be one to come.
    pub(crate) fn find(&self, seen: &ConnectionSeen, from: Position) -> Option<Heard> {
        let from = from.settled(seen);
        if self.strict {
            let line = seen.lines.get(from.line)?.clone();
            let is_reply = reply::parse(&line.bytes)
                .is_ok_and(|reply| joined(&reply.message) == joined(self.message));
            return Some(match is_reply {
                true => Heard::Reply(line, from.next_line()),
                false => Heard::Other(line),
            });
        }
        // Before the first reply there may be a greeting: that costs the points of another rule.
        let is_first = from == Position::default();
        let mut at = from;
        loop {
            let Some(line) = at.line(seen) else {
                return self.find_in_tail(seen, at);
            };
            if self.is_reply(&line.text()) {
                return Some(Heard::Reply(line, at.next_line()));
            }
            match self.find_in_lines(seen, at) {
                Lines::Reply(count) => {
                    let next = Position {
                        line: at.line + count,
                        byte: 0,
                    };
                    return Some(Heard::Reply(line, next));
                }
                Lines::Begun => return None,
                Lines::None
                    if is_first && at.line < MAX_GREETING && self.is_greeting(&line.text()) =>
                {
                    at = at.next_line();
                }
                Lines::None => return Some(Heard::Other(line)),
            }
        }
    }

    /// A reply without a newline, which has all of its other parts.
    fn find_in_tail(&self, seen: &ConnectionSeen, from: Position) -> Option<Heard> {
        let bytes = seen.tail.get(from.byte..).filter(|tail| !tail.is_empty())?;
        let end = format!("'{}'", joined(self.message));
        // A tail can be long, and is looked at whenever some more of it comes; each byte that is not UTF-8
        // is shown as three.
        let last = bytes.len().saturating_sub(3 * end.len());
        let text = String::from_utf8_lossy(&bytes[last..]);
        let is_whole = joined(&text).ends_with(&end);
        let line = Line {
            bytes: bytes.to_vec(),
            at: seen.tail_until?,
        };
        let next = Position {
            line: from.line,
            byte: seen.tail.len(),
        };
        is_whole.then_some(Heard::Reply(line, next))
    }

    /// Whether this line has nothing of a reply.
    fn is_greeting(&self, line: &str) -> bool {
        let has_message = match self.message {
            "" => line.contains('\''),
            message => line.contains(message),
        };
        !has_message && reply::parse(line.as_bytes()).is_err()
    }

    /// Whether this line is about the message, and the message stands in it as it should.
    fn is_reply(&self, line: &str) -> bool {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (line, message) = (joined(line), joined(self.message));
        if let Ok(reply) = reply::parse(line.as_bytes()) {
            return reply.message == message;
        }
        if message.is_empty() {
            return line.ends_with("''");
        }
        let Some((before, after)) = line.rsplit_once(&message) else {
            return false;
        };
        let is_quoted = before.ends_with('\'');
        let is_closed = after.len() <= MAX_CLOSING
            && after.chars().all(|c| CLOSING.contains(&c))
            && after.starts_with('\'') == is_quoted;
        let mut before = before.chars().rev();
        let is_apart = match before.next() {
            // A blank may be one of the message's own, which should not be there.
            Some(' ') => before
                .next()
                .is_some_and(|c| !c.is_whitespace() && c != '\'' && c != '"'),
            Some(last) => !last.is_alphanumeric() && !last.is_whitespace(),
            None => true,
        };
        is_closed && is_apart
    }

    /// A reply with newlines in it: the message's own, which was not trimmed, or those of the messages
    /// before, which were not cleared.
    fn find_in_lines(&self, seen: &ConnectionSeen, from: Position) -> Lines {
        let so_far = [self.earlier.join("\n").as_str(), self.message].join("\n");
        let so_far = so_far.trim_start_matches('\n');
        let bodies = [self.message, so_far].into_iter().flat_map(|body| {
            [
                format!("{body}'"),
                format!("{body}\n'"),
                format!("{body}\r\n'"),
            ]
        });
        for body in bodies.filter(|body| body.contains('\n')) {
            let count = body.matches('\n').count() + 1;
            let lines: Vec<_> = (from.line..from.line + count)
                .map_while(|line| Position { line, byte: 0 }.line(seen))
                .map(|line| line.text())
                .collect();
            let text = lines.join("\n");
            let Some((_, quoted)) = text.split_once('\'') else {
                continue;
            };
            if lines.len() == count && quoted == body {
                return Lines::Reply(count);
            }
            if lines.len() < count && body.starts_with(&format!("{quoted}\n")) {
                return Lines::Begun;
            }
        }
        Lines::None
    }
}

/// What lines in a row are.
enum Lines {
    /// So many of them are one reply.
    Reply(usize),
    /// They can become one.
    Begun,
    None,
}

impl Position {
    /// What has arrived after it, line by line, and what of the next line.
    pub(crate) fn rest(self, seen: &ConnectionSeen) -> Vec<String> {
        let from = self.settled(seen);
        let tail = seen.tail.get(from.tail_byte(seen)..).unwrap_or_default();
        let tail = (!tail.is_empty()).then(|| String::from_utf8_lossy(tail).into_owned());
        let lines = (from.line..seen.lines.len()).filter_map(|line| {
            let byte = if line == from.line { from.byte } else { 0 };
            Some(Self { line, byte }.line(seen)?.text())
        });
        lines.chain(tail).collect()
    }

    /// Whether nothing has arrived after it.
    pub(crate) fn is_at_end(self, seen: &ConnectionSeen) -> bool {
        let from = self.settled(seen);
        from.line >= seen.lines.len() && seen.tail.len() <= from.tail_byte(seen)
    }

    /// The line at which it stands, if that is whole.
    pub(crate) fn line(self, seen: &ConnectionSeen) -> Option<Line> {
        let line = seen.lines.get(self.line)?;
        Some(Line {
            bytes: line.bytes.get(self.byte..)?.to_vec(),
            at: line.at,
        })
    }

    /// After the newline of a reply that was taken for whole before its newline came.
    pub(crate) fn settled(self, seen: &ConnectionSeen) -> Self {
        match seen.lines.get(self.line) {
            Some(line) if self.byte > 0 && line.bytes.len() <= self.byte => self.next_line(),
            _ => self,
        }
    }

    fn next_line(self) -> Self {
        Self {
            line: self.line + 1,
            byte: 0,
        }
    }

    fn tail_byte(self, seen: &ConnectionSeen) -> usize {
        if self.line == seen.lines.len() {
            self.byte
        } else {
            0
        }
    }
}

/// The text with each run of U+FFFD as one: how many of them stand for bytes that are not UTF-8 is not
/// said.
fn joined(text: &str) -> String {
    let mut joined = text.to_owned();
    while joined.contains("\u{FFFD}\u{FFFD}") {
        joined = joined.replace("\u{FFFD}\u{FFFD}", "\u{FFFD}");
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Event, Recording, Side};

    const STAMP: &str = "[2026-01-31 12:00:00.123456]";

    /// Whether the reply to `message` is found in these bytes; `None` if there may be one to come.
    fn is_found(received: &str, message: &str, earlier: &[&str], strict: bool) -> Option<bool> {
        let recording = Recording::new();
        let id = recording.add_connection(Side::Client);
        recording.record(Event::Received(id, received.as_bytes()));
        let earlier: Vec<_> = earlier.iter().map(|&message| message.to_owned()).collect();
        let wanted = Wanted {
            message,
            earlier: &earlier,
            strict,
        };
        let heard =
            recording.look(|seen| wanted.find(&seen.connections[id], Position::default()))?;
        Some(matches!(heard, Heard::Reply(..)))
    }

    #[test]
    fn a_reply_of_another_form_is_recognized_and_not_right() {
        for line in [
            "Server got 'hello'\n",
            "[now] Server got 'hello'\n",
            "[2026-01-31 12:00:00.123456] Server received 'hello'\n",
            "[2026-01-31 12:00:00.123456] Server got: hello\n",
            "[2026-01-31 12:00:00.123456] Server got 'hello'\r\n",
            "[2026-01-31 12:00:00.123456] Server got 'hello\n'\n",
            "hello\n",
        ] {
            assert_eq!(is_found(line, "hello", &[], false), Some(true), "{line:?}");
            assert_eq!(is_found(line, "hello", &[], true), Some(false), "{line:?}");
        }
        let right = format!("{STAMP} Server got 'hello'\n");
        assert_eq!(is_found(&right, "hello", &[], true), Some(true));
    }

    #[test]
    fn a_reply_without_its_newline_is_recognized_and_waited_for() {
        let cut = format!("{STAMP} Server got 'hello'");
        assert_eq!(is_found(&cut, "hello", &[], false), Some(true));
        assert_eq!(is_found(&cut, "hello", &[], true), None);
        assert_eq!(is_found(&cut[..cut.len() - 1], "hello", &[], false), None);
    }

    #[test]
    fn another_message_is_not_recognized() {
        for line in [
            "'hell'\n",
            "'ahello'\n",
            "' hello'\n",
            "'hello '\n",
            "'hello\r'\n",
        ] {
            let line = format!("{STAMP} Server got {line}");
            assert_eq!(
                is_found(&line, "hello", &[], false),
                Some(false),
                "{line:?}"
            );
        }
        let together = format!("{STAMP} Server got 'one\ntwo'\n");
        assert_ne!(is_found(&together, "one", &[], false), Some(true));
    }

    #[test]
    fn a_reply_with_the_messages_before_is_recognized() {
        let reply = format!("{STAMP} Server got 'one\ntwo'\n");
        assert_eq!(is_found(&reply, "two", &["one"], false), Some(true));
        assert_eq!(is_found(&reply, "two", &["one"], true), Some(false));
        let begun = format!("{STAMP} Server got 'one\n");
        assert_eq!(is_found(&begun, "two", &["one"], false), None);
    }

    #[test]
    fn a_greeting_is_passed_over() {
        let greeted = format!("Welcome!\n{STAMP} Server got 'hello'\n");
        assert_eq!(is_found(&greeted, "hello", &[], false), Some(true));
        assert_eq!(is_found(&greeted, "hello", &[], true), Some(false));
    }

    #[test]
    fn the_newline_that_comes_late_is_no_more_than_that() {
        let recording = Recording::new();
        let id = recording.add_connection(Side::Client);
        let wanted = Wanted {
            message: "hello",
            earlier: &[],
            strict: false,
        };
        let reply = format!("{STAMP} Server got 'hello'");
        recording.record(Event::Received(id, reply.as_bytes()));
        let heard = recording.look(|seen| wanted.find(&seen.connections[id], Position::default()));
        let Some(Heard::Reply(_, next)) = heard else {
            panic!("not recognized");
        };
        recording.record(Event::Received(id, b"\n"));
        assert!(recording.look(|seen| next.is_at_end(&seen.connections[id])));
        recording.record(Event::Received(id, b"more"));
        let rest = recording.look(|seen| next.rest(&seen.connections[id]));
        assert_eq!(rest, ["more"]);
    }
}
