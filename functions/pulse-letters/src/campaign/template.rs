//! A letter's text with its tags read, and what it comes to for one customer.

use pulse_core::{
    campaign::{LetterError, LetterText},
    stage::StageName,
};

use super::{
    links,
    tags::{Condition, Field, Token, tokens_of},
    values::Values,
};

/// A letter's text in one language, of which every line and every branch is known to be right.
pub(super) struct Template<'a> {
    subject: Vec<Token<'a>>,
    body: Vec<Step<'a>>,
    /// Values that only some campaigns have, where the letter shows them without asking for them, by line.
    of_some: Vec<(usize, Field)>,
    /// The first line that shows the product.
    product: Option<usize>,
}

enum Step<'a> {
    Token(Token<'a>),
    Link(&'a str),
    LineEnd,
    /// A line that is empty in the file.
    Gap,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// What the operator wrote.
    Text(&'a str),
    /// What is known of the customer.
    Value(String),
    /// A line of its own: the address of a page, as the operator wrote it.
    Link(&'a str),
}

/// A line for one customer.
pub(super) type Line<'a> = Vec<Piece<'a>>;

/// In a subject a name is cut here, and in the text there, in characters: as in the month's letter.
const LONGEST_NAME: (usize, usize) = (60, 80);

/// So that whatever an operator writes takes no more memory than it is long, a few times over.
const DEEPEST: usize = 8;

impl<'a> Template<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// With the first line that is wrong.
    pub(super) fn parse(text: &'a LetterText) -> Result<Self, LetterError> {
        let at = |line: usize| move |problem: String| LetterError::at(text.language(), line, problem);
        let mut reader = Reader::default();
        let subject = tokens_of(text.subject()).map_err(at(1))?;
        reader.read(&subject, 1).and_then(|()| reader.end()).map_err(|(line, problem)| at(line)(problem))?;
        links::apart_from_values(&subject).map_err(at(1))?;

        let mut body = Vec::new();
        for (index, line) in text.body().lines().enumerate() {
            let number = LetterText::FIRST_LINE + index;
            let tokens = tokens_of(line).map_err(at(number))?;
            reader.read(&tokens, number).map_err(|(line, problem)| at(line)(problem))?;
            links::apart_from_values(&tokens).map_err(at(number))?;
            match links::alone(line).map_err(at(number))? {
                Some(url) => body.extend([Step::Link(url), Step::LineEnd]),
                None if line.is_empty() => body.push(Step::Gap),
                None => {
                    body.extend(tokens.into_iter().map(Step::Token));
                    body.push(Step::LineEnd);
                }
            }
        }
        reader.end().map_err(|(line, problem)| at(line)(problem))?;
        Ok(Self { subject, body, of_some: reader.of_some, product: reader.product })
    }

    /// What it shows of what only some campaigns have without asking whether it is there, by line.
    pub(super) fn of_some(&self) -> &[(usize, Field)] {
        &self.of_some
    }

    /// The first line that shows the product.
    pub(super) fn product(&self) -> Option<usize> {
        self.product
    }

    /// The subject for one customer; an error names the value that isn't known of them.
    pub(super) fn subject(&self, values: &Values) -> Result<Line<'a>, Field> {
        let mut writer = Writer::new(values, LONGEST_NAME.0);
        self.subject.iter().try_for_each(|token| writer.token(token))?;
        Ok(writer.line)
    }

    /// The lines for one customer, those between paragraphs empty; an error names the value that isn't known of them.
    pub(super) fn body(&self, values: &Values) -> Result<Vec<Line<'a>>, Field> {
        let mut writer = Writer::new(values, LONGEST_NAME.1);
        let mut lines = Vec::new();
        for step in &self.body {
            match step {
                Step::Token(token) => writer.token(token)?,
                Step::Link(url) if writer.is_on() => writer.line.push(Piece::Link(url)),
                Step::Gap if writer.is_on() => lines.push(Vec::new()),
                Step::Link(_) | Step::Gap => {}
                Step::LineEnd => {
                    // Whatever conditions hold, what stands on two lines comes on two. One that nothing is left of leaves none.
                    let line = std::mem::take(&mut writer.line);
                    let is_shown = |piece: &Piece<'_>| !matches!(piece, Piece::Text(text) if text.trim().is_empty());
                    lines.extend(line.iter().any(is_shown).then_some(line));
                }
            }
        }
        Ok(lines)
    }
}

/// Which of the values that may be wanting are there.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each value is there or not, whatever the others are")]
struct Known {
    name: bool,
    score: bool,
    reference: bool,
    item: bool,
}

impl Known {
    fn has(self, field: Field) -> bool {
        match field {
            Field::Name => self.name,
            Field::Score | Field::Band | Field::AsOf => self.score,
            Field::Reference => self.reference,
            Field::Item => self.item,
            Field::Product | Field::Balance | Field::Currency => true,
        }
    }

    /// What is known besides, once a condition came out as `outcome`.
    fn learn(&mut self, condition: &Condition<'_>, outcome: bool) {
        if outcome != condition.is_negated {
            self.name |= condition.field == Field::Name;
            self.score |= condition.field.comes_of() == Some(StageName::SCORED_BY);
            self.reference |= condition.field == Field::Reference;
            self.item |= condition.field == Field::Item;
        }
    }
}

/// Reads a letter's conditions, and which values are shown where they may be wanting.
#[derive(Default)]
struct Reader<'a> {
    known: Known,
    open: Vec<Open<'a>>,
    of_some: Vec<(usize, Field)>,
    product: Option<usize>,
}

/// A condition whose `endif` is still to come.
struct Open<'a> {
    line: usize,
    before: Known,
    /// Known in the branches to come, since those before didn't apply.
    otherwise: Known,
    /// The condition of this branch; none for `else`.
    condition: Option<Condition<'a>>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, tokens: &[Token<'a>], line: usize) -> Result<(), (usize, String)> {
        tokens.iter().try_for_each(|token| self.token(token, line).map_err(|problem| (line, problem)))
    }

    fn token(&mut self, token: &Token<'a>, line: usize) -> Result<(), String> {
        match *token {
            Token::Text(_) | Token::Comment => {}
            Token::Show(field) if self.known.has(field) => {
                self.product = self.product.or((field == Field::Product).then_some(line));
            }
            Token::Show(Field::Name) => {
                return Err(
                    "some customers have no name that shows: write `{% if name %}`, `{{ name }}` and the words \
                            around it, `{% else %}`, words without a name, `{% endif %}`"
                        .to_owned(),
                );
            }
            Token::Show(field) => self.of_some.push((line, field)),
            Token::If(_) if self.open.len() == DEEPEST => {
                return Err(format!("conditions stand within one another {DEEPEST} deep at most"));
            }
            Token::If(condition) => {
                let before = self.known;
                self.open.push(Open { line, before, otherwise: before, condition: Some(condition) });
                self.known.learn(&condition, true);
            }
            Token::ElseIf(condition) => self.next_branch("elif", Some(condition))?,
            Token::Else => self.next_branch("else", None)?,
            Token::EndIf => self.known = self.open.pop().ok_or("this `endif` has no `if`")?.before,
        }
        Ok(())
    }

    fn next_branch(&mut self, word: &str, condition: Option<Condition<'a>>) -> Result<(), String> {
        let open = self.open.last_mut().ok_or_else(|| format!("this `{word}` has no `if`"))?;
        let Some(before) = open.condition else {
            return Err(format!("this `{word}` comes after an `else`"));
        };
        open.otherwise.learn(&before, false);
        open.condition = condition;
        self.known = open.otherwise;
        if let Some(condition) = condition {
            self.known.learn(&condition, true);
        }
        Ok(())
    }

    /// Where the subject ends, or the text.
    fn end(&self) -> Result<(), (usize, String)> {
        self.open.last().map_or(Ok(()), |open| Err((open.line, "this `if` has no `endif`".to_owned())))
    }
}

/// Writes what applies to one customer.
struct Writer<'a, 'v> {
    values: &'v Values,
    longest_name: usize,
    open: Vec<Branch>,
    line: Line<'a>,
}

struct Branch {
    is_on: bool,
    /// Whether no later one applies.
    is_settled: bool,
}

impl<'a, 'v> Writer<'a, 'v> {
    fn new(values: &'v Values, longest_name: usize) -> Self {
        Self { values, longest_name, open: Vec::new(), line: Vec::new() }
    }

    fn is_on(&self) -> bool {
        self.open.last().is_none_or(|branch| branch.is_on)
    }

    fn token(&mut self, token: &Token<'a>) -> Result<(), Field> {
        let is_on = self.is_on();
        match *token {
            Token::Text(text) if is_on => self.line.push(Piece::Text(text)),
            Token::Show(field) if is_on => {
                let value = self.values.shown(field, self.longest_name).ok_or(field)?;
                self.line.push(Piece::Value(value));
            }
            Token::Text(_) | Token::Show(_) | Token::Comment => {}
            Token::If(condition) => {
                let holds = is_on && self.values.holds(&condition);
                self.open.push(Branch { is_on: holds, is_settled: holds || !is_on });
            }
            Token::ElseIf(condition) => self.next_branch(self.values.holds(&condition)),
            Token::Else => self.next_branch(true),
            Token::EndIf => drop(self.open.pop()),
        }
        Ok(())
    }

    fn next_branch(&mut self, holds: bool) {
        if let Some(branch) = self.open.last_mut() {
            branch.is_on = holds && !branch.is_settled;
            branch.is_settled |= holds;
        }
    }
}
