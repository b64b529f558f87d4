//! The glossary: in the order of its terms, each with the chapter that introduces it, and that does.

use crate::chapter::chapters;
use crate::{expect_none, flat};

#[test]
fn a_term_is_in_the_chapter_that_the_glossary_names() {
    let chapters = chapters();
    let text = |name: &str| {
        let chapter = chapters.iter().find(|chapter| chapter.name == name);
        chapter.map(|chapter| flat(&chapter.text).to_lowercase())
    };
    let mut faults = Vec::new();
    for (term, meaning) in terms() {
        let link = meaning.rsplit_once("](").map_or("", |(_, link)| link);
        let page = link.trim_end_matches(")").trim_end_matches(")");
        let word = term.split(' ').next().unwrap_or(&term).to_lowercase();
        match text(page) {
            None => faults.push(format!("{term}: it names no chapter, but `{page}`")),
            Some(text) if !text.contains(&word) => {
                faults.push(format!("{term}: {page} does not say `{word}`"));
            }
            Some(_) => {}
        }
    }
    expect_none(faults);
}

#[test]
fn terms_are_in_order() {
    let terms: Vec<_> = terms()
        .into_iter()
        .map(|(term, _)| term.to_lowercase())
        .collect();
    assert!(terms.len() > 50, "{terms:?}");
    assert!(terms.is_sorted(), "{terms:?}");
}

/// Each term with its meaning, on one line.
fn terms() -> Vec<(String, String)> {
    let chapters = chapters();
    let glossary = chapters
        .iter()
        .find(|chapter| chapter.name == "glossary.md")
        .expect("a glossary");
    let entries = glossary.text.split("\n- **").skip(1);
    entries
        .map(|entry| {
            let (term, meaning) = entry.split_once("**:").expect("a term and its meaning");
            (term.to_owned(), flat(meaning))
        })
        .collect()
}
