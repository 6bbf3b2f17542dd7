use ratatui::{
    Frame,
    layout::Rect,
    style::Stylize as _,
    text::{Line, Text},
    widgets::{Block, Clear, Paragraph, Wrap},
};

use super::super::{
    figures::Figures,
    keys::KEYS,
    prompt::{Order, Prompt, Verb},
    state::State,
};
use crate::text;

/// How wide it is, where there is room.
const WIDTH: u16 = 72;

/// Draws the question that is being asked, or the keys.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let (title, text) = match &state.prompt {
        Some(prompt) => question(prompt, state),
        None if state.help => (" Keys ", keys()),
        None => return,
    };
    let area = frame.area();
    let width = WIDTH.min(area.width);
    let inner = usize::from(width.saturating_sub(2)).max(1);
    // As words are wrapped, a line may take one row more than its letters would.
    let rows = |line: &Line<'_>| line.width().div_ceil(inner).max(1) + usize::from(line.width() > inner);
    let height = u16::try_from(text.iter().map(rows).sum::<usize>() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    let block = Block::bordered().title(title.bold());
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), place);
}

fn question(prompt: &Prompt, state: &State) -> (&'static str, Text<'static>) {
    match prompt {
        Prompt::Which(verb) => {
            let title = match verb {
                Verb::Pause => " Pause which stage? ",
                Verb::Resume => " Resume which stage? ",
            };
            let stages = state.stages().into_iter().map(|stage| (&stage.as_str()[..1], stage.as_str()));
            (title, Text::from(answers(&stages.chain([("Esc", "none")]).collect::<Vec<_>>())))
        }
        Prompt::Why { verb, stage, typed, complaint } => {
            let (asks, title, no) = match verb {
                Verb::Pause => (format!("Why is the {stage} stage to be paused?"), " Pause ", "leave it running"),
                Verb::Resume => (
                    format!("Recipients take its mails badly. Why may the {stage} stage go on?"),
                    " Resume ",
                    "leave it held",
                ),
            };
            let mut lines = vec![
                Line::from(format!("{asks} Others will read it: name no customer.")),
                Line::from(vec!["> ".bold(), typed.clone().into(), "█".dim()]),
                answers(&[("Enter", "go on"), ("Esc", no)]),
            ];
            if let Some(complaint) = complaint {
                lines.insert(2, Line::from(complaint.clone().red()));
            }
            (title, Text::from(lines))
        }
        Prompt::Sure(order) => (" Are you sure? ", sure(order, state.figures.value().map(Box::as_ref))),
    }
}

fn sure(order: &Order, figures: Option<&Figures>) -> Text<'static> {
    let mut lines = Vec::new();
    match order {
        Order::Pause(stage, note) => {
            lines.push(Line::from(format!("Pause the {stage} stage: {note}")));
            lines.push(Line::from("It stays so until someone resumes it. Nothing is lost."));
        }
        Order::Resume(stage, _) => {
            lines.push(Line::from(format!("Resume the {stage} stage.")));
            let overview = figures.and_then(|all| all.stages.iter().find(|one| one.stage == *stage));
            let held = overview.map(|overview| overview.held.as_ref());
            lines.push(Line::from(match held {
                Some(Some(held)) => format!("What holds it: {}", text::held(held)),
                Some(None) => "Nothing seems to hold it.".into(),
                None => "What holds it isn't known yet.".into(),
            }));
        }
    }
    lines.push(answers(&[("y", "do it"), ("n", "don't")]));
    Text::from(lines)
}

fn answers(answers: &[(&'static str, &'static str)]) -> Line<'static> {
    answers.iter().flat_map(|(key, what)| [key.bold(), format!(" {what}   ").into()]).collect()
}

fn keys() -> Text<'static> {
    KEYS.map(|(key, what)| Line::from(vec![format!("{key}  ").bold(), what.into()])).into_iter().collect()
}
