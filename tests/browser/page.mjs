// The status page in Chromium, as its readers meet it.
//
//   node page.mjs check URL          what must hold of any page, and that it is live
//   node page.mjs hostile URL        the same without the waiting, of a page full of hostile text
//   node page.mjs pictures URL DIR   pictures of it: desktop light and dark, telephone
//
// Needs playwright-core and axe-core in NODE_PATH's folder, given as BROWSER_NODE_MODULES, and a Chromium at
// TRAILRISK_CHROMIUM (/usr/bin/chromium). Ends with 0 only if everything holds.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const modules = process.env.BROWSER_NODE_MODULES ?? "node_modules";
const require = createRequire(join(modules, "page.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE_MS = 60_000;
const [mode, url, folder] = process.argv.slice(2);
const failures = [];

function expect(holds, what) {
  console.log(`  ${holds ? "ok    " : "FAILED"} ${what}`);
  if (!holds) failures.push(what);
}

/** A page in a window of this size, and what it complains of. */
async function open(browser, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin)) complaints.push(`asks ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective}`));
  });
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("live").classList.contains("on"));
  return { page, context, complaints };
}

async function accessible(page, what) {
  // Through the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  for (const violation of violations) console.log(violation.id, violation.help, violation.nodes.map((node) => node.html));
  expect(violations.length === 0, `axe-core finds nothing: ${what}`);
}

async function fits(page, width) {
  await page.setViewportSize({ width, height: 740 });
  const { scroll, client } = await page.evaluate(() => {
    const { scrollWidth: scroll, clientWidth: client } = document.documentElement;
    return { scroll, client };
  });
  expect(scroll <= client, `nothing is wider than a page of ${width} pixels (${scroll})`);
}

/** Tab goes to every control, in the order in which they stand, and each shows that it has the focus. */
async function keyboard(page) {
  const controls = await page.$$eval("a[href], summary", (all) => all.filter((one) => one.checkVisibility()).length);
  let [last, inOrder, shown] = [-1, true, true];
  const reached = new Set();
  await page.evaluate(() => document.activeElement?.blur());
  for (let press = 0; press < controls; press += 1) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a[href], summary")];
      const style = getComputedStyle(document.activeElement);
      return { at: all.indexOf(document.activeElement), outline: style.outlineStyle };
    });
    inOrder &&= now.at > last;
    shown &&= now.outline !== "none";
    last = now.at;
    reached.add(now.at);
  }
  expect(reached.size === controls && !reached.has(-1), `the keyboard reaches all ${controls} controls`);
  expect(inOrder && shown, "in their order, with the focus shown");
}

async function staysOpen(page) {
  const details = page.locator("#detections details").first();
  await details.locator("summary").click();
  const before = await page.locator("#live-at").textContent();
  await page.waitForFunction((text) => document.getElementById("live-at").textContent !== text, before);
  expect(await details.evaluate((element) => element.open), "what is unfolded stays so while the page changes");
}

async function liveUpdates(page) {
  await page.evaluate(() => { window.loadedOnce = true; });
  const records = () => document.querySelector("#overview .more").textContent;
  const before = await page.evaluate(records);
  await page.waitForFunction((text) => document.querySelector("#overview .more").textContent !== text, before);
  expect(await page.evaluate(() => window.loadedOnce === true), "the number of records changes without a reload");
}

/** The server goes out of sight: the page says so, and since when. */
async function notLive(context, page) {
  await context.setOffline(true);
  await page.route("**/api/status/events", (route) => route.abort());
  await page.evaluate(() => window.stop());
  await page.waitForFunction(() => document.getElementById("live").classList.contains("off"));
  const text = await page.locator("#live").textContent();
  expect(/Not live since\s+\d\d:\d\d:\d\d UTC/.test(text), `a page that hears nothing says so: ${text.trim()}`);
}

async function check(browser, isLive) {
  for (const colorScheme of ["light", "dark"]) {
    const { page, context, complaints } = await open(browser, { colorScheme });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const brightness = ground.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    expect(colorScheme === "dark" ? brightness < 60 : brightness > 200, `the page is ${colorScheme}: ${ground}`);
    await accessible(page, `desktop, ${colorScheme}`);
    if (colorScheme === "light") {
      await keyboard(page);
      await staysOpen(page);
      if (isLive) await liveUpdates(page);
    }
    for (const width of [1280, 768, 360]) await fits(page, width);
    await accessible(page, `360 pixels, ${colorScheme}`);
    expect(complaints.length === 0, `no error, no violation of the policy, no request elsewhere ${complaints.join("; ")}`);
    if (isLive && colorScheme === "light") await notLive(context, page);
    await context.close();
  }
}

async function pictures(browser) {
  const views = [
    ["status.png", { colorScheme: "light", viewport: { width: 1280, height: 1000 } }],
    ["status-dark.png", { colorScheme: "dark", viewport: { width: 1280, height: 1000 } }],
    ["status-phone.png", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
  ];
  for (const [name, options] of views) {
    const { page, context } = await open(browser, options);
    await page.screenshot({ path: join(folder, name), fullPage: process.env.TRAILRISK_FULL_PAGE === "1" });
    await context.close();
  }
}

const browser = await chromium.launch({
  executablePath: process.env.TRAILRISK_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  await { check: () => check(browser, true), hostile: () => check(browser, false), pictures: () => pictures(browser) }[mode]();
} finally {
  await browser.close();
}
process.exit(failures.length === 0 ? 0 : 1);
