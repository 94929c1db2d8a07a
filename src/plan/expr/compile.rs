//! From the syntax tree to expressions: function names, numbers of arguments, regular expressions and formats are
//! checked here, so that nothing of this can fail while events run.

use super::functions::{self, CONDITIONS, VALUES};
use super::{Condition, Expression, Format, Pattern, Replace, conditions, numeric, relative, text};
use crate::cloudtrail::FieldPath;
use crate::plan::Value;
use crate::plan::error::CompileError;
use crate::plan::matcher::Matcher;
use crate::plan::names::Names;
use crate::plan::regular;
use crate::plan::time_format::TimeFormat;
use crate::spl::ast::{BinaryOp, CompareOp, Expr, Span, Spanned, UnaryOp};

type Result<T> = std::result::Result<T, CompileError>;
type Arguments<'a> = &'a [Spanned<Expr>];

/// An expression of either type.
#[derive(Clone, Debug)]
pub(in crate::plan) enum Typed {
    Value(Expression),
    Condition(Condition),
}

/// Compiles what must give a value.
pub(in crate::plan) fn compile_value(expr: &Spanned<Expr>) -> Result<Expression> {
    match compile_typed(&expr.node, &expr.span)? {
        Typed::Value(value) => Ok(value),
        Typed::Condition(_) => Err(CompileError::invalid("a condition is not a value", &expr.span)
            .with_help("turn it into one: if(<condition>, 1, 0)")),
    }
}

/// Compiles what must be true or false.
pub(in crate::plan) fn compile_condition(expr: &Spanned<Expr>) -> Result<Condition> {
    match compile_typed(&expr.node, &expr.span)? {
        Typed::Condition(condition) => Ok(condition),
        // `null()` is of both types: the condition that is never true.
        Typed::Value(Expression::Constant(Value::Null)) => Ok(Condition::Constant(None)),
        Typed::Value(_) => Err(CompileError::invalid("a value is not a condition", &expr.span)
            .with_help("compare it with something, or ask isnotnull(<field>)")),
    }
}

/// Compiles either.
pub(in crate::plan) fn compile_typed(expr: &Expr, span: &Span) -> Result<Typed> {
    Ok(match expr {
        Expr::Number(number) => Typed::Value(Expression::Constant(Value::number(*number))),
        Expr::Text(text) => Typed::Value(constant(text)),
        Expr::Field(name) if name.contains('*') => {
            return Err(CompileError::unsupported("wildcards are not supported in an expression", span)
                .with_help("name the fields one by one"));
        }
        Expr::Field(name) => Typed::Value(Expression::Field(FieldPath::compile(name))),
        Expr::Unary(UnaryOp::Minus, inner) => {
            Typed::Value(Expression::Call(numeric::negate, vec![compile_value(inner)?]))
        }
        Expr::Unary(UnaryOp::Not, inner) => Typed::Condition(Condition::Not(Box::new(compile_condition(inner)?))),
        Expr::Binary(op, left, right) => binary(*op, left, right)?,
        Expr::In(value, list) => Typed::Condition(Condition::In(compile_value(value)?, values(list)?)),
        Expr::Call(name, arguments) => call(name, arguments, span)?,
    })
}

fn constant(text: &str) -> Expression {
    Expression::Constant(Value::text(text))
}

fn values(arguments: Arguments<'_>) -> Result<Vec<Expression>> {
    arguments.iter().map(compile_value).collect()
}

fn binary(op: BinaryOp, left: &Spanned<Expr>, right: &Spanned<Expr>) -> Result<Typed> {
    let values = || Ok::<_, CompileError>([compile_value(left)?, compile_value(right)?]);
    let conditions = || Ok::<_, CompileError>(Box::new([compile_condition(left)?, compile_condition(right)?]));
    let function = match op {
        BinaryOp::Compare(op) => return Ok(Typed::Condition(Condition::Compare(op, Box::new(values()?)))),
        BinaryOp::Like => return Ok(Typed::Condition(Condition::Like(Box::new(values()?)))),
        BinaryOp::And => return Ok(Typed::Condition(Condition::And(conditions()?))),
        BinaryOp::Or => return Ok(Typed::Condition(Condition::Or(conditions()?))),
        BinaryOp::Xor => return Ok(Typed::Condition(Condition::Xor(conditions()?))),
        BinaryOp::Add => numeric::add,
        BinaryOp::Sub => numeric::subtract,
        BinaryOp::Mul => numeric::multiply,
        BinaryOp::Div => numeric::divide,
        BinaryOp::Mod => numeric::remainder,
        BinaryOp::Concat => text::concat,
    };
    Ok(Typed::Value(Expression::Call(function, values()?.into())))
}

fn call(name: &str, arguments: Arguments<'_>, span: &Span) -> Result<Typed> {
    if let Some((_, least, most, function)) = VALUES.iter().find(|function| function.0 == name) {
        check_path(name, arguments, span)?;
        count(name, arguments, *least, *most, span)?;
        check_specifier(name, arguments)?;
        if let ("tostring", Typed::Condition(condition)) =
            (name, compile_typed(&arguments[0].node, &arguments[0].span)?)
        {
            return Ok(Typed::Value(Expression::TruthText(Box::new(condition))));
        }
        return Ok(Typed::Value(Expression::Call(*function, values(arguments)?)));
    }
    if let Some((_, least, most, function)) = CONDITIONS.iter().find(|function| function.0 == name) {
        count(name, arguments, *least, *most, span)?;
        check_network(name, arguments)?;
        return Ok(Typed::Condition(Condition::Call(*function, values(arguments)?)));
    }
    if let Some((least, most)) = special_arity(name) {
        count(name, arguments, least, most, span)?;
    }
    special(name, arguments, span)
}

fn special_arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "true" | "false" | "null" | "now" => (0, 0),
        "searchmatch" | "mvfilter" => (1, 1),
        "match" | "like" | "mvfind" | "strftime" | "strptime" | "nullif" | "mvmap" => (2, 2),
        "if" | "replace" => (3, 3),
        // `in(..)` of so many is `Expr::In` already.
        "case" | "in" => (2, usize::MAX),
        _ => return None,
    })
}

fn special(name: &str, arguments: Arguments<'_>, span: &Span) -> Result<Typed> {
    if let Some(condition) = special_condition(name, arguments)? {
        return Ok(Typed::Condition(condition));
    }
    Ok(Typed::Value(match name {
        "null" => Expression::Constant(Value::Null),
        "now" => Expression::Now,
        "if" => choice(arguments)?,
        "case" => case(arguments, span)?,
        "nullif" => nullif(arguments)?,
        "replace" => Expression::Replace(Box::new(Replace {
            text: compile_value(&arguments[0])?,
            pattern: pattern(&arguments[1])?,
            replacement: compile_value(&arguments[2])?,
        })),
        "mvfilter" => filter(&arguments[0])?,
        "mvmap" => map(arguments, span)?,
        "mvfind" => Expression::Find(Box::new(compile_value(&arguments[0])?), pattern(&arguments[1])?),
        "strftime" => {
            Expression::StrFTime(Box::new(compile_value(&arguments[0])?), format(&arguments[1], TimeFormat::new)?)
        }
        "strptime" => {
            let text = Box::new(compile_value(&arguments[0])?);
            Expression::StrPTime(text, format(&arguments[1], TimeFormat::for_reading)?)
        }
        _ => return Err(unknown_function(name, span)),
    }))
}

fn special_condition(name: &str, arguments: Arguments<'_>) -> Result<Option<Condition>> {
    Ok(Some(match name {
        "true" => Condition::Constant(Some(true)),
        "false" => Condition::Constant(Some(false)),
        "like" => Condition::Like(Box::new([compile_value(&arguments[0])?, compile_value(&arguments[1])?])),
        "match" => Condition::Match(compile_value(&arguments[0])?, pattern(&arguments[1])?),
        "searchmatch" => search_match(&arguments[0])?,
        _ => return Ok(None),
    }))
}

fn search_match(argument: &Spanned<Expr>) -> Result<Condition> {
    let Expr::Text(search) = &argument.node else {
        return Err(CompileError::invalid("searchmatch takes a quoted search", &argument.span));
    };
    let invalid = |error: crate::spl::SplError| CompileError::invalid(error.message, &argument.span);
    let pipeline = crate::spl::parse(search).map_err(invalid)?;
    if !pipeline.commands.is_empty() {
        return Err(CompileError::invalid("searchmatch takes a search without commands", &argument.span));
    }
    Ok(Condition::Search(Box::new(Matcher::compile(&pipeline.base))))
}

fn filter(argument: &Spanned<Expr>) -> Result<Expression> {
    match Names::of_expr(&argument.node).into_vec().as_slice() {
        [field] => Ok(Expression::Filter(FieldPath::compile(field), Box::new(compile_condition(argument)?))),
        _ => Err(CompileError::invalid("the condition of mvfilter names exactly one field", &argument.span)),
    }
}

fn map(arguments: Arguments<'_>, span: &Span) -> Result<Expression> {
    let [field, expression] = arguments else { return Err(unknown_function("mvmap", span)) };
    match (&field.node, Names::of_expr(&expression.node).into_vec().as_slice()) {
        (Expr::Field(field), [named]) if field == named => {
            Ok(Expression::Map(FieldPath::compile(field), Box::new(compile_value(expression)?)))
        }
        // With another field of many values the work would grow with the product of both.
        _ => Err(CompileError::unsupported("mvmap takes a field and an expression of it alone", span).with_help(
            "write what it takes apart to a field before: eval parts=split(a, \",\"), x=mvmap(parts, lower(parts))",
        )),
    }
}

fn choice(arguments: Arguments<'_>) -> Result<Expression> {
    let branches = [compile_value(&arguments[1])?, compile_value(&arguments[2])?];
    Ok(Expression::If(Box::new(compile_condition(&arguments[0])?), Box::new(branches)))
}

fn case(arguments: Arguments<'_>, span: &Span) -> Result<Expression> {
    let (pairs, rest) = arguments.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CompileError::invalid("case takes pairs of a condition and a value", span)
            .with_help("a default is written as the last pair: true(), <value>"));
    }
    let cases = pairs.iter().map(|[condition, value]| Ok((compile_condition(condition)?, compile_value(value)?)));
    Ok(Expression::Case(cases.collect::<Result<_>>()?))
}

/// `nullif(a, b)`: null where they are equal, otherwise `a`.
fn nullif(arguments: Arguments<'_>) -> Result<Expression> {
    let (a, b) = (compile_value(&arguments[0])?, compile_value(&arguments[1])?);
    let equal = Condition::Compare(CompareOp::Eq, Box::new([a.clone(), b]));
    Ok(Expression::If(Box::new(equal), Box::new([Expression::Constant(Value::Null), a])))
}

fn pattern(argument: &Spanned<Expr>) -> Result<Pattern> {
    let Expr::Text(text) = &argument.node else {
        return Ok(Pattern::Computed(Box::new(compile_value(argument)?)));
    };
    Ok(Pattern::Fixed(regular::compile(text, &argument.span)?))
}

fn format(argument: &Spanned<Expr>, of: fn(&str) -> std::result::Result<TimeFormat, String>) -> Result<Format> {
    let Expr::Text(text) = &argument.node else {
        return Ok(Format::Computed(Box::new(compile_value(argument)?)));
    };
    of(text).map(Format::Fixed).map_err(|detail| {
        CompileError::unsupported(format!("this time format is not supported: {detail}"), &argument.span)
    })
}

/// Several values come out of Splunk's `json_extract` as one JSON array, and only there.
fn check_path(name: &str, arguments: Arguments<'_>, span: &Span) -> Result<()> {
    if name != "json_extract" {
        return Ok(());
    }
    match arguments {
        [_, Spanned { node: Expr::Text(path), .. }] if !path.contains("{}") => Ok(()),
        [_, Spanned { node: Expr::Text(path), span }] => {
            Err(CompileError::unsupported("json_extract of all elements of an array is not supported", span)
                .with_help(format!("its values, as a multivalue field, are those of spath(policy, \"{path}\")")))
        }
        _ => Err(CompileError::unsupported("this form of json_extract is not supported", span).with_help(
            "it takes a text of JSON and one path in quotes: json_extract(policy, \"Statement{0}.Effect\")",
        )),
    }
}

fn check_specifier(name: &str, arguments: Arguments<'_>) -> Result<()> {
    match arguments {
        [_, Spanned { node: Expr::Text(text), span }] if name == "relative_time" && !relative::is_specifier(text) => {
            Err(CompileError::invalid(format!("`{text}` is not a relative time"), span).with_help(
                "it consists of moves and snaps without blanks: -1d, +30m, @d, -1mon@mon, @w1; units are s, m, h, d, w, \
                 mon, q and y",
            ))
        }
        _ => Ok(()),
    }
}

fn check_network(name: &str, arguments: Arguments<'_>) -> Result<()> {
    match &arguments[0].node {
        Expr::Text(text) if name == "cidrmatch" && conditions::Network::parse(text).is_none() => {
            Err(CompileError::invalid("this is not a network", &arguments[0].span)
                .with_help("networks are written as 10.0.0.0/8 or 2001:db8::/32, as the first argument"))
        }
        _ => Ok(()),
    }
}

fn count(name: &str, arguments: Arguments<'_>, least: usize, most: usize, span: &Span) -> Result<()> {
    if (least..=most).contains(&arguments.len()) {
        return Ok(());
    }
    let expected = match (least, most) {
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    Err(CompileError::invalid(format!("{name} takes {expected} arguments, not {}", arguments.len()), span))
}

fn unknown_function(name: &str, span: &Span) -> CompileError {
    let names = functions::names();
    let supported = || format!("supported are {}", names.join(", "));
    if functions::is_splunks(name) {
        let help = functions::instead(name).map_or_else(&supported, str::to_owned);
        return CompileError::unsupported(format!("the function {name} is not supported"), span).with_help(help);
    }
    let help = match crate::spl::nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => supported(),
    };
    CompileError::unsupported(format!("unknown function {name}"), span).with_help(help)
}
