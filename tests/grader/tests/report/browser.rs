//! What a browser makes of a page.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub(crate) fn is_installed() -> bool {
    Command::new("chromium").arg("--version").output().is_ok()
}

/// The text of the page as the browser has it, on one line, without the signs that stand for words.
pub(crate) fn seen(page: &Path) -> String {
    let dom = dom(page, &[]);
    let (_, body) = dom.split_once("<body>").expect("the page is there");
    let mut text = String::new();
    for piece in body.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let is_sign = tag.contains("class=\"sign ");
        text += if is_sign { "" } else { words };
        text += if tag.starts_with("/t") { " " } else { "" };
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How wide the page is in a window of this width: more, if it must be scrolled sideways.
pub(crate) fn width(page: &Path, window: u32) -> u32 {
    let folder = TempDir::new().expect("a folder");
    let frame = folder.path().join("frame.html");
    let html = format!(
        "<iframe width={window} height=800 style='border:0' src='file://{}'></iframe>
         <script>
         const frame = document.querySelector('iframe');
         frame.onload = () => document.title = frame.contentDocument.documentElement.scrollWidth;
         </script>",
        page.display()
    );
    fs::write(&frame, html).expect("the frame is written");
    let dom = dom(
        &frame,
        &["--allow-file-access-from-files", "--hide-scrollbars"],
    );
    let (_, title) = dom.split_once("<title>").expect("the page was measured");
    let (width, _) = title.split_once("</title>").expect("a title ends");
    width.parse().expect("a width is a number")
}

/// The page as the browser has it once it is loaded.
fn dom(page: &Path, options: &[&str]) -> String {
    let profile = TempDir::new().expect("a folder");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .args(options)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("a page is UTF-8")
}
