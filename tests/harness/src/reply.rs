//! The oracle for replies: `[YYYY-MM-DD HH:MM:SS.ffffff] Server got 'MESSAGE'`.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, NaiveDateTime, TimeDelta, TimeZone, Utc};

/// The coarsest step of a clock that a program may read: 15.6 ms, the timer of Windows.
pub(crate) const CLOCK_GRAIN: Duration = Duration::from_millis(16);

/// A reply that has the right form.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) timestamp: Timestamp,
    pub(crate) message: String,
}

/// What is wrong with the form of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It has a carriage return in it.
    CarriageReturn,
    /// It does not begin with `[`, a timestamp and `] `.
    NoTimestamp,
    /// What stands in the brackets has not the form of a timestamp, or is no date that exists.
    BadTimestamp(String),
    /// After the timestamp, it is not `Server got '…'`.
    BadText(String),
}

/// Reads a reply, given without its newline.
pub(crate) fn parse(line: &[u8]) -> Result<Reply, Malformed> {
    if line.contains(&b'\r') {
        return Err(Malformed::CarriageReturn);
    }
    let line = String::from_utf8_lossy(line);
    let (timestamp, text) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .ok_or(Malformed::NoTimestamp)?;
    let timestamp =
        Timestamp::parse(timestamp).ok_or_else(|| Malformed::BadTimestamp(timestamp.to_owned()))?;
    let message = text
        .strip_prefix("Server got '")
        .and_then(|rest| rest.strip_suffix('\''))
        .ok_or_else(|| Malformed::BadText(text.to_owned()))?;
    Ok(Reply {
        timestamp,
        message: message.to_owned(),
    })
}

/// Reads a reply's timestamp, whatever stands behind it.
pub(crate) fn timestamp(line: &[u8]) -> Result<Timestamp, Malformed> {
    let line = String::from_utf8_lossy(line);
    let (text, _) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .ok_or(Malformed::NoTimestamp)?;
    Timestamp::parse(text).ok_or_else(|| Malformed::BadTimestamp(text.to_owned()))
}

/// A timestamp as it was printed, and the moments that it can mean.
#[derive(Clone, Debug)]
pub(crate) struct Timestamp {
    pub(crate) text: String,
    /// One moment with a UTC offset; without, local time and UTC are both right.
    readings: Vec<DateTime<Utc>>,
    /// What its last digit stands for.
    resolution: Duration,
}

impl Timestamp {
    /// `YYYY-MM-DD HH:MM:SS.`, 1 to 9 digits, and an optional offset: `Z`, `+01:00`, `+0100`, with
    /// or without a space before it.
    fn parse(text: &str) -> Option<Self> {
        let (seconds, rest) = text.split_once('.')?;
        // chrono would also take `2026-1-2`.
        let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
        if seconds.chars().map(shape).collect::<String>() != "0000-00-00 00:00:00" {
            return None;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        let (fraction, offset) = rest.split_at(digits);
        let naive: NaiveDateTime = format!("{}T{}.{fraction}", &seconds[..10], &seconds[11..])
            .parse()
            .ok()?;
        let readings = match offset.trim_start_matches(' ') {
            "" => [
                Local.from_local_datetime(&naive).earliest(),
                Local.from_local_datetime(&naive).latest(),
            ]
            .into_iter()
            .flatten()
            .map(|local| local.with_timezone(&Utc))
            .chain([naive.and_utc()])
            .collect(),
            "Z" => vec![naive.and_utc()],
            offset => {
                let offset: FixedOffset = offset.parse().ok()?;
                vec![
                    offset
                        .from_local_datetime(&naive)
                        .single()?
                        .with_timezone(&Utc),
                ]
            }
        };
        let resolution = Duration::from_secs(1) / 10_u32.pow(u32::try_from(digits).ok()?);
        Some(Self {
            text: text.to_owned(),
            readings,
            resolution,
        })
    }

    /// Whether it can have been taken between these two moments, as far as its digits and a clock's
    /// grain tell.
    pub(crate) fn is_between(&self, earliest: DateTime<Utc>, latest: DateTime<Utc>) -> bool {
        let slack = delta(self.slack());
        self.readings
            .iter()
            .any(|&reading| reading + slack >= earliest && reading <= latest + slack)
    }

    /// How far it can be from the moment at which it was taken.
    pub(crate) fn slack(&self) -> Duration {
        self.resolution + CLOCK_GRAIN
    }

    /// By how much it is ahead of (or behind, negative) a moment, in its best reading.
    pub(crate) fn ahead_of(&self, moment: DateTime<Utc>) -> TimeDelta {
        self.readings
            .iter()
            .map(|&reading| reading - moment)
            .min_by_key(|difference| difference.abs())
            .unwrap_or_default()
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Option<Timestamp> {
        Timestamp::parse(text)
    }

    #[test]
    fn the_forms_of_the_protocol_are_read() {
        for text in [
            "2026-01-31 12:00:00.123456",
            "2026-01-31 12:00:00.1",
            "2026-01-31 12:00:00.123456789",
            "2026-01-31 12:00:00.123456+01:00",
            "2026-01-31 12:00:00.123456 -0530",
            "2026-01-31 12:00:00.123Z",
            "2024-02-29 23:59:59.000000",
        ] {
            assert!(timestamp(text).is_some(), "{text}");
        }
    }

    #[test]
    fn other_forms_and_dates_that_do_not_exist_are_not() {
        for text in [
            "",
            "now",
            "2026-01-31 12:00:00",
            "2026-01-31T12:00:00.123456",
            "2026-1-31 12:00:00.123456",
            "2026-02-30 12:00:00.123456",
            "2026-01-31 25:00:00.123456",
            "2026-01-31 12:00:00.",
            "2026-01-31 12:00:00.1234567890",
            "2026-01-31 12:00:00.123456 CET",
            "31-01-2026 12:00:00.123456",
        ] {
            assert!(timestamp(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_offset_counts() {
        let moment: DateTime<Utc> = "2026-01-31T11:00:00.5Z".parse().unwrap();
        let paris = timestamp("2026-01-31 12:00:00.500000+01:00").unwrap();
        assert!(paris.is_between(moment, moment));
        let wrong = timestamp("2026-01-31 12:00:00.500000+02:00").unwrap();
        assert!(!wrong.is_between(moment, moment));
    }

    #[test]
    fn without_an_offset_utc_is_right() {
        let moment: DateTime<Utc> = "2026-01-31T11:00:00.5Z".parse().unwrap();
        assert!(
            timestamp("2026-01-31 11:00:00.500000")
                .unwrap()
                .is_between(moment, moment)
        );
        assert!(
            !timestamp("2026-01-31 11:00:00.400000")
                .unwrap()
                .is_between(moment, moment)
        );
        assert!(
            !timestamp("2026-01-31 11:00:00.600000")
                .unwrap()
                .is_between(moment, moment)
        );
    }

    #[test]
    fn few_digits_are_judged_by_what_they_can_tell() {
        let moment: DateTime<Utc> = "2026-01-31T11:00:00.599Z".parse().unwrap();
        assert!(
            timestamp("2026-01-31 11:00:00.5")
                .unwrap()
                .is_between(moment, moment)
        );
    }

    #[test]
    fn a_reply_is_read_to_its_last_quote() {
        let reply = parse(b"[2026-01-31 12:00:00.123456] Server got 'it's [x] \xc3\xa9'").unwrap();
        assert_eq!(reply.message, "it's [x] \u{e9}");
    }

    #[test]
    fn a_malformed_reply_is_named() {
        let stamp = "[2026-01-31 12:00:00.123456]";
        let fault = |line: String| parse(line.as_bytes()).unwrap_err();
        assert_eq!(
            fault(format!("{stamp} Server got 'a'\r")),
            Malformed::CarriageReturn
        );
        assert_eq!(fault("Server got 'a'".into()), Malformed::NoTimestamp);
        assert_eq!(
            fault("[soon] Server got 'a'".into()),
            Malformed::BadTimestamp("soon".into())
        );
        assert_eq!(
            fault(format!("{stamp} Server got a")),
            Malformed::BadText("Server got a".into())
        );
    }
}
