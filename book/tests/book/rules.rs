//! Every rule that a page states is checked, and every check's rule is stated. The checks hold the
//! solutions to the rules (`make checks`); this holds the book to the checks.

use std::collections::BTreeSet;

use grader::course::Course;

use crate::chapter::chapters;
use crate::{expect_none, flat};

#[test]
fn a_rule_is_stated_where_it_is_checked() {
    let chapters = chapters();
    let known = checks();
    let mut faults = Vec::new();
    let mut stated = BTreeSet::new();
    for (page, rules) in RULES {
        let chapter = chapters.iter().find(|chapter| chapter.name == *page);
        let text = chapter.map_or(String::new(), |chapter| flat(&chapter.text));
        for (words, checks) in *rules {
            if !text.contains(words) {
                faults.push(format!(
                    "{page} no longer says `{words}`: {checks:?} check it"
                ));
            }
            for check in *checks {
                if !known.contains(*check) {
                    faults.push(format!("{page} says `{words}`: no check is called {check}"));
                }
                stated.insert((*check).to_owned());
            }
        }
    }
    let unstated = known.difference(&stated);
    faults.extend(unstated.map(|check| format!("{check}: which page states its rule?")));
    expect_none(faults);
}

/// The checks of all exercises, as `ex01::NAME`; those of every server as `protocol::NAME`.
fn checks() -> BTreeSet<String> {
    let exercises = Course::read().expect("the course").exercises;
    let names = exercises.into_iter().flat_map(|exercise| {
        exercise
            .checks
            .into_iter()
            .map(move |check| match check.name.split_once("::") {
                Some(_) => check.name,
                None => format!("{}::{}", exercise.name, check.name),
            })
    });
    names.collect()
}

/// Words of a page, and the checks of this rule.
type Rule = (&'static str, &'static [&'static str]);

/// By page.
const RULES: &[(&str, &[Rule])] = &[
    (
        "protocol.md",
        &[
            (
                "A message is the bytes up to `\\n`",
                &[
                    "protocol::nothing_but_a_newline_ends_a_message",
                    "protocol::a_long_line_is_one_message",
                    "protocol::a_message_can_arrive_in_pieces",
                    "protocol::a_character_can_arrive_in_pieces",
                    "protocol::lines_that_arrive_together_are_each_answered",
                ],
            ),
            (
                "without the white space around them",
                &["protocol::white_space_around_a_message_is_left_out"],
            ),
            (
                "An empty line is a message.",
                &["protocol::an_empty_line_is_a_message"],
            ),
            (
                "The end of the stream ends a last line too.",
                &["protocol::the_end_of_the_stream_ends_a_line_too"],
            ),
            (
                "The reply to the message `M` is `[TIMESTAMP] Server got 'M'` and `\\n`.",
                &[
                    "protocol::every_client_gets_its_own_timestamped_reply",
                    "protocol::a_reply_has_the_form_of_the_protocol",
                ],
            ),
            (
                "The timestamp is the time at which the message is answered",
                &["protocol::a_timestamp_is_taken_when_its_message_is_answered"],
            ),
            (
                "with 1 to 9 digits of fraction and an optional UTC offset after it, in local time or in UTC",
                &["ex03::every_form_of_timestamp_is_accepted"],
            ),
            (
                "There is one reply for each message, at once and in order.",
                &["protocol::a_half_closed_client_gets_all_its_replies"],
            ),
            (
                "The connection lasts until the client closes it.",
                &["protocol::a_connection_lasts_for_many_messages"],
            ),
            (
                "A server is started with the address to listen on",
                &["protocol::it_listens_on_the_address_it_is_given"],
            ),
            (
                "(`127.0.0.1:5000` if there is none;",
                &["protocol::without_an_address_it_listens_on_port_5000"],
            ),
            (
                "when it begins to serve a client and `[-] Disconnected: HOST:PORT` when that client is gone",
                &[
                    "protocol::each_client_is_logged_when_it_comes_and_when_it_goes",
                    "protocol::a_client_is_logged_as_gone_however_it_goes",
                    "protocol::each_of_many_clients_is_logged",
                    "ex02::a_client_is_logged_as_gone_while_others_stay",
                ],
            ),
            (
                "An address that it can't use is refused in one line on stderr that names the address, and an exit status that is not 0.",
                &[
                    "protocol::a_bad_address_is_refused",
                    "protocol::a_port_in_use_is_refused",
                ],
            ),
            (
                "(it is silent, it vanishes, it sends bytes that are no text) is that client's trouble alone",
                &[
                    "protocol::a_silent_client_is_not_turned_away",
                    "protocol::a_client_may_leave_without_a_word",
                    "protocol::a_client_may_leave_in_mid_message",
                    "protocol::a_client_may_vanish",
                    "protocol::a_client_may_vanish_before_it_is_accepted",
                    "protocol::a_client_may_leave_without_reading",
                    "protocol::a_client_may_leave_before_it_is_answered",
                ],
            ),
            (
                "A server serves any number of clients and answers any number of messages.",
                &["protocol::a_thousand_clients_may_come_and_go"],
            ),
            (
                "or a message is answered, the server keeps nothing of it",
                &["protocol::nothing_is_left_of_ten_thousand_messages"],
            ),
            (
                "While it waits, it uses no processor time.",
                &["protocol::a_server_that_waits_rests"],
            ),
        ],
    ),
    (
        "ex01-single-loop.md",
        &[
            (
                "answers with U+FFFD, or closes this connection",
                &["protocol::bytes_that_are_not_utf8_harm_nobody_else"],
            ),
            (
                "this exercise lets the server talk to one client at a time",
                &["ex01::the_second_client_waits_until_the_first_has_left"],
            ),
            (
                "First come, first out.",
                &["ex01::waiting_clients_are_served_in_the_order_they_came"],
            ),
            (
                "A server that accepts a second client only to turn it away does more work to be worse.",
                &["ex01::a_waiting_client_is_not_turned_away"],
            ),
        ],
    ),
    (
        "ex02-threaded.md",
        &[
            (
                "It keeps nobody else waiting.",
                &["ex02::any_client_is_answered_while_the_others_stay_connected"],
            ),
            (
                "A server that reads the first line before it starts the thread is stopped by one silent client",
                &["ex02::a_silent_client_stops_nobody"],
            ),
            (
                "if a client doesn't read, the buffers between you and it fill up, and `write` waits",
                &["ex02::a_client_that_never_reads_stops_nobody"],
            ),
            (
                "So one client sees its connection end. The others notice nothing.",
                &["ex02::one_clients_bytes_harm_no_open_client"],
            ),
            (
                "the reply goes to a shared connection, not to the thread's own",
                &["ex02::each_client_gets_the_replies_to_its_own_messages"],
            ),
            (
                "What it owned is dropped, the connection is closed, its descriptor is free again.",
                &["protocol::nothing_is_left_of_clients_that_have_gone"],
            ),
            (
                "So the accept loop reports the error and goes on.",
                &["ex02::running_out_of_descriptors_is_survived"],
            ),
            (
                "A pause of some milliseconds is enough.",
                &["ex02::a_server_without_a_descriptor_rests"],
            ),
        ],
    ),
    (
        "ex03-stress-client.md",
        &[
            (
                "All clients connect, and all of them wait for their reply at the same time.",
                &["ex03::all_clients_wait_for_their_reply_at_the_same_time"],
            ),
            (
                "20 against `127.0.0.1:5000`, unless told otherwise",
                &["ex03::there_are_twenty_clients_unless_told_otherwise"],
            ),
            (
                "Arguments that make no sense are refused in one line.",
                &["ex03::bad_arguments_are_refused"],
            ),
            (
                "the program must not end before they have",
                &["ex03::it_waits_for_every_reply"],
            ),
            (
                "that each client disconnects when it has its reply",
                &["ex03::each_client_disconnects_when_it_has_its_reply"],
            ),
            (
                "A reply ends at its newline, however many reads it takes.",
                &[
                    "ex03::a_reply_can_arrive_in_pieces",
                    "ex03::the_manual_client_reads_a_reply_in_pieces",
                ],
            ),
            (
                "0 says that every client got its own, correct reply, and nothing else may say so",
                &[
                    "ex03::a_wrong_reply_is_a_failure",
                    "ex03::the_exit_status_tells_whether_a_client_failed",
                ],
            ),
            (
                "The report names each client with its reply or the reason why there is none, and ends with a count.",
                &[
                    "ex03::each_reply_is_printed_with_its_clients_number",
                    "ex03::each_failure_is_named",
                    "ex03::the_last_line_is_the_summary",
                ],
            ),
            (
                "It is cut: the connection ended in the middle of the line.",
                &["ex03::a_connection_that_ends_too_early_is_a_failure"],
            ),
            (
                "And where nobody listens, it need not wait at all.",
                &["ex03::nobody_listening_is_a_failure_of_every_client"],
            ),
            (
                "When a client has failed, the others go on",
                &["ex03::a_server_that_dies_is_a_failure_of_every_client"],
            ),
            (
                "A client waits at least 2 s for its reply and gives up within 5 s, whatever the server does.",
                &[
                    "ex03::a_silent_server_is_given_up_in_time",
                    "ex03::a_server_that_never_ends_its_line_is_given_up_in_time",
                    "ex03::a_server_that_does_not_accept_is_given_up_in_time",
                ],
            ),
            (
                "a line from the standard input is sent, its reply printed. At the end of input, return.",
                &[
                    "ex03::the_manual_client_sends_what_is_typed_and_prints_the_reply",
                    "ex03::the_manual_client_can_be_fed_from_a_file",
                ],
            ),
            (
                "If the server is gone, or closes the connection instead of replying, return an error that says so.",
                &[
                    "ex03::the_manual_client_says_that_the_server_is_gone",
                    "ex03::the_manual_client_notices_that_no_reply_comes",
                    "ex03::the_manual_client_says_that_nobody_listens",
                ],
            ),
            (
                "At the end of input, return.",
                &["ex03::the_manual_client_ends_with_its_input"],
            ),
            (
                "A name is a list of addresses",
                &[
                    "ex03::every_address_of_a_name_is_tried",
                    "ex03::the_manual_client_tries_every_address_of_a_name",
                ],
            ),
            (
                "another client's number begins like its own",
                &["ex03::swapped_replies_are_failures_of_both"],
            ),
        ],
    ),
    (
        "ex04-thread-pool.md",
        &[
            (
                "So as many clients are served at once as there are workers, and never more.",
                &["ex04::as_many_clients_are_served_at_once_as_there_are_workers"],
            ),
            (
                "There are 4 workers unless told otherwise.",
                &["ex04::there_are_four_workers_unless_told_otherwise"],
            ),
            (
                "A number of workers that makes no sense, 0 among them, is refused in one line",
                &["ex04::a_bad_number_of_workers_is_refused"],
            ),
            (
                "the clients are taken up in the order in which they came",
                &["ex04::waiting_clients_are_served_in_the_order_they_came"],
            ),
            (
                "waiting clients are not turned away, however many they are",
                &["ex04::a_waiting_client_is_not_turned_away"],
            ),
            (
                "A silent client holds its worker for as long as it is connected.",
                &[
                    "ex04::a_silent_client_keeps_only_its_worker",
                    "ex04::a_client_that_never_reads_keeps_only_its_worker",
                ],
            ),
            (
                "The number of threads is the same for no client, for twenty, and for a hundred",
                &["ex04::the_number_of_threads_is_bounded"],
            ),
            (
                "With `catch_unwind` the thread stays",
                &["ex04::a_worker_survives_a_job_that_panics"],
            ),
            (
                "If jobs run without the lock, no job can poison it.",
                &["ex04::a_panic_harms_no_other_client"],
            ),
            (
                "Here, the accept loop takes every client at once",
                &["ex04::a_waiting_client_is_accepted"],
            ),
        ],
    ),
];
