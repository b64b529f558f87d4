//! Text of students made harmless to show: a program's output, a panic's message, a file's name can
//! hold terminal escapes, or characters that turn the reading direction and so forge what a report
//! says. They are shown as `\u{1b}`, and everything else as it is.

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Text of several lines: line feeds and tabs stay.
pub fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    escape(&text, |c| !matches!(c, '\n' | '\t') && is_treacherous(c))
}

/// Text that must stay on its line, such as a name.
pub fn plain_line(text: &str) -> String {
    escape(text, is_treacherous)
}

/// A value with each of its texts made [`plain`], so that no field can be forgotten.
pub fn plain_everywhere<T: Serialize + DeserializeOwned>(value: &T) -> Result<T> {
    let mut json = serde_json::to_value(value).context("a verdict is not JSON")?;
    make_plain(&mut json);
    serde_json::from_value(json).context("a verdict is not what its JSON says")
}

fn make_plain(value: &mut Value) {
    match value {
        Value::String(text) => *text = plain(text),
        Value::Array(values) => values.iter_mut().for_each(make_plain),
        Value::Object(fields) => fields.values_mut().for_each(make_plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn escape(text: &str, escaped: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            true => plain.extend(c.escape_unicode()),
            false => plain.push(c),
        }
    }
    plain
}

fn is_treacherous(c: char) -> bool {
    match c {
        // Controls: ESC begins a terminal escape, and so does the C1 character U+009B.
        _ if c.is_control() => true,
        // Marks, embeddings, overrides and isolates of the reading direction.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Line ends of Unicode's own, and what is not seen at all.
        '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        // No XML may hold them.
        '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_seen_and_text_stays() {
        assert_eq!(plain("\u{1b}[2Jgone\u{7}"), r"\u{1b}[2Jgone\u{7}");
        assert_eq!(plain("\u{9b}31m"), r"\u{9b}31m");
        assert_eq!(plain("abc\u{202e}fdp.exe"), r"abc\u{202e}fdp.exe");
        assert_eq!(plain("a\r\n\tb\rc"), "a\n\tb\\u{d}c");
        assert_eq!(plain("Zoë 李雷 שלום 🦀"), "Zoë 李雷 שלום 🦀");
        assert_eq!(plain(&plain("\u{1b}")), plain("\u{1b}"));
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(plain_line("anna\n100 points"), r"anna\u{a}100 points");
    }

    #[test]
    fn every_text_of_a_value_is_made_plain() {
        let value = serde_json::json!({ "a": ["\u{1b}", { "b": "\u{202e}" }], "c": 1 });
        let plain = serde_json::json!({ "a": [r"\u{1b}", { "b": r"\u{202e}" }], "c": 1 });
        assert_eq!(plain_everywhere(&value).unwrap(), plain);
    }
}
