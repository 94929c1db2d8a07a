//! Texts with wildcards: `*` of `search` and of field lists, `%` and `_` of `LIKE`.
//!
//! `search` ignores case. Folding never turns a non-ASCII character into an ASCII one: otherwise the Kelvin sign would
//! match `k`, and the literals that the prefilter looks for in the bytes (PO-3) would not be there.

use std::borrow::Cow;

/// Lower case, character by character; the number of characters never changes.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        Cow::Owned(text.chars().map(fold_char).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) if !single.is_ascii() => single,
        _ => c,
    }
}

/// A text in which `*` stands for any number of characters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    /// What stands between the stars; one piece where there is no star.
    pieces: Vec<String>,
}

impl Pattern {
    /// A pattern that is compared as it stands (field names).
    pub(super) fn exact(text: &str) -> Self {
        Self { pieces: text.split('*').map(str::to_owned).collect() }
    }

    /// A pattern for folded text (`search`).
    pub(super) fn folded(text: &str) -> Self {
        Self::exact(&fold(text))
    }

    /// The texts between the stars.
    pub(super) fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Whether the whole text matches when it is folded; for a pattern made by [`Self::folded`].
    pub(super) fn matches_folded(&self, text: &str) -> bool {
        match self.pieces.as_slice() {
            // Nothing but ASCII folds to ASCII, so the commonest terms need no folded copy.
            [piece] if piece.is_ascii() => text.eq_ignore_ascii_case(piece),
            _ => self.matches(&fold(text)),
        }
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.captures(text).is_some()
    }

    /// Whether it names a field: an internal one, with an underscore in front, only where it begins so itself.
    pub(super) fn names(&self, field: &str) -> bool {
        !(field.starts_with('_') && self.pieces[0].is_empty()) && self.matches(field)
    }

    /// What each star stands for, shortest first; none where the text does not match.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, rest) = self.pieces.split_first()?;
        let mut left = text.strip_prefix(first.as_str())?;
        let Some((last, middle)) = rest.split_last() else {
            return left.is_empty().then(Vec::new);
        };
        let mut stars = Vec::with_capacity(rest.len());
        for piece in middle {
            let at = left.find(piece.as_str())?;
            stars.push(&left[..at]);
            left = &left[at + piece.len()..];
        }
        stars.push(left.strip_suffix(last.as_str())?);
        Some(stars)
    }

    /// Whether the pieces occur in the text, in their order.
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        let mut left = text;
        self.pieces.iter().all(|piece| match left.find(piece.as_str()) {
            Some(at) => {
                left = &left[at + piece.len()..];
                true
            }
            None => false,
        })
    }

    /// Puts what the stars stood for into this pattern's own stars.
    pub(super) fn fill(&self, stars: &[&str]) -> String {
        let mut filled = self.pieces[0].clone();
        for (star, piece) in stars.iter().zip(&self.pieces[1..]) {
            filled.push_str(star);
            filled.push_str(piece);
        }
        filled
    }

    /// How many stars it has.
    pub(super) fn stars(&self) -> usize {
        self.pieces.len() - 1
    }
}

/// `LIKE`: `%` is any number of characters, `_` is one; case-sensitive.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(&c) if c == '_' || c == text[t] => (t, p) = (t + 1, p + 1),
            _ => {
                // The last `%` takes one character more; earlier ones never have to.
                let Some((behind, from)) = retry else { return false };
                (t, p) = (from + 1, behind);
                retry = Some((behind, t));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*a", "a", false),
            ("abc", "abcd", false),
            ("*.amazonaws.com", "s3.amazonaws.com", true),
            ("*.amazonaws.com", "amazonaws.com", false),
            ("*ab*b", "xab", false),
            ("*ab*b", "xabb", true),
        ] {
            assert_eq!(Pattern::exact(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn case_is_ignored() {
        for (pattern, text, matches) in [
            ("GetUser", "getUSER", true),
            ("Ä*", "äb", true),
            ("ä*", "Ä", true),
            ("Ärger", "äRGER", true),
            ("äö", "ÄÖ", true),
            ("äö", "ÄO", false),
            ("key", "\u{212a}ey", false),
            ("\u{212a}*", "\u{212a}EY", true),
        ] {
            assert_eq!(Pattern::folded(pattern).matches_folded(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn each_star_is_what_stands_between_its_neighbours() {
        for (pattern, text, stars) in [
            ("a.*", "a.", &[""][..]),
            ("*bc*d", "xbcyd", &["x", "y"]),
            ("*.arn*s.*", "a.b.arns.x", &["a.b", "", "x"]),
            // The shortest that will do.
            ("*.*", "a.b.c", &["a", "b.c"]),
        ] {
            assert_eq!(Pattern::exact(pattern).captures(text).as_deref(), Some(stars), "{pattern} {text}");
        }
    }

    #[test]
    fn captures_fill_another_pattern() {
        let stars = Pattern::exact("requestParameters.*").captures("requestParameters.a.b").expect("it matches");
        assert_eq!(Pattern::exact("*").fill(&stars), "a.b");
        assert_eq!(Pattern::exact("x_*_y").fill(&stars), "x_a.b_y");
    }

    #[test]
    fn folding_never_makes_ascii_of_other_characters() {
        assert_eq!(fold("JobCreated ÄΣ"), "jobcreated äσ");
        assert_eq!(fold("\u{212a}\u{130}"), "\u{212a}\u{130}");
    }

    #[test]
    fn like_knows_percent_and_underscore() {
        for (text, pattern, matches) in [
            ("abc", "a%", true),
            ("abc", "a_c", true),
            ("abc", "A%", false),
            ("aXbXc", "%b%c", true),
            ("abc", "abc_", false),
            ("", "%", true),
            ("aab", "%ab", true),
        ] {
            assert_eq!(like(text, pattern), matches, "{text} LIKE {pattern}");
        }
    }
}
