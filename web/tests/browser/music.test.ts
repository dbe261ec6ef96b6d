// From music to captions, as a person does it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";

import type { Page } from "playwright-core";

import { caption_sample, check_accessibility, kSample, kSampleName, kSegments, shot, Stage, wait_for_captions } from "./support.ts";

let stage: Stage;
before(async () => (stage = await Stage.open("--segment-ms", "700")));
after(() => stage.close());

function playing_row(page: Page): Promise<number> {
  return page.locator(".row").evaluateAll((rows) => rows.findIndex((row) => row.getAttribute("aria-current") === "true"));
}

async function export_as(page: Page, format: string): Promise<{ name: string; bytes: Buffer }> {
  await page.locator(".menu summary").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`[data-format="${format}"]`).click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

describe("a recording", () => {
  it("gets captions segment by segment, then one for the whole", async () => {
    await stage.page({}, async (page) => {
      await shot(page, "start");
      await check_accessibility(page, "start");
      await page.evaluate(() => {
        const seen: string[] = [];
        (window as unknown as { seen: string[] }).seen = seen;
        new MutationObserver(() => {
          const line = `${document.querySelectorAll(".row").length} ${document.querySelector(".status")?.checkVisibility() ? "working" : "done"}`;
          if (seen.at(-1) !== line) seen.push(line);
        }).observe(document.body, { subtree: true, childList: true, attributes: true });
      });
      await page.setInputFiles("#file-input", kSample);
      await page.locator(".row").first().waitFor({ timeout: 60_000 });
      await wait_for_captions(page);
      const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
      for (let rows = 1; rows < kSegments; ++rows) assert.ok(seen.includes(`${rows} working`), `${rows} of ${seen.join(", ")}`);
      assert.equal(seen.at(-1), `${kSegments} done`);
      for (const text of await page.locator(".row .words").allTextContents()) assert.ok(text.length > 20, text);
      assert.ok((await page.locator(".track-caption .words").textContent())!.length > 20);
      assert.match((await page.locator("#announcer").textContent())!, new RegExp(`${kSegments} captions`));
      await check_accessibility(page, "captions");
    });
  });

  it("plays, with the caption of what sounds marked", async () => {
    await stage.page({}, async (page) => {
      await caption_sample(page);
      assert.equal(await playing_row(page), -1);
      await page.locator(".row-play").nth(1).click();
      await page.waitForFunction(() => /^0:1[1-9]/.test(document.querySelector(".clock")?.textContent ?? ""));
      assert.equal(await playing_row(page), 1);
      await shot(page, "playing");
      await check_accessibility(page, "playing");
      // On into the next bar, with the sound still running.
      await page.locator(".track-name").focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await page.waitForFunction(() => {
        const marked = document.querySelectorAll(".row")[2]?.getAttribute("aria-current") === "true";
        return marked && /^0:2/.test(document.querySelector(".clock")?.textContent ?? "");
      });
      assert.equal(await playing_row(page), 2);
      assert.equal(await page.locator(".play-button").getAttribute("aria-label"), "Pause");
      await page.keyboard.press(" ");
      await page.locator('.play-button[aria-label="Play"]').waitFor();
      // A click into the first bar of the score.
      const staff = (await page.locator(".staff").boundingBox())!;
      await page.mouse.click(staff.x + staff.width / 8, staff.y + staff.height / 2);
      await page.waitForFunction(() => document.querySelector(".row")?.getAttribute("aria-current") === "true");
    });
  });

  it("stops at the end of a segment when told to", async () => {
    await stage.page({}, async (page) => {
      await caption_sample(page);
      await page.getByLabel("Stop after a segment").check();
      await page.locator(".row-play").nth(0).click();
      await page.locator(".track-name").focus();
      await page.waitForFunction(() => /^0:01/.test(document.querySelector(".clock")?.textContent ?? ""));
      await page.waitForFunction(() => document.querySelector(".play-button")?.getAttribute("aria-label") === "Play", null, { timeout: 15_000 });
      assert.match((await page.locator(".clock").textContent())!, /^0:(09|10)/);
    });
  });

  it("is edited in place, exported, and opened again with every edit", async () => {
    const words = 'My own words, with "quotes" & <tags>.';
    let json: Buffer = Buffer.alloc(0);
    await stage.page({}, async (page) => {
      await caption_sample(page);
      const model_words = (await page.locator(".row .words").nth(0).textContent())!;
      await page.locator(".row-play").nth(1).focus();
      await page.keyboard.press("e");
      await shot(page, "edit");
      await check_accessibility(page, "edit");
      await page.keyboard.type(words);
      await page.keyboard.press("Enter");
      assert.equal(await page.locator(".row .words").nth(1).textContent(), words);
      assert.equal(await page.locator(".row-note").nth(1).textContent(), "edited");
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Edit caption 2");
      // Escape takes back.
      await page.locator(".row-play").nth(0).focus();
      await page.keyboard.press("e");
      await page.keyboard.type("thrown away");
      await page.keyboard.press("Escape");
      assert.equal(await page.locator(".row .words").nth(0).textContent(), model_words);
      await page.getByLabel("Edit the track caption").click();
      await page.keyboard.type("The whole of it.");
      await page.keyboard.press("Enter");

      const exported = await export_as(page, "json");
      assert.equal(exported.name, "metal_madness_30s.json");
      json = exported.bytes;
      const captions = JSON.parse(json.toString());
      assert.equal(captions.segments[1].text, words);
      assert.equal(captions.segments[1].score, null);
      assert.equal(captions.track_caption, "The whole of it.");
      const text = await export_as(page, "txt");
      assert.equal(text.name, "metal_madness_30s.txt");
      assert.ok(text.bytes.toString().includes(`[0:10-0:20] ${words}\n`));
      assert.ok((await export_as(page, "srt")).bytes.toString().includes(`00:00:10,000 --> 00:00:20,000\n${words}\n`));
      assert.ok((await export_as(page, "vtt")).bytes.toString().includes("with \"quotes\" &amp; &lt;tags&gt;."));
      const archive = await export_as(page, "zip");
      assert.equal(archive.bytes.readUInt32LE(0), 0x04034b50);
      for (const name of ["txt", "srt", "json"]) assert.ok(archive.bytes.includes(`metal_madness_30s.${name}`));
    });
    await stage.page({}, async (page) => {
      await page.setInputFiles("#file-input", { name: "metal_madness_30s.json", mimeType: "application/json", buffer: json });
      await page.locator(".row").nth(kSegments - 1).waitFor();
      assert.equal(await page.locator(".row .words").nth(1).textContent(), words);
      assert.equal(await page.locator(".track-name").textContent(), kSampleName);
      assert.ok(await page.locator(".play-button").isDisabled());
      await check_accessibility(page, "captions without sound");
      // The music of the same name joins its captions, and nothing is captioned anew.
      await page.setInputFiles("#file-input", kSample);
      await page.locator(".play-button:enabled").waitFor();
      await page.locator(".row-play").nth(1).click();
      await page.waitForFunction(() => document.querySelectorAll(".row")[1]?.getAttribute("aria-current") === "true");
      assert.equal(await page.locator(".row .words").nth(1).textContent(), words);
      assert.equal(await page.locator("#queue li").count(), 1);
      assert.deepEqual((await export_as(page, "json")).bytes, json);
    });
  });

  it("waits its turn behind another, and may be removed", async () => {
    await stage.page({}, async (page) => {
      const buffer = await readFile(kSample);
      const files = ["one.ogg", "two.ogg"].map((name) => ({ name, mimeType: "audio/ogg", buffer }));
      await page.setInputFiles("#file-input", files);
      await page.waitForFunction(() => document.querySelectorAll('#queue [data-state="done"]').length === 2, null, { timeout: 60_000 });
      await shot(page, "queue");
      await page.locator("#queue button", { hasText: "two.ogg" }).click();
      assert.equal(await page.locator(".track-name").textContent(), "two.ogg");
      await page.getByLabel("Remove two.ogg").click();
      assert.equal(await page.locator(".track-name").textContent(), "one.ogg");
      await page.getByLabel("Remove one.ogg").click();
      await page.locator(".drop-words").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.id), "choose");
    });
  });

  it("is dropped onto the page", async () => {
    await stage.page({}, async (page) => {
      const base64 = (await readFile(kSample)).toString("base64");
      await page.evaluate((data) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], "dropped.ogg", { type: "audio/ogg" }));
        for (const type of ["dragenter", "dragover", "drop"]) {
          document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }
      }, base64);
      await wait_for_captions(page);
      assert.equal(await page.locator(".track-name").textContent(), "dropped.ogg");
    });
  });

  it("comes from the microphone", async () => {
    await stage.page({ permissions: ["microphone"] }, async (page) => {
      await page.locator("#record").click();
      await page.waitForFunction(() => document.querySelector("#record-label")?.textContent === "Stop recording 0:02");
      await page.locator("#record").click();
      await wait_for_captions(page, 1);
      assert.equal(await page.locator(".track-name").textContent(), "Recording 1.wav");
      assert.match((await page.locator(".clock").textContent())!, /\/ 0:0[23]$/);
    });
  });
});
