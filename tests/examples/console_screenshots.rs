//! Takes the pictures of the console that the documents show, of a made-up world, light and dark. Run as:
//!
//! ```sh
//! cargo run -p pulse-tests --example console_screenshots [FOLDER]
//! ```
//!
//! Into a folder go all of them, losslessly; without one, those that the documents show are taken anew.

use std::{fs, path::PathBuf};

use pulse_core::ports::Clock as _;
use pulse_tests::{emulator::workspace, in_memory_app::InMemoryApp, served_console::ServedConsole};
use serde_json::json;

/// Those that the documents show.
const SHOWN: [&str; 4] = ["overview-light", "customer-dark", "dead-letters-light", "feedback-dark"];

fn main() -> std::io::Result<()> {
    let named = std::env::args().nth(1).map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| workspace().root().join("infra/pictures"));
    fs::create_dir_all(&folder)?;
    let console = ServedConsole::over(InMemoryApp::eventful());
    // As it is right after the snapshot, whatever the time of the machine.
    let now = console.world.clock.now().as_millisecond();
    for (name, visit, width) in [
        ("overview", json!({ "path": "/" }), 1280),
        ("run", json!({ "path": "/runs/2026-11", "press": ".act button" }), 1280),
        ("customer", json!({ "path": "/customers/c-failed" }), 1280),
        ("customer-in-campaign", json!({ "path": "/customers/c-0080" }), 1280),
        ("dead-letters", json!({ "path": "/dead-letters/score", "press": ".act button" }), 1280),
        ("feedback", json!({ "path": "/feedback" }), 1280),
        ("endpoints", json!({ "path": "/endpoints" }), 1280),
        ("endpoint", json!({ "path": "/endpoints/crm" }), 1280),
        ("campaigns", json!({ "path": "/campaigns" }), 1280),
        ("campaign", json!({ "path": "/campaigns/spring-sale" }), 1280),
        ("campaign-finished", json!({ "path": "/campaigns/autumn" }), 1280),
        ("campaign-cancel", json!({ "path": "/campaigns/spring-sale", "press": "form[action$=cancel] button" }), 1280),
        ("suppressions", json!({ "path": "/suppressions" }), 1280),
        ("mail", json!({ "path": "/customers/c-sent/mail?run=2026-11" }), 1280),
        ("inbox", json!({ "path": "/inbox" }), 1280),
        (
            "address",
            json!({ "path": "/plan", "fill": ["#search", "c-suppressed@example.com"], "press": ".search button" }),
            1280,
        ),
        ("plan", json!({ "path": "/plan?backlog=100000" }), 1280),
        ("plan-campaign", json!({ "path": "/plan/campaign?items=10000&each=60s&within=90m&stage=score" }), 1280),
        ("phone", json!({ "path": "/" }), 390),
        ("phone-feedback", json!({ "path": "/feedback" }), 390),
        ("phone-endpoints", json!({ "path": "/endpoints" }), 390),
        ("phone-endpoint", json!({ "path": "/endpoints/crm" }), 390),
        ("phone-campaigns", json!({ "path": "/campaigns" }), 390),
        ("phone-campaign", json!({ "path": "/campaigns/spring-sale" }), 390),
        ("phone-mail", json!({ "path": "/customers/c-sent/mail?run=2026-11" }), 390),
    ] {
        for scheme in ["light", "dark"] {
            let name = format!("{name}-{scheme}");
            if named.is_none() && !SHOWN.contains(&&*name) {
                continue;
            }
            let file = folder.join(format!("{name}.{}", if named.is_some() { "png" } else { "webp" }));
            let (form, most) = match named {
                Some(_) => (json!({}), 2_000),
                None => (json!({ "type": "webp", "quality": 80 }), 1_000),
            };
            let more =
                json!({ "file": file, "dark": scheme == "dark", "width": width, "most": most, "now": now, "as": form });
            let _ = console.ask("screenshot", &visit, more);
            println!("{}: {} bytes", file.display(), fs::metadata(&file)?.len());
        }
    }
    Ok(())
}
