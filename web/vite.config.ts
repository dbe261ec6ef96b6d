import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/// wavesurfer.js writes a <style> element into its shadow root. The server's content security policy
/// forbids inline styles, so the element is left out of the bundle; src/audio/waveform_shadow.css takes
/// its place as a constructed style sheet, which the policy allows.
function without_inline_style(): Plugin {
  return {
    name: "wavesurfer-without-inline-style",
    transform(code, id) {
      if (!id.includes("/wavesurfer.js/dist/wavesurfer.esm.js")) return null;
      const parts = code.split(/<style\$\{[\s\S]*?<\/style>/);
      if (parts.length !== 2) {
        throw new Error(`wavesurfer.js: expected one <style> in its source, found ${parts.length - 1}`);
      }
      return { code: parts.join(""), map: null };
    },
  };
}

/// The licences of what the page carries, beside it.
function licences(packages: string[]): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const texts = packages.map((name) => {
        const text = readFileSync(new URL(`node_modules/${name}/LICENSE`, import.meta.url), "utf8");
        return `${name}\n${"=".repeat(name.length)}\n\n${text.trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [
    without_inline_style(),
    licences(["wavesurfer.js", "@fontsource-variable/newsreader", "@fontsource-variable/instrument-sans"]),
  ],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": process.env["LPMC_SERVER"] ?? "http://127.0.0.1:8080" } },
});
