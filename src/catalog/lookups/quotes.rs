//! Quotes of CSV that its reader would take silently for something else than was meant, whole rows with them.

/// What is said of a quote without its end.
const UNCLOSED: &str = "a quote opens here and is not closed: close it, or double it where the value holds one";
/// What is said of `"you" x`.
const BEHIND: &str = "text stands behind a closing quote: quote the whole value, and double a quote in it";

/// Where a scan is.
#[derive(Clone, Copy)]
enum At {
    /// Before a value.
    Start,
    /// In a value without quotes, in which a quote is a character like any other.
    Bare,
    /// In a value with quotes, which opened in this line.
    Quoted(u64),
    /// Behind a quote in such a value: it closes it, or is the first of a double one.
    Quote(u64),
}

/// The quotes that are wrong, each with its line.
pub(super) fn wrong(text: &str) -> Vec<(u64, &'static str)> {
    let (mut at, mut line, mut found) = (At::Start, 1, Vec::new());
    for byte in text.bytes() {
        at = match (at, byte) {
            (At::Start, b'"') => At::Quoted(line),
            (At::Quoted(opened), b'"') => At::Quote(opened),
            (At::Quote(opened), b'"') => At::Quoted(opened),
            (At::Quoted(opened), _) => At::Quoted(opened),
            (_, b',' | b'\n' | b'\r') => At::Start,
            (At::Quote(_), _) => {
                found.push((line, BEHIND));
                At::Bare
            }
            (At::Start | At::Bare, _) => At::Bare,
        };
        line += u64::from(byte == b'\n');
    }
    if let At::Quoted(opened) = at {
        found.push((opened, UNCLOSED));
    }
    found
}
