//! The letters of all languages on one page, which needs no other file.

use std::fmt::{self, Write as _};

use anyhow::Result;
use jiff::Timestamp;
use pulse_core::{
    customer::Locale,
    ports::{Letter, Rendered, Renderer as _},
    run::RunId,
    unsubscribe::UnsubscribeUrl,
};
use pulse_letters::{FALLBACK, MinijinjaRenderer, language_of, languages, made_up::Home};

use super::samples::{Sample, samples};

const STYLE: &str = include_str!("page.css");

/// Languages that many speak. The first that has no letters of its own shows what its speakers get.
pub(super) const MAYBE_UNSERVED: [&str; 4] = ["tr-TR", "vi-VN", "pl-PL", "fo-FO"];

/// What a letter's dark colours are behind. A frame has them always, or never, whatever the machine's own are.
const DARK: &str = "@media (prefers-color-scheme: dark)";

/// What the made-up links to unsubscribe begin with.
pub(super) const LINK: &str = "https://pulse.example/u";

/// As wide as a reading pane shows a letter, and as a telephone does.
const WIDTHS: [(&str, u16); 2] = [("desktop", 640), ("phone", 390)];

/// The page, as it is at `now`.
///
/// # Errors
/// When a letter can't be written.
pub(super) fn page(now: Timestamp) -> Result<String> {
    let renderer = MinijinjaRenderer::new()?;
    let mut html = head("Letters in all languages", languages());
    for language in languages() {
        let home = Home::of(language);
        let remark = format!("To customers such as {}.", home.locale);
        section(&mut html, &renderer, language, &remark, &home, now)?;
    }
    let is_unserved = |locale: &str| Locale::parse(locale).is_ok_and(|locale| language_of(&locale).is_none());
    if let Some(locale) = MAYBE_UNSERVED.into_iter().find(|locale| is_unserved(locale)) {
        let remark =
            format!("For want of letters in their language, customers such as {locale} get them in {FALLBACK}.");
        section(&mut html, &renderer, &format!("{FALLBACK} for {locale}"), &remark, &Home::of(locale), now)?;
    }
    Ok(html + END)
}

/// How a page begins that has a section for each of these languages.
pub(super) fn head<'a>(heading: &str, languages: impl Iterator<Item = &'a str>) -> String {
    let links: Vec<_> = languages.map(|language| format!("<a href=\"#{language}\">{language}</a>")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Pulse: letters</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n\
         <p>To made-up customers. Widths: 640 and 390 pixels, in light and in dark, and the text part.</p>\n<p>{}</p>\n",
        links.join(" · ")
    )
}

pub(super) const END: &str = "</body>\n</html>\n";

/// How a section begins.
pub(super) fn section_head(html: &mut String, title: &str, remark: &str) -> fmt::Result {
    let id = title.replace(' ', "-");
    write!(html, "<h2 id=\"{id}\">{title}</h2>\n<p class=\"remark\">{remark}</p>\n")
}

fn section(
    html: &mut String,
    renderer: &MinijinjaRenderer,
    title: &str,
    remark: &str,
    home: &Home,
    now: Timestamp,
) -> Result<()> {
    section_head(html, title, remark)?;
    let link = UnsubscribeUrl::parse(LINK)?.placeholder();
    for sample in samples(home, now)? {
        let run = RunId::of(now, sample.customer.zone.rules());
        let Sample { title, customer, score, previous, has_link } = &sample;
        let (previous, unsubscribe) = (previous.as_ref(), Some(&link).filter(|_| *has_link));
        let mail = renderer.render(&Letter { customer, run, score, previous, unsubscribe })?;
        letter(html, title, &mail)?;
    }
    Ok(())
}

/// One letter, as it is in all programs.
pub(super) fn letter(html: &mut String, title: &str, mail: &Rendered) -> fmt::Result {
    let (lang, subject) = (&mail.language, escape(&mail.subject));
    write!(html, "<h3>{title}</h3>\n<p class=\"subject\">Subject: <bdi lang=\"{lang}\">{subject}</bdi></p>\n")?;
    html.push_str("<div class=\"letters\">\n");
    for (place, width) in WIDTHS {
        for (colours, always) in [("light", "@media not all"), ("dark", "@media all")] {
            writeln!(
                html,
                "<figure><figcaption>{place}, {colours}</figcaption><iframe loading=\"lazy\" sandbox=\"allow-same-origin\" \
                 width=\"{width}\" title=\"{title}: {place}, {colours}\" \
                 onload=\"this.style.height='1px';this.style.height=this.contentDocument.documentElement.scrollHeight+2+'px'\" \
                 srcdoc=\"{}\"></iframe></figure>",
                escape(&mail.html.replace(DARK, always))
            )?;
        }
    }
    writeln!(html, "<figure><figcaption>text</figcaption><pre lang=\"{lang}\">{}</pre></figure>", escape(&mail.text))?;
    html.push_str("</div>\n");
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_all_languages_in_light_and_dark_and_names_the_fallback() {
        let page = page("2026-11-26T09:00:00Z".parse().unwrap()).unwrap();
        for language in languages() {
            let letters = page.matches(&format!("html lang=&quot;{language}&quot;")).count();
            // Those to whose language there are no letters get English ones.
            let sections = if language == FALLBACK { 2 } else { 1 };
            assert_eq!(letters, sections * 9 * 4, "{language}");
        }
        assert!(page.contains("get them in en."));
        let dark = page.matches("@media all {").count();
        assert_eq!((dark, page.matches("@media not all {").count()), (page.matches("<iframe").count() / 2, dark));
        assert!(!page.contains(DARK), "a frame goes by the machine's own colours");
        let placeholder = UnsubscribeUrl::parse(LINK).unwrap().placeholder();
        let linked = page.matches(placeholder.expose()).count();
        // In HTML four times, and once in text.
        assert_eq!(linked, (languages().count() + 1) * 8 * 5);
        let page = page.replace(placeholder.expose(), "");
        for link in ["<link", "<script", "src=", "http://", "https://", "url("] {
            assert!(!page.contains(link), "{link}: the page needs another file");
        }
    }
}
