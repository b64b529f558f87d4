//! Every diagnosis has a code, a chapter of the book to read, and a lesson: what happens on the wire,
//! why, how to see it by hand, and what to change.

/// The kind of a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// In the field's words: `serial-service`.
    pub name: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
    /// The lesson, in Markdown.
    pub lesson: &'static str,
}

impl Code {
    /// Where to read on.
    pub fn read(&self) -> String {
        format!(
            "book: {} · cargo grade --explain {}",
            self.chapter, self.name
        )
    }
}

const WORKING: &str = "What this course is";
const PROTOCOL: &str = "Sockets, ports and the line protocol";
const ONE_LOOP: &str = "One server, one client at a time";
const THREADS: &str = "A thread for each client";
const STRESS: &str = "The stress client";
const POOL: &str = "A pool of workers";

macro_rules! codes {
    ($($constant:ident, $name:literal, $chapter:expr;)*) => {
        $(pub const $constant: Code = Code {
            name: $name,
            chapter: $chapter,
            lesson: include_str!(concat!("../lessons/", $name, ".md")),
        };)*

        /// All codes, in the order of the course.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

codes! {
    // Before a program does anything.
    NOT_IMPLEMENTED, "not-implemented", WORKING;
    NOT_STARTED, "not-started", WORKING;
    HIDDEN_PROCESS, "hidden-process", WORKING;
    USES_TOO_MUCH, "uses-too-much", THREADS;
    ENDED_AT_START, "ended-at-start", WORKING;
    NO_BANNER, "no-banner", PROTOCOL;
    BAD_BANNER, "bad-banner", PROTOCOL;
    PORT_ZERO, "port-zero", PROTOCOL;
    OTHER_ADDRESS, "other-address", PROTOCOL;
    NOT_REFUSED, "not-refused", PROTOCOL;
    UNCLEAR_REFUSAL, "unclear-refusal", PROTOCOL;

    // Messages and replies.
    NO_REPLY, "no-reply", PROTOCOL;
    WAITS_FOR_EOF, "waits-for-eof", PROTOCOL;
    NOT_FLUSHED, "not-flushed", PROTOCOL;
    LINES_RUN_TOGETHER, "lines-run-together", PROTOCOL;
    FRAGMENT_IS_MESSAGE, "fragment-is-message", PROTOCOL;
    BUFFER_IS_MESSAGE, "buffer-is-message", PROTOCOL;
    CHARACTER_CUT, "character-cut", PROTOCOL;
    LOST_MESSAGE, "lost-message", PROTOCOL;
    DROPS_LAST_LINE, "drops-last-line", PROTOCOL;
    DROPS_REPLIES, "drops-replies", PROTOCOL;
    CLOSES_EARLY, "closes-early", PROTOCOL;
    CLOSED_WITHOUT_REPLY, "closed-without-reply", PROTOCOL;
    KEEPS_CARRIAGE_RETURN, "keeps-carriage-return", PROTOCOL;
    NOT_TRIMMED, "not-trimmed", PROTOCOL;
    NOT_CLEARED, "not-cleared", ONE_LOOP;
    REPLY_WITHOUT_NEWLINE, "reply-without-newline", PROTOCOL;
    BAD_REPLY, "bad-reply", PROTOCOL;
    EXTRA_BYTES, "extra-bytes", PROTOCOL;
    BAD_TIMESTAMP, "bad-timestamp", PROTOCOL;
    STALE_TIMESTAMP, "stale-timestamp", PROTOCOL;
    WRONG_TIMESTAMP, "wrong-timestamp", PROTOCOL;
    MISSING_LOG_LINE, "missing-log-line", PROTOCOL;
    LOG_ORDER, "log-order", PROTOCOL;
    RESET_AT_END, "reset-at-end", PROTOCOL;
    IDLE_TIMEOUT, "idle-timeout", PROTOCOL;
    TOO_SLOW, "too-slow", PROTOCOL;

    // One client's trouble.
    IGNORES_EOF, "ignores-eof", ONE_LOOP;
    DIES_OF_INVALID_UTF8, "dies-of-invalid-utf8", ONE_LOOP;
    DIES_OF_RESET, "dies-of-reset", ONE_LOOP;
    DIES_OF_HALF_A_MESSAGE, "dies-of-half-a-message", ONE_LOOP;
    DIES_OF_SILENCE, "dies-of-silence", ONE_LOOP;
    DIES_OF_UNREAD_REPLIES, "dies-of-unread-replies", ONE_LOOP;
    SERVER_ENDED, "server-ended", ONE_LOOP;
    BUSY_WAITING, "busy-waiting", ONE_LOOP;
    SERVES_SO_MANY, "serves-so-many", ONE_LOOP;
    LEAKED_MEMORY, "leaked-memory", ONE_LOOP;

    // Who is served when.
    ACCEPTS_ONCE, "accepts-once", ONE_LOOP;
    CANNOT_CONNECT, "cannot-connect", ONE_LOOP;
    TURNED_AWAY, "turned-away", ONE_LOOP;
    TOO_MANY_AT_ONCE, "too-many-at-once", ONE_LOOP;
    SERIAL_SERVICE, "serial-service", THREADS;
    READS_BEFORE_SPAWN, "reads-before-spawn", THREADS;
    LOCK_HELD, "lock-held", THREADS;
    WRONG_CLIENT, "wrong-client", THREADS;
    PANIC_SPREADS, "panic-spreads", THREADS;
    LEAKED_THREADS, "leaked-threads", THREADS;
    LEAKED_CONNECTIONS, "leaked-connections", THREADS;
    ACCEPT_ERROR_IS_FATAL, "accept-error-is-fatal", THREADS;
    BOUNDED_QUEUE, "bounded-queue", POOL;
    QUEUE_LOCK_HELD, "queue-lock-held", POOL;
    TOO_FEW_WORKERS, "too-few-workers", POOL;
    LOST_WORKER, "lost-worker", POOL;
    TOO_MANY_THREADS, "too-many-threads", POOL;
    SERVED_OUT_OF_ORDER, "served-out-of-order", POOL;

    // A client's own mistakes.
    FIRST_ADDRESS_ONLY, "first-address-only", STRESS;
    NO_HELLO, "no-hello", STRESS;
    HELLO_WITHOUT_NEWLINE, "hello-without-newline", STRESS;
    ONE_AFTER_ANOTHER, "one-after-another", STRESS;
    TOO_FEW_CLIENTS, "too-few-clients", STRESS;
    OTHER_HELLOS, "other-hellos", STRESS;
    DOES_NOT_WAIT, "does-not-wait", STRESS;
    WAITS_FOR_CLOSE, "waits-for-close", STRESS;
    NEVER_DISCONNECTS, "never-disconnects", STRESS;
    REPLY_CUT, "reply-cut", STRESS;
    WRONG_REPLY_COUNTED, "wrong-reply-counted", STRESS;
    MISSING_REPLY_COUNTED, "missing-reply-counted", STRESS;
    ERRORS_IGNORED, "errors-ignored", STRESS;
    EXIT_STATUS_IGNORED, "exit-status-ignored", STRESS;
    FALSE_ALARM, "false-alarm", STRESS;
    MISSES_THE_END, "misses-the-end", STRESS;
    WAITS_FOREVER, "waits-forever", STRESS;
    NO_DEADLINE, "no-deadline", STRESS;
    GIVES_UP_EARLY, "gives-up-early", STRESS;
    CONNECTS_FOREVER, "connects-forever", STRESS;
    FAILURE_NOT_NAMED, "failure-not-named", STRESS;
    SILENT_FAILURE, "silent-failure", STRESS;
    NOT_PRINTED, "not-printed", STRESS;
    OTHER_SUMMARY, "other-summary", STRESS;
    NOT_SENT, "not-sent", STRESS;
    OTHER_LINE_SENT, "other-line-sent", STRESS;
}
