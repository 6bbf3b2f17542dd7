//! Long texts as YAML takes them in a folded block (`>-`).

/// Columns that a line of the template has at most, where words allow it.
const WIDTH: usize = 120;

/// A text in lines that are indented by so many columns, the first of them by whoever asks.
pub(crate) fn folded(text: &str, indent: usize) -> String {
    let (mut lines, mut column) = (String::new(), indent);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_broken_between_words_and_indented() {
        let text = format!("{} {} end", "a".repeat(70), "b".repeat(45));
        assert_eq!(folded(&text, 4), format!("{} {}\n    end", "a".repeat(70), "b".repeat(45)));
    }

    #[test]
    fn a_text_that_fits_is_left_as_it_is() {
        let text = format!("{} {}", "a".repeat(70), "b".repeat(45));
        assert_eq!(folded(&text, 4), text);
    }
}
