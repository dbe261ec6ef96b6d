// Tags, settings, errors, themes, keyboard, and narrow screens.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import type { Page, Route } from "playwright-core";

import { caption_sample, check_accessibility, check_width, kSample, kSegments, shot, Stage, wait_for_captions } from "./support.ts";

let stage: Stage;
before(async () => (stage = await Stage.open()));
after(() => stage.close());

const kNetworkErrors = { console: /Failed to load resource/ };

function refuse(status: number, kind: string, message: string, headers: Record<string, string> = {}) {
  return (route: Route) =>
    route.fulfill({ status, contentType: "application/json", headers, body: JSON.stringify({ error: { kind, message } }) });
}

async function failure(page: Page): Promise<string> {
  await page.locator(".status.failed").waitFor();
  return (await page.locator(".status-text").innerText()).replaceAll("\n", " ");
}

describe("tags", () => {
  it("become four captions", async () => {
    await stage.page({}, async (page) => {
      await page.locator("#tab-tags").click();
      await page.locator("#tag-input").fill("solo piano, slow tempo,");
      await page.locator("#tag-input").pressSequentially("melancholic");
      await page.keyboard.press("Enter");
      await page.locator("#tag-input").pressSequentially("Slow tempo,wrong,");
      await page.keyboard.press("Backspace");
      assert.deepEqual(await page.locator("#tag-chips .chip").allInnerTexts(), ["solo piano", "slow tempo", "melancholic"]);
      await page.getByLabel("Remove melancholic").click();
      await page.locator("#tag-input").press("Enter");
      await page.locator(".card-foot").nth(3).waitFor({ timeout: 60_000 });
      assert.deepEqual(await page.locator(".card h3").allTextContents(), ["Writing", "Summary", "Paraphrase", "Attribute prediction"]);
      for (const text of await page.locator(".card-caption").allTextContents()) assert.ok(text.length > 5);
      await page.locator(".query summary").first().click();
      assert.match((await page.locator(".query pre").first().textContent())!, /solo piano, slow tempo/);
      await page.locator(".query summary").first().click();
      await shot(page, "tags");
      await check_accessibility(page, "tags");
    });
  });

  it("say so when there are none, or the server has no language model", async () => {
    await stage.page({}, async (page) => {
      await page.locator("#tab-tags").click();
      await page.locator("#write-captions").click();
      assert.match((await page.locator("#tag-results").innerText()), /no tags yet/);
      await page.route("**/v1/tag-captions", refuse(503, "unavailable", "no language model is configured"));
      await page.locator(".example").first().click();
      await page.locator("#write-captions").click();
      await page.locator(".problem", { hasText: "no language model is configured" }).waitFor();
      await check_accessibility(page, "tags refused");
    }, kNetworkErrors);
  });
});

describe("settings", () => {
  it("are sent with the file, kept, and reset", async () => {
    await stage.page({}, async (page) => {
      await page.locator("#open-drawer").click();
      await check_accessibility(page, "drawer");
      await page.getByLabel("Alternatives").fill("3");
      await page.getByLabel("Draw words at random").check();
      await page.getByLabel("Temperature").fill("0.7");
      await page.keyboard.press("Tab");
      await shot(page, "drawer");
      await page.keyboard.press("Escape");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "open-drawer");
      await page.evaluate(() => {
        const really = window.fetch;
        window.fetch = (url, init) => {
          if (init?.body instanceof FormData) document.body.dataset["sent"] = JSON.stringify([...init.body].filter(([name]) => name !== "file"));
          return really(url, init);
        };
      });
      await page.setInputFiles("#file-input", kSample);
      await page.locator("body[data-sent]").waitFor();
      const sent = JSON.parse((await page.locator("body").getAttribute("data-sent"))!) as [string, string][];
      assert.deepEqual(Object.fromEntries(sent), { n_best: "3", sample: "true", temperature: "0.7", track: "true" });
      await wait_for_captions(page);
      // Another of the wordings on top.
      await page.locator(".others summary").first().click();
      const other = (await page.locator(".others button").first().textContent())!;
      await page.locator(".others button").first().click();
      assert.equal(await page.locator(".row .words").first().textContent(), other);
      await page.reload();
      await page.locator("#open-drawer").click();
      assert.equal(await page.getByLabel("Temperature").inputValue(), "0.7");
      await page.getByText("Back to the defaults").click();
      assert.equal(await page.getByLabel("Alternatives").inputValue(), "1");
      assert.ok(await page.getByLabel("Temperature").isDisabled());
    });
  });
});

describe("what goes wrong", () => {
  it("is told in plain words: no music in the file", async () => {
    await stage.page({}, async (page) => {
      await page.setInputFiles("#file-input", { name: "letter.txt", mimeType: "text/plain", buffer: Buffer.from("Dear Clara, ".repeat(99)) });
      assert.match(await failure(page), /not look like music|damaged/);
      await shot(page, "error");
      await check_accessibility(page, "not music");
    }, kNetworkErrors);
  });

  it("a busy server: a countdown, then the captions", async () => {
    await stage.page({}, async (page) => {
      await page.route("**/v1/captions", refuse(429, "unavailable", "the queue is full", { "Retry-After": "2" }), { times: 1 });
      await page.setInputFiles("#file-input", kSample);
      await page.getByText("Trying again in 1 s").first().waitFor();
      await wait_for_captions(page);
    }, kNetworkErrors);
  });

  it("a connection that is lost: what arrived is kept, and it can be tried again", async () => {
    await stage.page({}, async (page) => {
      const start = { file: "f", model: "default", segment_duration_s: 10, duration_s: 30 };
      const segment = { start_s: 0, end_s: 10, time: "0:00-0:10", text: "The first caption arrived.", score: -1, silent: false };
      const body = `event: start\ndata: ${JSON.stringify(start)}\n\nevent: segment\ndata: ${JSON.stringify(segment)}\n\n`;
      await page.route("**/v1/captions", (route) => route.fulfill({ status: 200, contentType: "text/event-stream", body }), { times: 1 });
      await page.setInputFiles("#file-input", kSample);
      assert.match(await failure(page), /connection broke off/);
      assert.equal(await page.locator(".row .words").innerText(), "The first caption arrived.");
      await page.getByRole("button", { name: "Try again" }).click();
      await wait_for_captions(page);
    }, kNetworkErrors);
  });

  it("no server at all, a file too large, a page of captions that is none", async () => {
    await stage.page({}, async (page) => {
      await page.route("**/v1/captions", (route) => route.abort("connectionrefused"), { times: 1 });
      await page.setInputFiles("#file-input", kSample);
      assert.match(await failure(page), /No answer from the server/);
      await page.route("**/v1/models", async (route) => {
        const answer = await (await route.fetch()).json();
        await route.fulfill({ json: { ...answer, limits: { max_upload_mb: 0.01 } } });
      });
      await page.reload();
      await page.waitForLoadState("networkidle");
      await page.setInputFiles("#file-input", kSample);
      assert.match(await failure(page), /too large.*1 MB/);
      await page.setInputFiles("#file-input", { name: "x.json", mimeType: "application/json", buffer: Buffer.from("{}") });
      await page.getByText("x.json could not be opened.").first().waitFor();
      await check_accessibility(page, "banner");
    }, kNetworkErrors);
  });

  it("a server that wants a key: it is asked for once", async () => {
    await stage.page({}, async (page) => {
      let asked = 0;
      await page.route("**/v1/**", (route) => {
        if (route.request().headers()["authorization"] === "Bearer right") return route.continue();
        ++asked;
        return refuse(401, "unauthorized", "expected a bearer token")(route);
      });
      await page.reload();
      await page.locator("#key-dialog[open]").waitFor();
      await page.keyboard.type("wrong");
      await page.keyboard.press("Enter");
      await page.getByText("did not take that key").waitFor();
      await shot(page, "key");
      await check_accessibility(page, "key");
      await page.keyboard.type("right");
      await page.keyboard.press("Enter");
      await caption_sample(page);
      assert.equal(asked, 2);
    }, kNetworkErrors);
  });

  it("a stop, and another try", async () => {
    await stage.page({}, async (page) => {
      await page.route("**/v1/captions", () => undefined, { times: 1 }); // no answer
      await page.setInputFiles("#file-input", kSample);
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByText("Stopped", { exact: true }).first().waitFor();
            await page.getByRole("button", { name: "Try again" }).click();
      await wait_for_captions(page);
    });
  });
});

describe("dark, narrow, and by keyboard", () => {
  it("follows the system, and the user's choice before it, also after a reload", async () => {
    const paper = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await stage.page({ colorScheme: "dark" }, async (page) => {
      const dark = await paper(page);
      await caption_sample(page);
      await page.locator(".row-play").nth(1).click();
      await page.waitForFunction(() => document.querySelectorAll(".row")[1]?.getAttribute("aria-current") === "true");
      await shot(page, "dark");
      await check_accessibility(page, "dark");
      await page.getByLabel("Switch to light colours").click();
      assert.notEqual(await paper(page), dark);
      await check_accessibility(page, "light over dark");
      await page.reload();
      assert.notEqual(await paper(page), dark);
      await page.getByLabel("Switch to dark colours").click();
      await page.locator("#tab-tags").click();
      await page.locator(".example").first().click();
      await page.locator("#write-captions").click();
      await page.locator(".card-foot").nth(3).waitFor({ timeout: 60_000 });
      await check_accessibility(page, "dark tags");
      await page.locator("#open-drawer").click();
      await check_accessibility(page, "dark drawer");
    });
  });

  it("fits 360 pixels", async () => {
    await stage.page({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }, async (page) => {
      await check_width(page, "start");
      await caption_sample(page);
      await check_width(page, "captions");
      await page.locator(".row-play").nth(0).tap();
      await page.waitForFunction(() => document.querySelector(".row")?.getAttribute("aria-current") === "true");
      await page.evaluate(() => scrollTo(0, 130));
      await shot(page, "phone");
      await check_accessibility(page, "phone");
      await page.locator(".menu summary").click();
      await check_width(page, "menu");
      await page.keyboard.press("Escape");
      await page.locator("#open-drawer").click();
      await check_width(page, "drawer");
      await page.keyboard.press("Escape");
      await page.locator("#tab-tags").click();
      await page.locator(".example").first().click();
      await page.locator("#write-captions").click();
      await page.locator(".card-foot").nth(3).waitFor({ timeout: 60_000 });
      await check_width(page, "tags");
    });
  });

  it("needs no mouse", async () => {
    await stage.page({}, async (page) => {
      const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || "");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "skip");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "tab-music");
      await page.keyboard.press("ArrowRight");
      assert.equal(await focused(), "tab-tags");
      assert.ok(await page.locator("#panel-tags").isVisible());
      await page.keyboard.press("ArrowRight");
      assert.ok(await page.locator("#panel-music").isVisible());
      await page.keyboard.press("?");
      await page.locator("#help[open]").waitFor();
      await check_accessibility(page, "help");
      await page.keyboard.press("Escape");
      await caption_sample(page);
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      assert.match((await page.evaluate(() => document.activeElement?.textContent))!, /^Play segment 2, 0:10 to 0:20$/);
      await page.keyboard.press("k");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector(".row")?.getAttribute("aria-current") === "true");
      await page.locator(".menu summary").focus();
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-format")), "txt");
      await check_accessibility(page, "menu");
      await page.keyboard.press("Escape");
      assert.ok(!(await page.locator(".menu-items").isVisible()));
      assert.equal(await page.locator(".row").count(), kSegments);
    });
  });
});
