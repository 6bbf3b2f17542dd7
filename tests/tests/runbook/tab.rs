//! Who has nothing but Pulse's console: a tab of a headless browser, and `pulse console` with their credentials.

use std::process::{Child, Command, Stdio};

use pulse_tests::{
    browser::Browser,
    deployed_stack::{DeployedStack, eventually},
    emulator::program,
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::operator::Keys;

/// A tab that shows the console of a stack.
pub(crate) struct Tab {
    name: String,
    served: Child,
}

/// What a page shows, and how it was answered.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u64,
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tab {
    /// Starts `pulse console` with someone's keys, and opens its link.
    pub(crate) async fn open(keys: &Keys, stack: &DeployedStack) -> Self {
        let name = stack.stack.outputs.stack().to_owned();
        let mut command = Command::new(program("runbook", "pulse"));
        command.args(["console", "--json", "--stack", &name]).env("USER", "night-shift").stdout(Stdio::piped());
        keys.give_to(&mut command);
        let mut served = command.spawn().expect("it is started");
        let printed = served.stdout.take().expect("its output");
        let mut printed = serde_json::Deserializer::from_reader(printed).into_iter::<Value>();
        let started = spawn_blocking(move || printed.next().expect("a link").expect("JSON"));
        let link = started.await.expect("it ran")["url"].as_str().expect("a link").to_owned();
        let tab = Self { name, served };
        let _ = tab.ask("keep", json!({ "url": link, "visit": { "path": "/" } })).await;
        tab
    }

    /// Goes to a page.
    pub(crate) async fn go(&self, path: &str) -> Shown {
        self.step(json!({ "path": path })).await
    }

    /// Presses what has these words, on the page that is shown.
    pub(crate) async fn press(&self, button: &str) -> Shown {
        self.step(json!({ "press": format!("main button::-p-text({button})") })).await
    }

    /// Fills fields in, told by selectors, and presses a button.
    pub(crate) async fn fill(&self, fields: Value, button: &str) -> Shown {
        self.step(json!({ "fill": fields, "press": button })).await
    }

    /// Looks at a page until it says this, having `meanwhile` done before each look.
    pub(crate) async fn until(&self, path: &str, words: &str, meanwhile: impl AsyncFn()) -> Shown {
        eventually(&format!("{path} says {words}"), async || {
            meanwhile().await;
            let shown = self.go(path).await;
            shown.text.contains(words).then_some(shown)
        })
        .await
    }

    /// Sends a form as the page would, and gives the status and the words.
    pub(crate) async fn post(&self, path: &str, fields: &Value) -> (u64, String) {
        let script = format!(
            "fetch({path:?}, {{ method: 'POST', headers: {{ accept: 'application/json' }}, redirect: 'manual', \
             body: new URLSearchParams({fields}) }}).then(async (a) => [a.status, await a.text()])"
        );
        let answer = self.ask("evaluate", json!({ "script": script })).await;
        let words = answer["result"][1].as_str().expect("words").to_owned();
        println!("POST {path} {fields}\n{words}");
        (answer["result"][0].as_u64().expect("a status"), words)
    }

    async fn step(&self, step: Value) -> Shown {
        let answer = self.ask("step", step.clone()).await;
        let text = |part: &str| answer[part].as_str().expect("words").to_owned();
        let shown =
            Shown { status: answer["status"].as_u64().expect("a status"), path: text("path"), text: text("text") };
        // Cargo shows it when the test fails.
        println!("> {step}\n{} {}\n{}\n", shown.status, shown.path, shown.text);
        shown
    }

    /// The browser does one thing after another: nobody else is to wait for it on a thread that serves the providers.
    async fn ask(&self, run: &str, mut order: Value) -> Value {
        order["run"] = run.into();
        order["name"] = self.name.clone().into();
        spawn_blocking(move || Browser::shared().ask(&order)).await.expect("it is answered")
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = Browser::shared().ask(&json!({ "run": "close", "name": self.name }));
        let _ = self.served.kill();
        let _ = self.served.wait();
    }
}
