//! Names of files for submissions, whose own names are anything.

use std::collections::BTreeSet;

/// Longer names are cut: a folder's entries may have 255 bytes, and these get endings.
const LONGEST: usize = 80;

/// A name for each: letters, digits and hyphens of ASCII, never the same one twice.
pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    names
        .map(|name| {
            let mut slug = slug::slugify(name);
            slug.truncate(LONGEST);
            if slug.is_empty() {
                slug.push_str("submission");
            }
            let numbered = (2..).map(|number| format!("{slug}-{number}"));
            let free = std::iter::once(slug.clone())
                .chain(numbered)
                .find(|slug| taken.insert(slug.clone()));
            free.unwrap_or(slug)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_and_stay_apart() {
        let names = [
            "Anna Müller",
            "anna-muller",
            "anna-muller-2",
            "../../etc/passwd",
            "李雷",
            "",
            "\u{202e}",
        ];
        let slugs = of(names.into_iter());
        assert_eq!(
            slugs,
            [
                "anna-muller",
                "anna-muller-2",
                "anna-muller-2-2",
                "etc-passwd",
                "li-lei",
                "submission",
                "submission-2"
            ]
        );
    }

    #[test]
    fn a_long_name_is_cut() {
        let slugs = of(["x".repeat(300), "x".repeat(301)]
            .iter()
            .map(String::as_str));
        assert_eq!(slugs[0].len(), LONGEST);
        assert_ne!(slugs[0], slugs[1]);
    }
}
