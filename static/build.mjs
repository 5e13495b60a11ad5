// Bundle static/ts and static/css into static/dist: main.js, main.css, and what is loaded when first needed (chunks/).
// Hashing and compression of the entries are WhiteNoise's job, so their names stay fixed.
import { copyFileSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const outdir = join(here, "dist");
const common = { bundle: true, minify: true, legalComments: "none", logLevel: "warning", outdir };
const scripts = {
  ...common,
  format: "esm",
  target: ["es2022"],
  // The "browser" build of one Markdown helper decodes entities through innerHTML; "worker" has the table instead.
  conditions: ["worker"],
};

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir);
for (const name of ["icon.svg", "icon-192.png", "icon-512.png"]) copyFileSync(join(here, name), join(outdir, name));

// What pdf.js reads when a file asks for it: fonts that PDFs leave out, tables of characters, decoders of pictures.
const pdfjs = join(here, "../node_modules/pdfjs-dist");
// Left out: what runs the scripts of a file, and decoders for browsers without WebAssembly.
const isRead = (path) => !/quickjs|nowasm/i.test(basename(path));
for (const folder of ["cmaps", "standard_fonts", "wasm", "iccs"]) cpSync(join(pdfjs, folder), join(outdir, "pdf", folder), { recursive: true, filter: isRead });
copyFileSync(join(pdfjs, "build/pdf.worker.min.mjs"), join(outdir, "pdf/worker.js"));
const frame = { ...scripts, entryPoints: { "pdf/frame": join(here, "ts/viewer/frame.ts") } };

// Built apart, not split off: splitting would put a helper of 600 bytes into a file of its own, one more request.
const chunk = await esbuild.build({
  ...scripts,
  entryPoints: { highlight: join(here, "ts/markdown/highlight.ts"), viewer: join(here, "ts/viewer/index.ts"), math: join(here, "ts/markdown/typeset.ts") },
  define: { ASSETS_URL: JSON.stringify("../pdf/") },
  entryNames: "chunks/[name]-[hash]",
  metafile: true,
});
const named = (name) => basename(Object.keys(chunk.metafile.outputs).find((path) => basename(path).startsWith(`${name}-`)));

const main = {
  ...scripts,
  entryPoints: { main: join(here, "ts/main.ts") },
  define: { HIGHLIGHT_URL: JSON.stringify(`./chunks/${named("highlight")}`), VIEWER_URL: JSON.stringify(`./chunks/${named("viewer")}`), MATH_URL: JSON.stringify(`./chunks/${named("math")}`) },
  external: ["./chunks/*"],
};
const styles = { ...common, entryPoints: { main: join(here, "css/main.css") } };

if (process.argv.includes("--watch")) {
  for (const options of [main, frame, styles]) await (await esbuild.context(options)).watch();
} else {
  await Promise.all([main, frame, styles].map((options) => esbuild.build(options)));
  console.log(`built static/dist: main.js, main.css, chunks/${named("highlight")}, chunks/${named("viewer")}, pdf/`);
}
