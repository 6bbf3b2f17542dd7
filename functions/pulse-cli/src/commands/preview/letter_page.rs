//! What made-up customers would get of a campaign, on one page.

use anyhow::Result;
use jiff::Timestamp;
use pulse_core::{
    campaign::CampaignLetter,
    customer::Product,
    entry::{Plan, StageName},
    ports::{CampaignMail, Rendered, Renderer as _},
    unsubscribe::UnsubscribeUrl,
};
use pulse_letters::{
    MinijinjaRenderer,
    made_up::{self, Home, LONG_NAME, NO_NAME},
};

use super::page::{END, LINK, MAYBE_UNSERVED, head, letter as show, section_head};

/// The page, as it is at `now`: of a run of these steps, that is about items or not.
///
/// # Errors
/// When a letter can't be written.
pub(super) fn page(
    renderer: &MinijinjaRenderer,
    letter: &CampaignLetter,
    plan: Plan,
    has_items: bool,
    now: Timestamp,
) -> Result<String> {
    let tags = || letter.texts().iter().map(|text| text.language().as_str());
    let mut html = head("A campaign's letter", tags());
    let write = |home: &Home, name: &str, product, has_link: bool, plan: Plan, has_item: bool| -> Result<Rendered> {
        let customer = home.customer(name, product, now)?;
        let (score, link) = (made_up::score(742, now)?, UnsubscribeUrl::parse(LINK)?.placeholder());
        let (score, unsubscribe) =
            (Some(&score).filter(|_| plan.has(StageName::SCORED_BY)), Some(&link).filter(|_| has_link));
        let reference = made_up::reference().ok().filter(|_| plan.has(StageName::Call));
        let (reference, item) = (reference.as_ref(), made_up::item().ok().filter(|_| has_item));
        let mail = CampaignMail { customer: &customer, letter, score, reference, item, unsubscribe };
        Ok(renderer.render_campaign(&mail)?)
    };
    let mut section = |title: &str, remark: &str, home: &Home| -> Result<()> {
        section_head(&mut html, title, remark)?;
        let [own, foreign] = home.names;
        let usual = write(home, own, Product::Loan, true, plan, has_items)?;
        for (title, plan, has_item) in [
            ("In a run that scores", with(plan, StageName::SCORED_BY)?, has_items),
            ("In a run that calls a partner", with(plan, StageName::Call)?, has_items),
            ("In a run about items", plan, true),
        ] {
            let more = write(home, own, Product::Loan, true, plan, has_item)?;
            if more.html != usual.html {
                show(&mut html, title, &more)?;
            }
        }
        show(&mut html, "A loan", &usual)?;
        for (title, name, product, has_link) in [
            ("A card, a name of another script", foreign, Product::Card, true),
            ("A name that shows nothing", NO_NAME, Product::Loan, true),
            ("A long name", LONG_NAME, Product::Card, true),
            ("A name that looks like a link", "www.evil.example", Product::Loan, true),
            ("Of a deployment that has no link to unsubscribe by", own, Product::Card, false),
        ] {
            show(&mut html, title, &write(home, name, product, has_link, plan, has_items)?)?;
        }
        Ok(())
    };
    for tag in tags() {
        let home = Home::of(tag);
        section(tag, &format!("To customers such as {}.", home.locale), &home)?;
    }
    let fallback = letter.fallback().language().as_str();
    let is_unserved = |locale: &&&str| {
        let language = |tag: &str| tag.split('-').next().map(str::to_owned);
        tags().all(|tag| language(tag) != language(locale))
    };
    if let Some(locale) = MAYBE_UNSERVED.iter().find(is_unserved) {
        let remark =
            format!("For want of a letter in their language, customers such as {locale} get it in {fallback}.");
        section(&format!("{fallback} for {locale}"), &remark, &Home::of(locale))?;
    }
    Ok(html + END)
}

/// A plan with a step more.
fn with(plan: Plan, step: StageName) -> Result<Plan> {
    let has = |other: &StageName| *other == step || plan.has(*other);
    Ok(Plan::of_campaign(&StageName::OF_ENTRIES.into_iter().filter(has).collect::<Vec<_>>())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(texts: &[(&str, &str)], steps: &[StageName]) -> String {
        let plan = Plan::of_campaign(steps).unwrap();
        let letter = CampaignLetter::parse(texts.iter().copied()).unwrap();
        let now = "2026-11-26T09:00:00Z".parse().unwrap();
        page(&MinijinjaRenderer::new().unwrap(), &letter, plan, false, now).unwrap()
    }

    #[test]
    fn the_page_has_each_language_and_what_all_others_get() {
        let html = preview(
            &[("ja", "Subject: 春\n\n春です。"), ("tr", "Subject: Bahar\n\nBahar geldi.")],
            &[StageName::Email],
        );
        // Six customers, at two widths, in light and in dark.
        let letters = |language| html.matches(&format!("html lang=&quot;{language}&quot;")).count();
        assert_eq!((letters("ja"), letters("tr")), (2 * 6 * 4, 6 * 4));
        assert!(html.contains("customers such as vi-VN get it in ja."));
        assert!(!html.contains("scores"));
    }

    #[test]
    fn a_letter_that_shows_a_reference_shows_a_made_up_one() {
        let text = "Subject: Invoice\n\n{% if reference %}It is {{ reference }}.{% else %}It comes.{% endif %}";
        let html = preview(&[("en", text)], &[StageName::Email]);
        assert!(["It comes.", "It is ", "In a run that calls a partner"].iter().all(|words| html.contains(words)));
        let html = preview(&[("en", text)], &[StageName::Call, StageName::Email]);
        assert!(!html.contains("It comes.") && !html.contains("In a run that calls"));
    }

    #[test]
    fn a_letter_that_says_more_of_an_item_shows_a_made_up_one() {
        let text = "Subject: Invoice\n\n{% if item %}It is {{ item }}.{% else %}It comes.{% endif %}";
        let html = preview(&[("en", text)], &[StageName::Email]);
        assert!(["It comes.", "It is ", "In a run about items"].iter().all(|words| html.contains(words)));
    }

    #[test]
    fn a_letter_that_says_more_where_there_is_a_score_is_shown_in_both_kinds_of_run() {
        let text = "Subject: Spring\n\n{% if score %}You have {{ score }} points.{% else %}No score.{% endif %}";
        let shown = |steps: &[StageName]| {
            let html = preview(&[("en", text)], steps);
            ["No score.", "points.", "In a run that scores"].map(|words| html.contains(words))
        };
        assert_eq!(shown(&[StageName::Email]), [true, true, true]);
        assert_eq!(shown(&[StageName::Score, StageName::Email]), [false, true, false]);
    }
}
