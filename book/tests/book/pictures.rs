//! Every picture is used, safe, and readable in light and in dark, by those who can't see it too.

use std::collections::BTreeSet;
use std::fs;

use crate::chapter::chapters;
use crate::{expect_none, source};

fn figures() -> Vec<(String, String)> {
    let folder = fs::read_dir(source().join("figures")).expect("the figures");
    let mut figures: Vec<_> = folder
        .map(|entry| {
            let path = entry.expect("the figures").path();
            let name = path.file_name().expect("a figure's name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a figure is text");
            (name.into_owned(), text)
        })
        .collect();
    figures.sort();
    figures
}

#[test]
fn every_figure_is_shown() {
    let mut shown = BTreeSet::new();
    for chapter in chapters() {
        let names = chapter
            .includes()
            .chain(chapter.images.iter().map(String::as_str));
        shown.extend(names.filter_map(|name| Some(name.split_once("figures/")?.1.to_owned())));
    }
    let unused = figures().into_iter().map(|(name, _)| name);
    expect_none(unused.filter(|name| !shown.contains(name)).collect());
}

#[test]
fn a_picture_has_words_and_is_drawn_for_light_and_dark() {
    let mut faults = Vec::new();
    for (name, svg) in figures()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".svg"))
    {
        for needed in [
            "role=\"img\"",
            "<title>",
            "<desc>",
            "viewBox=",
            "@media",
            "prefers-color-scheme",
        ] {
            if !svg.contains(needed) {
                faults.push(format!("{name} has no {needed}"));
            }
        }
        for forbidden in ["<script", "<foreignObject", "href=", "url(", "@import"] {
            if svg.contains(forbidden) {
                faults.push(format!("{name} has {forbidden}"));
            }
        }
    }
    expect_none(faults);
}

#[test]
fn a_picture_has_an_alternative_text() {
    let mut faults = Vec::new();
    for chapter in chapters() {
        for picture in chapter.text.split("![").skip(1) {
            let (words, rest) = picture.split_once("](").unwrap_or((picture, ""));
            if words.split_whitespace().count() < 4 {
                let target = rest.split(')').next().unwrap_or_default();
                faults.push(format!("{}: {target}: what does it show?", chapter.name));
            }
        }
    }
    expect_none(faults);
}
