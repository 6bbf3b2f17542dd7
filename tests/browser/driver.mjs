// Looks at pages of the console, for its tests: a command a line comes in, as JSON, and its answer goes out in a line.
//
// A visit is how a page is reached: {path}, and what is done there: {fill: [selector, text], press: selector, then: selector}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";

const [folder, executablePath] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { default: puppeteer } = require("puppeteer-core");
const { HtmlValidate } = require("html-validate");
const axe = require("axe-core").source;

const validate = new HtmlValidate({
  root: true,
  extends: ["html-validate:recommended"],
  rules: {
    // A button of a form submits it, as it does where nothing is said.
    "no-implicit-button-type": "off",
  },
});

const browser = await puppeteer.launch({
  executablePath: executablePath || (await require("@sparticuz/chromium").default.executablePath()),
  // Pages of the tests alone are shown, and a container has no privileges for a sandbox.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none"],
  headless: "shell",
});

// Pages that stay open between commands, by name.
const kept = new Map();

// Cookies by origin.
const jars = new Map();

// What is being done, for who waits in vain.
let at = "";

// Without transitions: between two schemes there is no contrast.
const media = (scheme) => [
  { name: "prefers-color-scheme", value: scheme },
  { name: "prefers-reduced-motion", value: "reduce" },
];

async function open({ url, visit, dark = false, width = 1280, scripts = true, now, fast, stranger }) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const seen = { page, troubles: [], elsewhere: [], loaded: new Set() };
  page.on("console", (message) => seen.troubles.push(message.text()));
  page.on("pageerror", (error) => seen.troubles.push(String(error)));
  page.on("dialog", (dialog) => (seen.troubles.push(`It says ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => {
    seen.loaded.add(request.url());
    if (new URL(request.url()).origin !== new URL(url).origin) seen.elsewhere.push(request.url());
  });
  // What the page's own policy keeps from being asked for, the browser tells of all the same.
  page.on("requestfailed", (request) => {
    if (request.failure()?.errorText !== "csp") return;
    seen.elsewhere = seen.elsewhere.filter((one) => one !== request.url());
  });
  at = "loading";
  await page.setJavaScriptEnabled(scripts);
  await page.setViewport({ width, height: 900, isMobile: width < 600, hasTouch: width < 600 });
  await page.emulateMediaFeatures(media(dark ? "dark" : "light"));
  if (now) await page.evaluateOnNewDocument((now) => (Date.now = () => now), now);
  // What pages do every few seconds is done every few tenths.
  if (fast) await page.evaluateOnNewDocument(() => {
    const each = setInterval;
    globalThis.setInterval = (what, wait) => each(what, wait / 20);
  });
  // A link lets one browser in, once: those that follow have its cookie.
  const { origin } = new URL(url);
  if (jars.has(origin) && !stranger) await context.setCookie(...jars.get(origin));
  else {
    await page.goto(url);
    if (!stranger) jars.set(origin, await context.cookies());
  }
  seen.loaded.clear();
  seen.answer = await page.goto(new URL(visit.path, url).href, { waitUntil: "load" });
  seen.first = [...seen.loaded].filter((one) => new URL(one).origin === origin);
  if (visit.fill) await page.type(...visit.fill);
  for (const button of [visit.press, visit.then].filter(Boolean)) {
    [seen.answer] = await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(button)]);
  }
  return seen;
}

// What so many addresses take to transfer, if the server compresses.
async function compressed(urls, cookies) {
  const headers = { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "), accept: "text/html" };
  const bodies = urls.map(async (url) => gzipSync(Buffer.from(await (await fetch(url, { headers })).arrayBuffer())).length);
  return (await Promise.all(bodies)).reduce((sum, size) => sum + size, 0);
}

const text = (page) => page.$eval("main", (main) => main.innerText);

// Runs in the page: what can be reached by Tab, told apart by where it is in the document.
function focused() {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")];
  const active = document.activeElement;
  const style = getComputedStyle(active);
  const box = active.getBoundingClientRect();
  const is_seen = parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none" && box.width > 0 && box.right > 0;
  return { at: all.indexOf(active), all: all.filter((one) => one.checkVisibility()).map((one) => all.indexOf(one)),
    is_seen, is_frame: active instanceof HTMLIFrameElement, words: active.outerHTML.slice(0, 120) };
}

async function keyboard(page) {
  const reached = new Set();
  const unseen = [];
  let all = [];
  await page.evaluate(() => document.activeElement.blur());
  for (let step = 0; step < 400; step += 1) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(focused);
    ({ all } = now);
    if (now.is_frame) continue;
    if (now.at < 0 && step > 0 || reached.has(now.at)) break;
    reached.add(now.at);
    if (!now.is_seen) unseen.push(now.words);
  }
  return { unreached: all.filter((one) => !reached.has(one)).length, unseen, links: all.length };
}

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}

const commands = {
  // Everything that is asked of each page.
  async examine(order) {
    const seen = await open(order);
    const { page } = seen;
    const answer = { status: seen.answer.status(), title: await page.title(), text: await text(page) };
    answer.first = await compressed(seen.first, await page.browserContext().cookies());
    at = "the page's text";
    const html = await seen.answer.text();
    at = "html-validate";
    const { results } = await validate.validateString(html);
    answer.invalid = results.flatMap(({ messages }) => messages.map(({ ruleId, message, line, column }) =>
      `${ruleId}: ${message} at ${line}:${column}: ${html.split("\n")[line - 1].slice(Math.max(0, column - 40), column + 80)}`));
    at = "the keyboard";
    answer.keyboard = await keyboard(page);
    at = "axe";
    answer.troubles = [...seen.troubles];
    answer.violations = [];
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures(media(scheme));
      answer.violations.push(...(await violations(page)).map((one) => `${scheme}: ${one}`));
    }
    at = "a phone's width";
    await page.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true });
    answer.wider = await page.evaluate(() => {
      const wide = [...document.querySelectorAll("main, main *")].filter((one) => one.getBoundingClientRect().right > 360.5);
      return document.documentElement.scrollWidth > 360 ? wide.map((one) => one.outerHTML.slice(0, 120)).slice(0, 3).concat(
        `${document.documentElement.scrollWidth} pixels`) : [];
    });
    answer.elsewhere = seen.elsewhere;
    await page.browserContext().close();
    return answer;
  },
  // The words of a page, and the status that it came with.
  async read(order) {
    const seen = await open(order);
    const answer = { status: seen.answer.status(), text: await text(seen.page), troubles: seen.troubles };
    await seen.page.browserContext().close();
    return answer;
  },
  async keep(order) {
    kept.set(order.name, await open(order));
    return {};
  },
  // Waits until an element of a page that was kept has these words.
  async until({ name, selector, words }) {
    const has = (selector, words) => document.querySelector(selector)?.innerText.includes(words);
    await kept.get(name).page.waitForFunction(has, { polling: 50 }, selector, words);
    return {};
  },
  // Does something in a page that was kept: goes somewhere, fills fields in, presses something. Says what is shown then.
  async step({ name, path, fill = {}, press }) {
    const { page } = kept.get(name);
    let answer;
    at = `${path ?? "the page"}: ${JSON.stringify(fill)} ${press}`;
    if (path) answer = await page.goto(new URL(path, page.url()).href, { waitUntil: "load" });
    for (const [selector, words] of Object.entries(fill)) await page.locator(selector).fill(words);
    if (press) {
      [answer] = await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.locator(press).click()]);
    }
    return { status: answer?.status(), path: new URL(page.url()).pathname, text: await text(page) };
  },
  async close({ name }) {
    await kept.get(name).page.browserContext().close();
    kept.delete(name);
    return {};
  },
  async evaluate({ name, script }) {
    return { result: await kept.get(name).page.evaluate(script) };
  },
  async screenshot(order) {
    const { page } = await open(order);
    const height = await page.evaluate(() => Math.ceil(document.body.getBoundingClientRect().height));
    await page.setViewport({ width: order.width, height: Math.min(height, order.most) });
    await page.screenshot({ path: order.file, ...order.as });
    await page.browserContext().close();
    return {};
  },
};

const lines = createInterface({ input: process.stdin });
// Whoever gave the orders has ended: nobody waits for what is under way.
lines.on("close", () => browser.close().finally(() => process.exit()));
for await (const line of lines) {
  const { run, ...order } = JSON.parse(line);
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(fail, 120_000, new Error(`It takes too long: ${at}`))));
  const answer = await Promise.race([commands[run](order), late]).catch((error) => ({ error: String(error.stack ?? error) }));
  clearTimeout(timer);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
