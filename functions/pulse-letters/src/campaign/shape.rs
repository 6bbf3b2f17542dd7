//! A letter's lines as plain text and as HTML.

use minijinja::HtmlEscape;
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    links,
    template::{Line, Piece},
};
use crate::plain::{isolated, shorten};

/// In bytes: mail takes 998 (RFC 5322, 2.1.1), less the marks that a line's direction takes.
const LONGEST_LINE: usize = 980;

/// A word of no more bytes is kept whole: in HTML, each may become six.
const LONGEST_WORD: usize = LONGEST_LINE / 6;

/// As many characters of an address as a telephone shows in a line or two.
const LONGEST_LABEL: usize = 40;

/// A part of the HTML.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Block {
    /// A paragraph, escaped.
    Html(String),
    Link {
        /// Escaped.
        url: String,
        label: String,
    },
}

/// The paragraphs that lines are of: empty ones are between them, however many.
pub(super) fn paragraphs<'a>(lines: Vec<Line<'a>>) -> Vec<Vec<Line<'a>>> {
    let mut paragraphs: Vec<Vec<Line<'a>>> = Vec::new();
    let mut is_new = true;
    for line in lines {
        match paragraphs.last_mut() {
            _ if line.is_empty() => is_new = true,
            Some(last) if !is_new => last.push(line),
            _ => {
                paragraphs.push(vec![line]);
                is_new = false;
            }
        }
    }
    paragraphs
}

/// One line as text, with no more on a line than mail takes. Values keep to their own direction.
pub(super) fn text(line: &[Piece<'_>], is_right_to_left: bool) -> String {
    let mut folded = Folded::new("\n");
    for piece in line {
        match piece {
            Piece::Text(text) => folded.words(text, str::to_owned),
            Piece::Value(value) => folded.push(&isolated(value, is_right_to_left)),
            Piece::Link(url) => folded.push(url),
        }
    }
    folded.out.trim_end().to_owned()
}

/// One line as HTML.
pub(super) fn html(line: &[Piece<'_>]) -> String {
    // Where there is no space to break a line of the source at, it is broken within a tag, which shows nothing.
    let mut folded = Folded::new("<wbr\n>");
    for piece in line {
        match piece {
            Piece::Text(text) => folded.words(text, |text| HtmlEscape(text).to_string()),
            Piece::Value(value) => folded.push(&format!("<bdi>{}</bdi>", HtmlEscape(value))),
            Piece::Link(_) => {}
        }
    }
    folded.out
}

/// A paragraph as HTML: its lines as they are, and links apart.
pub(super) fn blocks(paragraph: &[Line<'_>]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in paragraph {
        match (&**line, blocks.last_mut()) {
            ([Piece::Link(url)], _) => {
                let label = shorten(links::label(url), LONGEST_LABEL);
                blocks.push(Block::Link { url: url.replace('&', "&amp;"), label });
            }
            (line, Some(Block::Html(before))) => {
                before.push_str("<br>\n");
                before.push_str(&html(line));
            }
            (line, _) => blocks.push(Block::Html(html(line))),
        }
    }
    blocks
}

/// Text that is written on lines which mail takes.
struct Folded {
    out: String,
    /// Where the last line begins.
    line: usize,
    /// What breaks a line where there is no space.
    within: &'static str,
}

impl Folded {
    fn new(within: &'static str) -> Self {
        Self { out: String::new(), line: 0, within }
    }

    fn words(&mut self, text: &str, written: impl Fn(&str) -> String) {
        for word in text.split_inclusive(' ') {
            if word.len() <= LONGEST_WORD {
                self.push(&written(word));
            } else {
                word.graphemes(true).for_each(|cluster| self.push(&written(cluster)));
            }
        }
    }

    /// Adds what is kept together.
    fn push(&mut self, written: &str) {
        if self.out.len() - self.line + written.len() > LONGEST_LINE {
            if self.out.ends_with(' ') {
                self.out.pop();
                self.out.push('\n');
            } else {
                self.out.push_str(self.within);
            }
            self.line = self.out.rfind('\n').map_or(0, |end| end + 1);
        }
        self.out.push_str(written);
    }
}
