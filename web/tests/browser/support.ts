// A browser on the page, and what every test of it checks: no errors, no requests elsewhere.
//
// LPMC_PAGE_URL   the page of a running `lpmc serve`; without it tests/mock/server.mjs is started
// LPMC_CHROMIUM   the browser (default /usr/bin/chromium)
// LPMC_SHOTS      a folder for screenshots; without it none are taken

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const axe = createRequire(import.meta.url)("axe-core") as { source: string };

export const kSample = resolve("../samples/metal_madness_30s.ogg");
export const kSampleName = "metal_madness_30s.ogg";
export const kSegments = 3;

/// What a test lets happen: errors of the network that it brings about itself.
export interface Allowed {
  console?: RegExp;
}

export class Stage {
  private constructor(
    private readonly browser_: Browser,
    readonly url: string,
    private readonly mock_: ChildProcess | null,
  ) {}

  static async open(...mock_flags: string[]): Promise<Stage> {
    const given = process.env["LPMC_PAGE_URL"];
    const mock = given ? null : spawn(process.execPath, ["tests/mock/server.mjs", ...mock_flags], { stdio: ["ignore", "pipe", "inherit"] });
    const url = given ?? (await listening(mock as ChildProcess));
    const browser = await chromium.launch({
      executablePath: process.env["LPMC_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--mute-audio",
      ],
    });
    return new Stage(browser, url, mock);
  }

  async close(): Promise<void> {
    await this.browser_.close();
    this.mock_?.kill();
  }

  /// Runs `act` on a fresh page. Afterwards nothing may have gone wrong in it.
  async page(options: BrowserContextOptions, act: (page: Page) => Promise<void>, allowed: Allowed = {}): Promise<void> {
    const context = await this.browser_.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true, ...options });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !allowed.console?.test(message.text())) problems.push(message.text());
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (!["blob:", "data:"].includes(url.protocol) && url.origin !== new URL(this.url).origin) problems.push(`asked ${url.href}`);
    });
    try {
      await page.goto(this.url);
      await act(page);
      assert.deepEqual(problems, []);
    } finally {
      await context.close();
    }
  }
}

function listening(mock: ChildProcess): Promise<string> {
  return new Promise((resolve_url, reject) => {
    mock.once("exit", (code) => reject(new Error(`the mock server ended with ${code}`)));
    mock.stdout?.on("data", (data: Buffer) => {
      const url = /http:\/\/\S+/.exec(data.toString())?.[0];
      if (url) resolve_url(url);
    });
  });
}

/// Uploads the sample and waits for all of its captions.
export async function caption_sample(page: Page): Promise<void> {
  await page.setInputFiles("#file-input", kSample);
  await wait_for_captions(page);
}

export async function wait_for_captions(page: Page, count = kSegments): Promise<void> {
  await page.locator(".row").nth(count - 1).waitFor({ timeout: 60_000 });
  await page.locator(".status").waitFor({ state: "hidden", timeout: 60_000 });
  assert.equal(await page.locator(".row").count(), count);
  await page.waitForFunction(() => document.querySelector(".clock")?.textContent !== "0:00 / 0:00");
}

/// axe-core's rules of WCAG 2.1 A and AA, and its best practices: nothing serious or critical.
export async function check_accessibility(page: Page, state: string): Promise<void> {
  await page.waitForTimeout(450); // colours in mid-transition are no colours
  await page.evaluate(axe.source);
  const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  const serious = found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
  assert.deepEqual(serious, [], state);
}

export async function check_width(page: Page, state: string): Promise<void> {
  const [inner, scrolled] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth] as const);
  assert.ok(scrolled <= inner, `${state}: ${scrolled} px of content in ${inner} px`);
}

export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env["LPMC_SHOTS"];
  if (!folder) return;
  await page.mouse.move(0, 0);
  await page.waitForTimeout(450); // what moves comes to rest
  await page.screenshot({ path: join(folder, `page-${name}.png`) });
}
