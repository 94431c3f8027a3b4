// Opens a report in a real browser, uses it as a person does, and prints what it saw as JSON.
// usage: node drive.mjs REPORT.html FOLDER-FOR-SCREENSHOTS [--large]
// The first of `filters` is the first choice after loading, the third the first search.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.resolve("target/browser/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [report, shots, mode] = process.argv.slice(2);
// The cluster of the demo world whose ACL may not be read.
const unread = "c9b72086882a0794b87085ecb84f59c87";
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US" });
const page = await context.newPage();
const seen = { console: [], errors: [], requests: [], axe: {}, filters: [], details: {}, words: {} };
page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => { if (!request.url().startsWith("data:")) seen.requests.push(request.url()); });

async function judge(name) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  seen.axe[name] = result.violations.map((it) => `${it.id}: ${it.help} (${it.nodes.map((node) => node.target.join(" ")).slice(0, 3).join("; ")})`);
}
const shown = () => page.evaluate(() => {
  const [now, all] = document.getElementById("count").textContent.replaceAll(",", "").split(" of ").map(Number);
  return { now, all, rows: document.querySelectorAll("#space .row").length };
});
/** Milliseconds from a keystroke in the search, or a choice, until the new rows are laid out. */
const timed = (what, value) => page.evaluate(([what, value]) => {
  const node = what === "search" ? document.getElementById("search") : document.querySelector(`[data-filter="${what}"]`);
  const begun = performance.now();
  node.value = value;
  node.dispatchEvent(new Event(what === "search" ? "input" : "change", { bubbles: true }));
  void document.getElementById("view").getBoundingClientRect().height;
  void document.getElementById("space").lastElementChild?.getBoundingClientRect().height;
  return performance.now() - begun;
}, [what, value]);

const begun = performance.now();
await page.goto(pathToFileURL(path.resolve(report)).href, { waitUntil: "commit" });
await page.waitForSelector("html[data-ready=yes]", { timeout: 120000 });
seen.ready_ms = performance.now() - begun;
seen.paint_ms = await page.evaluate(() => Object.fromEntries(performance.getEntriesByType("paint").map((it) => [it.name, it.startTime])));
seen.answers = await page.evaluate(() => [...document.querySelectorAll(".card")].map((card) => [card.querySelector("h2").textContent, card.querySelector(".big").textContent]));
seen.moods = await page.evaluate(() => [...document.querySelectorAll(".card .big")].map((it) => it.className.replace("big", "").trim()));
seen.gaps = await page.evaluate(() => document.getElementById("gaps").innerText);
seen.map = await page.evaluate(() => document.getElementById("map").innerText);
seen.cards = await page.evaluate(() => [...document.querySelectorAll(".card")].map((card) => card.innerText));
// On a desk, a tablet and a telephone: all four numbers, in the cards or above them.
seen.first_screen = [];
for (const [width, height] of [[1024, 768], [390, 844], [1280, 900]]) {
  await page.setViewportSize({ width, height });
  seen.first_screen.push(await page.evaluate(() => [".card .big", ".strip b"].some((numbers) => {
    const places = [...document.querySelectorAll(numbers)].map((it) => it.getBoundingClientRect());
    return places.length === 4 && places.every((place) => place.height > 0 && place.bottom < innerHeight);
  })));
}
seen.scripts = await page.evaluate(() => document.scripts.length);
seen.foreign = await page.evaluate(() => document.querySelectorAll("img, iframe, object, embed, link[rel=stylesheet], form, base, video, audio").length);
seen.pwned = await page.evaluate(() => globalThis.pwned ?? null);
seen.raw = await page.evaluate(() => /[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u001b]/.test(document.body.innerText));
seen.all = await shown();

// Filters, by what they leave.
for (const [what, value] of [["severity", "critical"], ["severity", ""], ["search", "no such thing at all"], ["search", "sg-"], ["search", "cn-hangzhou open"], ["search", ""], ["status", "open"], ["status", ""]]) {
  if (what !== "search" && !(await page.$(`[data-filter="${what}"]`))) continue;
  const ms = await timed(what, value);
  seen.filters.push({ what, value, ms, ...(await shown()) });
}

if (mode === "--large") {
  // Cold and warm searches of every kind, and scrolling to the end.
  for (const word of ["c", "c7", "balancer admits", "eu-central-1", "zzz", "10.0", "critical", ""]) seen.filters.push({ what: "search", value: word, ms: await timed("search", word), ...(await shown()) });
  seen.sort_ms = await page.evaluate(() => {
    const begun = performance.now();
    document.querySelectorAll(".sorter")[3].click();
    void document.getElementById("view").getBoundingClientRect().height;
    return performance.now() - begun;
  });
  await page.evaluate(() => { const view = document.getElementById("view"); view.scrollTop = view.scrollHeight; });
  await page.waitForTimeout(100);
  seen.last_row = await page.evaluate(() => Math.max(...[...document.querySelectorAll("#space .row")].map((row) => Number(row.getAttribute("aria-rowindex")))));
  // The other list, in which nothing was chosen yet either.
  await page.click("#tab-endpoints");
  for (const [what, value] of [["exposure", "exposed"], ["search", "cn-hangzhou"], ["search", ""], ["exposure", ""]]) {
    if (what !== "search" && !(await page.$(`[data-filter="${what}"]`))) continue;
    seen.filters.push({ what, value, ms: await timed(what, value), ...(await shown()) });
  }
} else {
  await judge("light");
  await page.screenshot({ path: path.join(shots, "html-light.png") });
  await page.screenshot({ path: path.join(shots, "html-whole.png"), fullPage: true });

  // Every finding and every control plane opens, and says what it says in words.
  const ids = await page.evaluate(() => document.getElementById("data").textContent.trim().split("\n").map((line) => JSON.parse(line)).filter(([what]) => what === "e" || what === "f").map(([what, it]) => (what === "e" ? ["e", it.endpoint.id] : ["f", it[0]])));
  seen.details.every = { opened: 0, strange: [] };
  for (const [what, id] of ids) {
    const text = await page.evaluate(async ([what, id]) => {
      const turned = new Promise((done) => addEventListener("popstate", () => setTimeout(done), { once: true }));
      location.hash = `#${what}=${encodeURIComponent(id)}`;
      await turned;
      return document.getElementById("detail").open ? document.getElementById("detail").innerText : "";
    }, [what, id]);
    if (text) seen.details.every.opened += 1;
    if (!text || /\[object|undefined|NaN/.test(text)) seen.details.every.strange.push(`${what} ${id}: ${text.slice(0, 300)}`);
    if (what === "e" && id.includes(unread)) seen.details.unread = text;
  }
  await page.goto(pathToFileURL(path.resolve(report)).href);
  await page.waitForSelector("html[data-ready=yes]");
  seen.requests.pop();

  // The browser's way back leads from a detail to the one before, and then to the page.
  const inDetail = () => page.evaluate(() => [document.getElementById("detail").open, document.querySelector("#detail h2")?.textContent ?? ""]);
  const went = (depth) => page.waitForFunction((depth) => (history.state?.depth ?? 0) === depth && document.getElementById("detail").open === depth > 0, depth);
  await page.click("[data-open]");
  seen.details.back = [await inDetail()];
  await page.click("#detail .other");
  seen.details.back.push(await inDetail());
  await page.goBack();
  await went(1);
  seen.details.back.push(await inDetail());
  await page.goBack();
  await went(0);
  seen.details.back.push(await inDetail());

  // With the keyboard alone.
  await page.keyboard.press("/");
  seen.details.slash = await page.evaluate(() => document.activeElement.id);
  await page.focus("#view");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  seen.details.opened = await page.evaluate(() => document.getElementById("detail").open);
  seen.details.hash = await page.evaluate(() => location.hash.slice(0, 3));
  await judge("detail");
  await page.keyboard.press("Escape");
  seen.details.closed = await page.evaluate(() => !document.getElementById("detail").open && document.activeElement.id);

  // Columns sort with the keyboard, and the focus stays where it was.
  await page.focus("#head [data-sort]");
  await page.keyboard.press("Enter");
  const sorted = () => page.evaluate(() => [document.querySelector("#head [role=columnheader]").getAttribute("aria-sort"), document.getElementById("detail").open, document.activeElement.dataset.sort ?? ""]);
  seen.details.sorted = await sorted();
  await page.keyboard.press("Space");
  seen.details.sorted_down = await sorted();
  await page.keyboard.press("Enter");

  // A fingerprint, letter by letter; then everything again.
  const fingerprint = await page.evaluate(() => { document.querySelector("#space .row").click(); const it = decodeURIComponent(location.hash.slice(3)); document.getElementById("detail").close(); return it; });
  await page.focus("#search");
  await page.keyboard.type(fingerprint.slice(0, 12));
  seen.details.by_fingerprint = (await shown()).now;
  await page.focus("#clear");
  await page.keyboard.press("Enter");
  seen.details.cleared = [await page.evaluate(() => document.activeElement.id), (await shown()).now];

  // An endpoint, from the first card.
  await page.click("[data-open]");
  seen.details.endpoint = await page.evaluate(() => document.getElementById("detail").innerText);
  await page.screenshot({ path: path.join(shots, "html-detail.png") });
  await judge("endpoint");
  const href = await page.evaluate(() => location.href);
  await page.keyboard.press("Escape");
  const other = await context.newPage();
  await other.goto(href);
  await other.waitForSelector("html[data-ready=yes]");
  seen.details.linked = await other.evaluate(() => document.getElementById("detail").open);
  await other.close();

  await page.click("#tab-endpoints");
  seen.details.endpoints = await shown();
  await judge("endpoints");
  await page.click("#tab-findings");

  await page.click("#language");
  seen.words.zh = await page.evaluate(() => [document.documentElement.lang, document.querySelector(".card h2").textContent, document.getElementById("tab-findings").textContent, document.querySelector("#space .row").innerText]);
  await judge("chinese");
  await page.screenshot({ path: path.join(shots, "html-zh.png") });
  await page.click("#language");
  seen.words.en = await page.evaluate(() => document.querySelector(".card h2").textContent);

  await page.click("#theme");
  await page.click("#theme");
  seen.words.theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await judge("dark");
  await page.screenshot({ path: path.join(shots, "html-dark.png") });
  await page.click("#theme");

  await page.setViewportSize({ width: 390, height: 844 });
  await judge("narrow");
  seen.words.row = await page.evaluate(() => document.querySelector("#space .row").innerText);
  seen.words.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.screenshot({ path: path.join(shots, "html-narrow.png") });
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const rowsOf = () => page.evaluate(() => [...document.querySelectorAll("#printed tbody")].map((part) => part.rows.length));
  seen.words.printed = await rowsOf();
  seen.words.cut = await page.evaluate(() => [...document.querySelectorAll(".scroll")].map((it) => it.scrollWidth - it.clientWidth).filter((over) => over > 0));
  seen.words.lanes = await page.evaluate(() => document.querySelectorAll("#map .lane").length);
  await page.pdf({ path: path.join(shots, "html-print.pdf") });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  // What is open is printed alone.
  await page.click("[data-open]", { force: true }).catch(() => page.evaluate(() => document.querySelector("[data-open]").click()));
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  seen.words.printed_detail = await page.evaluate(() => [getComputedStyle(document.querySelector("main")).display, document.getElementById("printed").innerText]);
  await page.pdf({ path: path.join(shots, "html-print-detail.pdf") });

  // Without its script the first screen is there all the same.
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
  const still = await plain.newPage();
  await still.goto(pathToFileURL(path.resolve(report)).href);
  seen.words.without_script = await still.locator(".card .big").allInnerTexts();
}
await browser.close();
console.log(JSON.stringify(seen));
