//! The grammar: `term`, `prefix: term`, `metric > 10mb`.

use regex_lite::{Regex, RegexBuilder};
use scope_shared::text::find_ignoring_case;
use smol_str::SmolStr;

use crate::letters::{bare, lower};

/// A parsed query.
#[derive(Clone, Debug)]
pub enum Query {
    /// Text in any field.
    Text(Text),
    /// Text in the fields whose label matches the prefix.
    Prefixed {
        /// Matched against stripped labels.
        prefix: Text,
        /// What is looked for.
        text: Text,
    },
    /// A metric compared with a number.
    Metric {
        /// Stripped name.
        name: SmolStr,
        /// How.
        operator: Operator,
        /// With what.
        value: f64,
    },
}

/// How a metric is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Differs,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

impl Operator {
    /// Whether `left operator right` holds.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Differs => left != right,
            Self::AtLeast => left >= right,
            Self::Greater => left > right,
        }
    }
}

/// What is looked for in a text, ignoring case.
#[derive(Clone, Debug)]
pub enum Text {
    /// Plain characters, lower-cased: by far the most common, and much the fastest.
    Plain(String),
    /// A regular expression.
    Expression(Regex),
}

impl Text {
    /// A pattern; one that is no valid expression is taken literally.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        if pattern.contains(['\\', '^', '$', '.', '|', '?', '*', '+', '(', ')', '[', ']', '{', '}'])
            && let Ok(expression) = RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build()
        {
            return Self::Expression(expression);
        }
        Self::plain(pattern)
    }

    /// These very characters.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::Plain(lower(text))
    }

    /// Whether it is the plain text of no characters, which occurs nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Plain(needle) if needle.is_empty())
    }

    /// Byte range of the first occurrence.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<(u32, u32)> {
        match self {
            Self::Plain(needle) if needle.is_empty() => None,
            Self::Plain(needle) if needle.is_ascii() => {
                find_ignoring_case(text.as_bytes(), needle.as_bytes()).map(|at| (at as u32, (at + needle.len()) as u32))
            }
            // Lower-casing may change lengths outside of ASCII; the range is then only right where it did not.
            Self::Plain(needle) => text
                .to_lowercase()
                .find(needle.as_str())
                .map(|at| clamp(text, at, at + needle.len())),
            Self::Expression(expression) => expression
                .find(text)
                .filter(|found| !found.is_empty())
                .map(|found| (found.start() as u32, found.end() as u32)),
        }
    }

    /// Whether it occurs.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Expression(expression) => expression.is_match(text),
            Self::Plain(_) => self.find(text).is_some(),
        }
    }

    /// Whether a text begins so.
    #[must_use]
    pub fn is_at_the_start_of(&self, text: &str) -> bool {
        match self {
            Self::Plain(needle) if needle.is_ascii() => {
                let start = text.as_bytes().get(..needle.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(needle.as_bytes()))
            }
            _ => self.find(text).is_some_and(|(start, _)| start == 0),
        }
    }
}

fn clamp(text: &str, start: usize, end: usize) -> (u32, u32) {
    let inside = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at as u32
    };
    (inside(start), inside(end))
}

/// Lower case without anything that is neither letter nor digit: how labels and metric names are compared.
#[must_use]
pub fn strip(text: &str) -> String {
    bare(text)
}

/// Reads a query. `None` when there is none: empty, or not complete yet.
#[must_use]
pub fn parse(query: &str) -> Option<Query> {
    let query = query.trim();
    if query.is_empty() {
        return None;
    }
    if query.matches(':').count() == 1 {
        let (prefix, text) = query.split_once(':')?;
        let (prefix, text) = (prefix.trim(), text.trim());
        if prefix.is_empty() || text.is_empty() {
            return None;
        }
        return Some(Query::Prefixed {
            prefix: Text::new(&strip_pattern(prefix)),
            text: Text::new(text),
        });
    }
    if query.contains(['<', '=', '>']) {
        return comparison(query);
    }
    Some(Query::Text(Text::new(query)))
}

/// A prefix may be an expression, so only blanks, hyphens and underscores go; a label is compared without them as well.
fn strip_pattern(prefix: &str) -> String {
    prefix.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect()
}

fn comparison(query: &str) -> Option<Query> {
    const OPERATORS: [(&str, Operator); 6] = [
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("!=", Operator::Differs),
        ("<", Operator::Less),
        ("=", Operator::Equal),
        (">", Operator::Greater),
    ];
    OPERATORS.iter().find_map(|(sign, operator)| {
        let mut parts = query.split(sign);
        let (name, value) = (parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let name = strip(name);
        let value = parse_value(value)?;
        (!name.is_empty()).then(|| Query::Metric {
            name: name.into(),
            operator: *operator,
            value,
        })
    })
}

/// A leading number; the first of k, m, g, t in the rest multiplies by powers of 1024; everything else in the rest is decoration.
fn parse_value(text: &str) -> Option<f64> {
    let text = text.trim();
    let length = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && matches!(c, '-' | '+'))))
        .map_or(text.len(), |(at, _)| at);
    let (number, unit) = text.split_at_checked(length)?;
    let number: f64 = number.parse().ok()?;
    let power = unit
        .chars()
        .find_map(|c| "kmgt".find(c.to_ascii_lowercase()))
        .map_or(0, |at| at as i32 + 1);
    Some(number * 1024f64.powi(power))
}
