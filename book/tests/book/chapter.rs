//! The book's pages as they are written, taken apart.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::{repository, source};

/// One Markdown file of the book.
pub struct Chapter {
    /// Relative to its folder: `hints/ex01.md`.
    pub name: String,
    pub path: PathBuf,
    pub text: String,
    pub headings: Vec<(HeadingLevel, String)>,
    pub blocks: Vec<Block>,
    /// Code in the running text: `accept`.
    pub inline_code: Vec<String>,
    pub links: Vec<String>,
    pub images: Vec<String>,
}

/// A fenced block of code.
pub struct Block {
    /// What stands behind the fence: `rust,ignore`.
    pub language: String,
    pub text: String,
}

/// All pages, in the order of their names.
pub fn chapters() -> Vec<Chapter> {
    pages(source())
}

/// The lessons, which the chapter of all diagnoses includes.
pub fn lessons() -> Vec<Chapter> {
    pages(repository().join("tests/harness/lessons"))
}

fn pages(root: PathBuf) -> Vec<Chapter> {
    let mut chapters = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the pages") {
            let path = entry.expect("the pages").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                chapters.push(read(&root, path));
            }
        }
    }
    chapters.sort_by(|one, other| one.name.cmp(&other.name));
    chapters
}

fn read(root: &Path, path: PathBuf) -> Chapter {
    let text = fs::read_to_string(&path).expect("a page is text");
    let name = path
        .strip_prefix(root)
        .expect("a page lies in its folder")
        .to_string_lossy()
        .into_owned();
    let mut chapter = Chapter {
        name,
        path,
        text: text.clone(),
        headings: Vec::new(),
        blocks: Vec::new(),
        inline_code: Vec::new(),
        links: Vec::new(),
        images: Vec::new(),
    };
    let (mut heading, mut block) = (None, None);
    for event in Parser::new(&text) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => chapter.headings.extend(heading.take()),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => "indented".into(),
                };
                block = Some(Block {
                    language,
                    text: String::new(),
                });
            }
            Event::End(TagEnd::CodeBlock) => chapter.blocks.extend(block.take()),
            Event::Start(Tag::Link { dest_url, .. }) => chapter.links.push(dest_url.into_string()),
            Event::Start(Tag::Image { dest_url, .. }) => {
                chapter.images.push(dest_url.into_string())
            }
            Event::Code(code) => {
                if let Some((_, text)) = &mut heading {
                    *text += &code;
                }
                chapter.inline_code.push(code.into_string());
            }
            Event::Text(piece) => match (&mut heading, &mut block) {
                (Some((_, text)), _) => *text += &piece,
                (_, Some(block)) => block.text += &piece,
                _ => {}
            },
            _ => {}
        }
    }
    chapter
}

impl Chapter {
    /// The targets of `{{#include …}}`.
    pub fn includes(&self) -> impl Iterator<Item = &str> {
        let pieces = self.text.split("{{#include ").skip(1);
        pieces.filter_map(|rest| rest.split("}}").next())
    }
}
