//! Cuts a record's text into JSON documents: one, several behind each other, or one a line.

use serde_json::Deserializer;
use serde_json::value::RawValue;

/// A piece of a record's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// An object or an array (its nesting and its strings are not judged yet).
    Document(&'a str),
    /// Bytes that are no JSON object or array, and what is wrong with them.
    Bad(&'a [u8], String),
}

/// Cuts the text into documents, wherever their line breaks are; `each` sees one by one, since there may be one for every two
/// bytes.
///
/// Behind a fault the text is cut at each line that begins with `{`: that is how every line of NDJSON begins, and no
/// inner line of an indented document. So one bad line takes no neighbour along, and one bad indented document is one
/// bad piece. Each byte is read at most three times, whatever the text.
pub(super) fn split<'a>(text: &'a [u8], each: &mut dyn FnMut(Piece<'a>)) {
    let (read, fault) = read_documents(text, each);
    if fault.is_some() {
        for part in lines_with_brace(&text[read..]) {
            let (read, fault) = read_documents(part, each);
            fault.into_iter().for_each(|fault| each(Piece::Bad(part[read..].trim_ascii(), fault)));
        }
    }
}

/// Reads documents up to the end or the first fault; says how far it came.
fn read_documents<'a>(text: &'a [u8], each: &mut dyn FnMut(Piece<'a>)) -> (usize, Option<String>) {
    let mut documents = Deserializer::from_slice(text).into_iter::<&RawValue>();
    let mut read = 0;
    while let Some(document) = documents.next() {
        match document {
            Ok(document) if document.get().starts_with(['{', '[']) => each(Piece::Document(document.get())),
            Ok(_) => return (read, Some("neither an object nor an array".to_owned())),
            Err(error) => return (read, Some(error.to_string())),
        }
        read = documents.byte_offset();
    }
    (read, None)
}

/// The text cut before each line that begins with `{`.
fn lines_with_brace(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = rest.windows(2).position(|pair| pair == b"\n{").map_or(rest.len(), |newline| newline + 1);
        let (part, remaining) = rest.split_at(cut);
        rest = remaining;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{Piece, split};

    /// The documents, with `!` before those that are bad.
    fn cut(text: &[u8]) -> Vec<String> {
        let show = |piece| match piece {
            Piece::Document(document) => document.to_owned(),
            Piece::Bad(bytes, _) => format!("!{}", String::from_utf8_lossy(bytes)),
        };
        let mut pieces = Vec::new();
        split(text, &mut |piece| pieces.push(show(piece)));
        pieces
    }

    #[test]
    fn documents_may_stand_anywhere() {
        assert_eq!(
            cut(b" {\"a\":1}{\"b\":2} \r\n{\n  \"c\": {}\n}\n\n"),
            ["{\"a\":1}", "{\"b\":2}", "{\n  \"c\": {}\n}"]
        );
        assert_eq!(cut(b" \n"), Vec::<String>::new());
    }

    #[test]
    fn po_1_a_bad_line_takes_no_neighbour_along() {
        assert_eq!(
            cut(b"{\"a\":1}\n{\"b\":\n{\"c\":3}\nnonsense\n{\"d\":4}"),
            ["{\"a\":1}", "!{\"b\":", "{\"c\":3}", "!nonsense", "{\"d\":4}"]
        );
        assert_eq!(cut(b"1 2 3\n\"x\"\n{\"d\":4}"), ["!1 2 3\n\"x\"", "{\"d\":4}"]);
        assert_eq!(cut(b"nonsense\n{\"d\":4}"), ["!nonsense", "{\"d\":4}"]);
        assert_eq!(cut(b"{\"a\":\"\xff\"}\n{\"d\":4}\n{"), ["!{\"a\":\"\u{fffd}\"}", "{\"d\":4}", "!{"]);
    }

    #[test]
    fn po_1_a_bad_indented_document_is_one_piece() {
        let text = b"{\n  \"a\": [\n    {\"b\": 1},\n    nonsense\n  ]\n}\n{\n  \"c\": 1\n}\n";
        assert_eq!(cut(text).len(), 2);
        assert_eq!(cut(text)[1], "{\n  \"c\": 1\n}");
    }
}
