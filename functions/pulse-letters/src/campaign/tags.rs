//! What may stand in a campaign's letter besides text: a part of Jinja's language that shows values and chooses between texts.
//!
//! It is less than the month's templates may do, so that whatever an operator writes ends, takes no more memory than what it
//! says, and is known to be right before the first mail: there are no loops, no filters and no variables of one's own.

use pulse_core::{customer::Currency, score::Band, stage::StageName};

/// A value that a letter may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    /// In the letter's language; compared as `loan` or `card`.
    Product,
    Balance,
    Currency,
    Score,
    Band,
    AsOf,
    /// What the campaign's partner calls what it did for the customer.
    Reference,
    /// Which of the customer's items the mail is about.
    Item,
}

const FIELDS: [(&str, Field); 9] = [
    ("name", Field::Name),
    ("product", Field::Product),
    ("balance", Field::Balance),
    ("currency", Field::Currency),
    ("score", Field::Score),
    ("band", Field::Band),
    ("as_of", Field::AsOf),
    ("reference", Field::Reference),
    ("item", Field::Item),
];

/// What a line is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    Show(Field),
    If(Condition<'a>),
    ElseIf(Condition<'a>),
    Else,
    EndIf,
    /// Tells the reader of the file something, and the customer nothing.
    Comment,
}

/// `name`, `not name`, `product == "loan"`, `product != "loan"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub(super) field: Field,
    /// What the field is compared with; without it, it is asked whether there is a value.
    pub(super) with: Option<&'a str>,
    pub(super) is_negated: bool,
}

impl Field {
    pub(super) fn word(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("", |(word, _)| word)
    }

    /// The step without which a campaign has no such value, if it comes of one.
    pub(super) fn comes_of(self) -> Option<StageName> {
        match self {
            Self::Score | Self::Band | Self::AsOf => Some(StageName::SCORED_BY),
            Self::Reference => Some(StageName::Call),
            Self::Name | Self::Product | Self::Balance | Self::Currency | Self::Item => None,
        }
    }

    fn of(word: &str) -> Result<Self, String> {
        let found = FIELDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, field)| *field).ok_or_else(|| {
            let known = FIELDS.map(|(word, _)| word).join(", ");
            let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if is_word && word.len() <= 32 {
                format!("there is no value `{word}`: there are {known}")
            } else {
                format!("within `{{{{ }}}}` stands one value alone: {known}")
            }
        })
    }
}

/// A line's text and tags, or what is wrong with one of them.
pub(super) fn tokens_of(line: &str) -> Result<Vec<Token<'_>>, String> {
    let (mut tokens, mut rest) = (Vec::new(), line);
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tag) = rest.split_at(at);
        tokens.extend((!text.is_empty()).then_some(Token::Text(text)));
        let (token, after) = first_tag(tag)?;
        tokens.push(token);
        rest = after;
    }
    tokens.extend((!rest.is_empty()).then_some(Token::Text(rest)));
    Ok(tokens)
}

fn first_tag(text: &str) -> Result<(Token<'_>, &str), String> {
    for (open, close) in [("{{", "}}"), ("{%", "%}"), ("{#", "#}")] {
        let Some(inside) = text.strip_prefix(open) else { continue };
        let Some((inside, after)) = inside.split_once(close) else {
            return Err(format!("`{open}` has no `{close}` in the same line"));
        };
        // Jinja's marks for white space around a tag, which needs none here.
        let inside = inside.trim_matches(['-', '+']).trim();
        let token = match open {
            "{{" => Token::Show(Field::of(inside)?),
            "{%" => statement(inside)?,
            _ => Token::Comment,
        };
        return Ok((token, after));
    }
    Err("a brace stands by itself: values are written as `{{ name }}`, and a letter has no other braces".to_owned())
}

fn statement(inside: &str) -> Result<Token<'_>, String> {
    let (word, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    match (word, rest.trim()) {
        ("if", rest) => Ok(Token::If(condition(rest)?)),
        ("elif", rest) => Ok(Token::ElseIf(condition(rest)?)),
        ("else", "") => Ok(Token::Else),
        ("endif", "") => Ok(Token::EndIf),
        _ => Err("within `{% %}` stand only `if`, `elif`, `else` and `endif`".to_owned()),
    }
}

fn condition(text: &str) -> Result<Condition<'_>, String> {
    for (sign, is_negated) in [("==", false), ("!=", true)] {
        let Some((field, with)) = text.split_once(sign) else { continue };
        let field = Field::of(field.trim())?;
        let quoted = |mark: char| with.trim().strip_prefix(mark)?.strip_suffix(mark);
        let with = quoted('"').or_else(|| quoted('\''));
        let with =
            with.ok_or("what a value is compared with stands in quotation marks, as in `product == \"loan\"`")?;
        let (is_possible, possible) = match field {
            Field::Product => (matches!(with, "loan" | "card"), "a product is \"loan\" or \"card\""),
            Field::Currency => (Currency::parse(with).is_ok(), "a currency is a code as \"EUR\" is"),
            Field::Band => (Band::parse(with).is_ok(), "a band is what the scoring provider calls it"),
            _ => (false, "only product, currency and band can be compared: others are text as it is shown"),
        };
        return if is_possible {
            Ok(Condition { field, with: Some(with), is_negated })
        } else {
            Err(possible.to_owned())
        };
    }
    let positive = text.strip_prefix("not ");
    let field = Field::of(positive.unwrap_or(text).trim())?;
    Ok(Condition { field, with: None, is_negated: positive.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_values_conditions_and_comments() {
        let about = |field, with, is_negated| Condition { field, with, is_negated };
        for (line, tokens) in [
            ("Spring", vec![Token::Text("Spring")]),
            ("Hello {{ name }}!", vec![Token::Text("Hello "), Token::Show(Field::Name), Token::Text("!")]),
            ("{{as_of}}{{- score -}}", vec![Token::Show(Field::AsOf), Token::Show(Field::Score)]),
            ("{# for us #}", vec![Token::Comment]),
            ("{% if not name %}", vec![Token::If(about(Field::Name, None, true))]),
            ("{%- elif product==\"card\" -%}", vec![Token::ElseIf(about(Field::Product, Some("card"), false))]),
            ("{% if currency != 'EUR' %}", vec![Token::If(about(Field::Currency, Some("EUR"), true))]),
            ("{% if band == \"Very good\" %}", vec![Token::If(about(Field::Band, Some("Very good"), false))]),
            ("{% else %}a{% endif %}", vec![Token::Else, Token::Text("a"), Token::EndIf]),
        ] {
            assert_eq!(tokens_of(line), Ok(tokens), "{line}");
        }
    }

    #[test]
    fn what_is_no_tag_of_a_letter_is_refused_with_what_to_write() {
        for (line, problem) in [
            ("{{ scor }}", "there is no value `scor`: there are name, product, balance, currency, score, band, as_of"),
            ("{{ name|upper }}", "within `{{ }}` stands one value alone"),
            ("{{ }}", "within `{{ }}` stands one value alone"),
            ("{{ \"x\" * 1000000000 }}", "within `{{ }}` stands one value alone"),
            ("{{ name", "`{{` has no `}}` in the same line"),
            ("{ name }", "a brace stands by itself"),
            ("name }}", "a brace stands by itself"),
            ("{% for i in range(9) %}", "within `{% %}` stand only `if`"),
            ("{% set x = x ~ x %}", "within `{% %}` stand only `if`"),
            ("{% include \"monthly.html\" %}", "within `{% %}` stand only `if`"),
            ("{% else name %}", "within `{% %}` stand only `if`"),
            ("{% if %}", "within `{{ }}` stands one value alone"),
            ("{% if surname %}", "there is no value `surname`"),
            ("{% if product == loan %}", "stands in quotation marks"),
            ("{% if product == \"Loan\" %}", "a product is \"loan\" or \"card\""),
            ("{% if currency == \"Euro\" %}", "a currency is a code"),
            ("{% if balance == \"0\" %}", "only product, currency and band can be compared"),
        ] {
            let found = tokens_of(line).unwrap_err();
            assert!(found.contains(problem), "{line}: {found}");
        }
    }
}
