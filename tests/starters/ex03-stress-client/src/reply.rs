//! What a correct reply looks like. Given: this exercise is about the clients.

use anyhow::{Context, Result, ensure};
use chrono::NaiveDateTime;

/// Checks that `reply`, a line without its newline, is a reply to `message`:
/// `[TIMESTAMP] Server got 'MESSAGE'`, where the timestamp is a real date and time
/// (`2026-01-31 12:00:00.123456`, with 1 to 9 digits of fraction and an optional UTC offset).
///
/// # Errors
///
/// Says what is wrong with the reply.
pub fn check(reply: &str, message: &str) -> Result<()> {
    let (timestamp, text) = reply
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .with_context(|| format!("the reply does not start with a timestamp: {reply:?}"))?;
    check_timestamp(timestamp).with_context(|| format!("not a timestamp: {timestamp:?}"))?;
    ensure!(
        text == format!("Server got '{message}'"),
        "not the reply to {message:?}: {text:?}"
    );
    Ok(())
}

fn check_timestamp(timestamp: &str) -> Result<()> {
    let (seconds, rest) = timestamp.split_once('.').context("no fraction")?;
    NaiveDateTime::parse_from_str(seconds, "%Y-%m-%d %H:%M:%S")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    ensure!((1..=9).contains(&digits), "{digits} digits of fraction");
    ensure!(is_offset(rest[digits..].trim_start()), "an odd UTC offset");
    Ok(())
}

/// Nothing, `Z`, `+01:00` or `+0100`.
fn is_offset(text: &str) -> bool {
    let form: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    matches!(
        form.as_str(),
        "" | "Z" | "+00:00" | "-00:00" | "+0000" | "-0000"
    )
}
