//! The book as it is built: every link leads somewhere, anchors too. Links to other sites are only
//! required to be safe (https).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use html5gum::{Token, Tokenizer};

use crate::{built, expect_none};

/// The ids and the links of a page.
#[derive(Default)]
struct Page {
    ids: BTreeSet<String>,
    links: Vec<String>,
}

#[test]
fn no_link_is_dead() {
    let built = built();
    let pages = read(built.path());
    let mut faults = BTreeSet::new();
    for (name, page) in &pages {
        // The print page repeats all others, with links of its own.
        if name == Path::new("print.html") || name == Path::new("404.html") {
            continue;
        }
        for link in &page.links {
            if let Err(fault) = check(built.path(), &pages, name, link) {
                faults.insert(format!("{}: {link}: {fault}", name.display()));
            }
        }
    }
    expect_none(faults.into_iter().collect());
}

fn check(
    built: &Path,
    pages: &BTreeMap<PathBuf, Page>,
    from: &Path,
    link: &str,
) -> Result<(), &'static str> {
    if link.contains("://") {
        let is_safe = link.starts_with("https://") || link.starts_with("http://localhost");
        return is_safe.then_some(()).ok_or("not https");
    }
    let (path, id) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        from.to_owned()
    } else {
        normal(&from.parent().unwrap_or(Path::new("")).join(path))
    };
    if !built.join(&target).is_file() {
        return Err("no such page");
    }
    let has_id = id.is_empty() || pages.get(&target).is_none_or(|page| page.ids.contains(id));
    has_id.then_some(()).ok_or("no such heading")
}

/// Without `..`: `solutions/../ex01.html` is `ex01.html`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

fn read(built: &Path) -> BTreeMap<PathBuf, Page> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![built.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the built book") {
            let path = entry.expect("the built book").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "html")
            {
                let name = path.strip_prefix(built).expect("a page of the book");
                let text = fs::read_to_string(&path).expect("a page is text");
                pages.insert(name.to_owned(), page(&text));
            }
        }
    }
    pages
}

fn page(text: &str) -> Page {
    let mut page = Page::default();
    for token in Tokenizer::new(text).flatten() {
        let Token::StartTag(tag) = token else {
            continue;
        };
        for (name, value) in tag.attributes {
            let value = String::from_utf8_lossy(&value).into_owned();
            match name.as_slice() {
                b"id" => {
                    page.ids.insert(value);
                }
                b"href" | b"src" if !value.is_empty() => page.links.push(value),
                _ => {}
            }
        }
    }
    page
}
