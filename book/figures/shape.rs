//! Whether two runs show the same: other times, ports and counts of bytes are no difference.

/// The first line, or the first piece of a picture, that differs. If it must be exact, numbers matter.
pub(crate) fn same(shown: &str, made: &str, is_exact: bool) -> Result<(), String> {
    let shape = |figure| match is_exact {
        true => str::lines(figure).map(str::to_owned).collect(),
        false => shape(figure),
    };
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

/// Numbers become 0, units of time one unit, and white space one space. Of a timeline's row, who it is
/// and behind whom it waits remains.
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
    for sign in line.chars() {
        let sign = match sign {
            '0'..='9' => '0',
            sign if is_row && is_sign(sign) => ' ',
            sign => sign,
        };
        if !("0 \u{2500}".contains(sign) && shape.ends_with(sign)) {
            shape.push(sign);
        }
    }
    for unit in ["\u{b5}s", "ms"] {
        shape = shape.replace(&format!("0 {unit}"), "0 s");
    }
    shape.replace("0.0", "0").trim().to_owned()
}
