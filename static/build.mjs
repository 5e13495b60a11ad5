// Bundle static/ts and static/css into static/dist: main.js, main.css, and what is loaded when first needed (chunks/).
// Hashing and compression of the entries are WhiteNoise's job, so their names stay fixed.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
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
copyFileSync(join(here, "icon.svg"), join(outdir, "icon.svg"));

// Built apart, not split off: splitting would put a helper of 600 bytes into a file of its own, one more request.
const chunk = await esbuild.build({
  ...scripts,
  entryPoints: { highlight: join(here, "ts/markdown/highlight.ts") },
  entryNames: "chunks/[name]-[hash]",
  metafile: true,
});
const highlight = basename(Object.keys(chunk.metafile.outputs)[0]);

const main = {
  ...scripts,
  entryPoints: { main: join(here, "ts/main.ts") },
  define: { HIGHLIGHT_URL: JSON.stringify(`./chunks/${highlight}`) },
  external: ["./chunks/*"],
};
const styles = { ...common, entryPoints: { main: join(here, "css/main.css") } };

if (process.argv.includes("--watch")) {
  for (const options of [main, styles]) await (await esbuild.context(options)).watch();
} else {
  await Promise.all([esbuild.build(main), esbuild.build(styles)]);
  console.log(`built static/dist: main.js, main.css, chunks/${highlight}`);
}
