//! What parses and yet is probably not meant.

use super::ast::{BinaryOp, Command, Expr, Pipeline, SearchExpr, SearchTerm, Span, Spanned};

/// A doubtful place of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What it means, as opposed to what it seems to mean.
    pub message: String,
    /// Where, in the text that was parsed.
    pub span: Span,
    /// What to write instead.
    pub help: String,
}

/// All doubtful places of the search that this text was parsed to, in its order.
pub fn lint(pipeline: &Pipeline, text: &str) -> Vec<Lint> {
    let mut lints = Vec::new();
    collect(pipeline, text, &mut lints);
    lints.sort_by_key(|lint| lint.span.start);
    lints
}

fn collect(pipeline: &Pipeline, text: &str, lints: &mut Vec<Lint>) {
    lints.extend(terms(&pipeline.base, text));
    for command in &pipeline.commands {
        match &command.node {
            Command::Search(expr) => lints.extend(terms(expr, text)),
            Command::Rex { field, .. } => lints.extend(quoted_name([Some(field)], &command.span)),
            Command::Spath { input, output, path } => {
                lints.extend(quoted_name([Some(input), output.as_ref(), path.as_ref()], &command.span));
            }
            _ => {}
        }
        command.node.expressions().into_iter().for_each(|expr| expression(expr, lints));
        command.node.subsearch().into_iter().for_each(|subsearch| collect(subsearch, text, lints));
    }
}

fn terms<'e>(expr: &'e SearchExpr, text: &'e str) -> impl Iterator<Item = Lint> + 'e {
    expr.terms().into_iter().flat_map(move |term| {
        let of_words = keyword(term).or_else(|| command(term)).or_else(|| quotes(term)).or_else(|| typography(term));
        of_words.into_iter().chain(escaped_star(&term.span, text))
    })
}

/// `\*`, which is no escape: what is written as `\\*` is a backslash that is meant, and a wildcard.
fn escaped_star(span: &Span, text: &str) -> Option<Lint> {
    let mut rest = text.get(span.clone())?;
    while let Some(at) = rest.find('\\') {
        let behind = &rest[at + 1..];
        if behind.starts_with('*') {
            let message = r"`\*` is a backslash and a wildcard: a search cannot escape the star".to_owned();
            let help = r#"for a star itself write where match(field, "\*")"#.to_owned();
            return Some(Lint { message, span: span.clone(), help });
        }
        rest = behind.strip_prefix('\\').unwrap_or(behind);
    }
    None
}

/// Lower-case `or`, `and`, `not` are words to look for.
fn keyword(term: &Spanned<SearchTerm>) -> Option<Lint> {
    let word = bare_word(term)?;
    let upper = word.to_ascii_uppercase();
    let is_keyword = ["AND", "OR", "NOT", "IN"].contains(&upper.as_str());
    let message = format!("`{word}` in lower case is a word that the event must contain");
    is_keyword.then(|| Lint { message, span: term.span.clone(), help: format!("write `{upper}`") })
}

/// Commands that no search for words needs to name, and that are often written without their `|`.
const COMMANDS: [&str; 6] = ["eval", "eventstats", "rename", "stats", "table", "where"];

fn command(term: &Spanned<SearchTerm>) -> Option<Lint> {
    let word = bare_word(term).filter(|word| COMMANDS.contains(word))?;
    let message = format!("`{word}` among search terms is a word that the event must contain, and no command");
    let help = format!("write `| {word}` for the command, or \"{word}\" in double quotes for the word");
    Some(Lint { message, span: term.span.clone(), help })
}

/// A word to look for that stands without quotes.
fn bare_word(Spanned { node, span }: &Spanned<SearchTerm>) -> Option<&str> {
    match node {
        SearchTerm::Raw(word) if span.len() == word.len() => Some(word),
        _ => None,
    }
}

/// Single quotes are part of a name or of a value.
fn quotes(Spanned { node, span }: &Spanned<SearchTerm>) -> Option<Lint> {
    let quoted = single_quoted(node)?;
    let message = format!("the single quotes of {quoted} are part of it: they quote in eval and where alone");
    let help = "leave them out, or write double quotes".to_owned();
    Some(Lint { message, span: span.clone(), help })
}

/// Quotes that are none to a search, blanks that do not end a word, and what is not seen at all.
const TYPOGRAPHIC: [char; 14] = [
    '\u{ab}', '\u{bb}', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}',
    '\u{a0}', '\u{202f}', '\u{200b}', '\u{feff}',
];

fn typography(Spanned { node, span }: &Spanned<SearchTerm>) -> Option<Lint> {
    let texts: Vec<&String> = match node {
        SearchTerm::Compare { field, value, .. } => vec![field, value],
        SearchTerm::In { field, values } => std::iter::once(field).chain(values).collect(),
        SearchTerm::Raw(word) => vec![word],
    };
    let mut ends = texts.iter().flat_map(|text| [text.chars().next(), text.chars().next_back()]).flatten();
    let odd = ends.find(|end| TYPOGRAPHIC.contains(end))?;
    let message =
        format!("the character U+{:04X} is part of the word here, and neither a quote nor a blank", odd as u32);
    Some(Lint { message, span: span.clone(), help: "write plain double quotes and blanks".to_owned() })
}

/// The field or the value that stands in single quotes.
fn single_quoted(term: &SearchTerm) -> Option<&String> {
    match term {
        SearchTerm::Compare { field, value, .. } => [field, value].into_iter().find(is_quoted),
        SearchTerm::In { field, values } => std::iter::once(field).chain(values).find(is_quoted),
        SearchTerm::Raw(_) => None,
    }
}

fn is_quoted(text: &&String) -> bool {
    text.len() > 2 && text.starts_with('\'') && text.ends_with('\'')
}

/// `rex field='a.b'`: the value of an option is bare, or in double quotes.
fn quoted_name<const N: usize>(names: [Option<&String>; N], span: &Span) -> Option<Lint> {
    let quoted = names.into_iter().flatten().find(is_quoted)?;
    let message = format!("the single quotes of {quoted} are part of the name here, which no field has");
    Some(Lint { message, span: span.clone(), help: "leave them out, or write double quotes".to_owned() })
}

/// `a.b` and `10.0.0.1` without quotes, and two texts that are compared.
fn expression(expr: &Spanned<Expr>, lints: &mut Vec<Lint>) {
    if let Some(name) = dotted_name(expr) {
        let message =
            format!("`{name}` without quotes is the concatenation of the fields {}", name.replace('.', " and "));
        let help = format!("write '{name}' in single quotes for the field of that name");
        lints.push(Lint { message, span: expr.span.clone(), help });
    } else if is_dotted_number(expr) {
        let message = "numbers joined by dots, without quotes, are a concatenation and no address".to_owned();
        let help = "write it in double quotes; for a network, cidrmatch(\"10.0.0.0/8\", field)".to_owned();
        lints.push(Lint { message, span: expr.span.clone(), help });
    } else if let Some(text) = compared_text(&expr.node) {
        let message = format!("\"{text}\" in double quotes is a text: the comparison is the same for every event");
        let help = format!("write '{text}' in single quotes for the field of that name");
        lints.push(Lint { message, span: expr.span.clone(), help });
    } else {
        expr.node.operands().for_each(|operand| expression(operand, lints));
    }
}

/// The left one of two texts that are compared with one another.
fn compared_text(expr: &Expr) -> Option<&String> {
    match expr {
        Expr::Binary(BinaryOp::Compare(_), left, right) => match (&left.node, &right.node) {
            (Expr::Text(text), Expr::Text(_)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The name that fields joined by dots spell, where they stand bare and without blanks.
fn dotted_name(expr: &Spanned<Expr>) -> Option<String> {
    match &expr.node {
        Expr::Binary(BinaryOp::Concat, left, right) if left.span.end + 1 == right.span.start => {
            Some(format!("{}.{}", joined(left)?, joined(right)?))
        }
        _ => None,
    }
}

/// Numbers joined by dots, bare and without blanks: `10.0.0.1` is `10.0` and `0.1`, and `10.0.0.0/8` is `10.0` and a
/// quotient.
fn is_dotted_number(expr: &Spanned<Expr>) -> bool {
    let Expr::Binary(BinaryOp::Concat, left, right) = &expr.node else { return false };
    let is_joined = left.span.end + 1 == right.span.start;
    is_joined && (is_number(left) || is_dotted_number(left)) && is_number(right)
}

fn is_number(expr: &Spanned<Expr>) -> bool {
    match &expr.node {
        Expr::Number(_) => true,
        Expr::Binary(BinaryOp::Div, left, right) => is_number(left) && is_number(right),
        _ => false,
    }
}

fn joined(expr: &Spanned<Expr>) -> Option<String> {
    match &expr.node {
        Expr::Field(name) if name.len() == expr.span.len() => Some(name.clone()),
        _ => dotted_name(expr),
    }
}
