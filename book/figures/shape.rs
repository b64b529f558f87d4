//! Whether two runs show the same: other moments, durations and ports are no difference.

/// The first line, or the first piece of a picture, that differs.
pub(crate) fn same(shown: &str, made: &str) -> Result<(), String> {
    let (shown, made) = (shape(shown), shape(made));
    let lines = shown.len().max(made.len());
    for index in 0..lines {
        let (shown, made) = (shown.get(index), made.get(index));
        if shown != made {
            let none = "nothing".to_owned();
            return Err(format!(
                "the book has `{}`, a new run `{}`",
                shown.unwrap_or(&none),
                made.unwrap_or(&none)
            ));
        }
    }
    Ok(())
}

/// The figure without its numbers.
pub(crate) fn words(figure: &str) -> String {
    figure.replace(|sign: char| sign.is_ascii_digit() || sign == '.', "")
}

fn shape(figure: &str) -> Vec<String> {
    if figure.starts_with("<svg") {
        picture(figure)
    } else {
        figure.lines().map(line).collect()
    }
}

/// Who is in the picture, and behind whom each had to wait.
fn picture(svg: &str) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for text in svg.split("<text ").skip(1) {
        let text = text.split(['>', '<']).nth(1).unwrap_or_default();
        match rows.last_mut() {
            _ if is_label(text) => rows.push(text.to_owned()),
            Some(row) if text.starts_with("behind ") => *row += &format!(" {text}"),
            _ => {}
        }
    }
    // The clients of a program connect in any order.
    rows.sort_unstable();
    rows
}

/// `c1`, `client 1`
fn is_label(text: &str) -> bool {
    let number = text.strip_prefix("client ").or(text.strip_prefix('c'));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// White space becomes one space, a rule one sign. Of a timeline's row, who it is and behind whom it
/// waits remains.
fn line(line: &str) -> String {
    if line.contains("being served") {
        return "legend".to_owned();
    }
    if line.contains('\u{2575}') {
        return "axis".to_owned();
    }
    let is_bar = |sign| "\u{b7}\u{2588}\u{2504}\u{2592}".contains(sign);
    let is_sign = |sign| is_bar(sign) || "?<|/\u{25cf}\u{25a0}\u{d7}".contains(sign);
    let is_row =
        line.contains(|sign| is_bar(sign) && sign != '\u{b7}') && !line.contains('\u{2502}');
    let mut shape = String::new();
    for sign in without_moments(line).chars() {
        let sign = if is_row && is_sign(sign) { ' ' } else { sign };
        if !(" \u{2500}".contains(sign) && shape.ends_with(sign)) {
            shape.push(sign);
        }
    }
    shape.trim().to_owned()
}

/// Without the numbers that differ from run to run. All others are kept: how many checks there are, how
/// many points, which line of a file.
fn without_moments(line: &str) -> String {
    let is_part = |sign: char| sign.is_ascii_digit() || ".:-".contains(sign);
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|sign: char| sign.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        text += before;
        let end = number.find(|sign| !is_part(sign)).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let number = number_in(&text, number, after);
        text += &number;
        rest = after;
    }
    let text = text + rest;
    text.replace("0 \u{b5}s", "0 s").replace("0 ms", "0 s")
}

fn number_in(before: &str, number: &str, after: &str) -> String {
    let is_time = |number: &str| number.matches(':').count() == 2 && number.contains('.');
    let is_date = number.len() == 10 && number.matches('-').count() == 2;
    let unit = after.trim_start_matches(' ');
    let unit = unit.split(|sign: char| !sign.is_alphabetic()).next();
    let is_duration = matches!(unit, Some("s" | "ms" | "\u{b5}s"));
    let is_thread = before.ends_with("worker-") || after.starts_with(") panicked");
    match number.split_once("127.0.0.1:") {
        Some(("", port)) if port != "5000" => "127.0.0.1:0".into(),
        _ if is_date || is_time(number) || is_duration || is_thread => "0".into(),
        _ => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn moments_durations_and_ports_are_no_difference() {
        for (shown, made) in [
            (
                "[2026-11-24 14:23:28.592510] Server got 'a1'",
                "[2026-12-01 09:00:00.000001] Server got 'a1'",
            ),
            (
                "[+] Connected: 127.0.0.1:51644",
                "[+] Connected: 127.0.0.1:9",
            ),
            (
                "20/20 clients got a reply in 5 ms",
                "20/20 clients got a reply in 18 ms",
            ),
            (
                "c1 answered in 0.4 ms; finished in 0.08s",
                "c1 answered in 12 \u{b5}s; finished in 2.08s",
            ),
            (
                "thread 'worker-0' (14827) panicked at",
                "thread 'worker-1' (3) panicked at",
            ),
            (
                "c2    \u{b7}\u{2504}\u{2504}?\u{2588}   behind c1",
                "c2  \u{2504}?\u{2588}\u{2588}\u{2588}      behind c1",
            ),
        ] {
            assert_eq!(same(shown, made), Ok(()));
        }
    }

    #[test]
    fn counts_and_places_are() {
        for (shown, made) in [
            ("running 35 tests", "running 36 tests"),
            (
                "20/20 clients got a reply in 5 ms",
                "19/20 clients got a reply in 5 ms",
            ),
            ("src/main.rs:35:5: not yet", "src/main.rs:36:5: not yet"),
            ("connected to 127.0.0.1:5000", "connected to 127.0.0.1:5001"),
            (
                "c2  \u{2504}?\u{2588}  behind c1",
                "c2  \u{2504}?\u{2588}  behind c3",
            ),
            ("one line", "one line\nanother"),
            ("<svg><text x>c1</text>", "<svg><text x>c2</text>"),
        ] {
            assert!(same(shown, made).is_err(), "{shown} {made}");
        }
    }
}
