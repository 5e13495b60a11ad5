// What a block of code is called as a file: by its language.

const ENDINGS = new Map(Object.entries({
  bash: "sh", sh: "sh", shell: "sh", zsh: "sh", console: "sh", "shell-session": "sh", powershell: "ps1", ps1: "ps1", bat: "bat",
  c: "c", h: "h", cpp: "cpp", "c++": "cpp", csharp: "cs", cs: "cs", "c#": "cs", java: "java", kotlin: "kt", kt: "kt", swift: "swift",
  go: "go", golang: "go", rust: "rs", rs: "rs", php: "php", ruby: "rb", rb: "rb", perl: "pl", lua: "lua", r: "r", scala: "scala",
  python: "py", py: "py", javascript: "js", js: "js", jsx: "jsx", typescript: "ts", ts: "ts", tsx: "tsx", css: "css", scss: "scss",
  html: "html", xml: "xml", svg: "svg", vue: "vue", json: "json", jsonc: "json", yaml: "yaml", yml: "yaml", toml: "toml", ini: "ini",
  sql: "sql", csv: "csv", diff: "diff", patch: "patch", markdown: "md", md: "md", latex: "tex", tex: "tex", vba: "bas", mermaid: "mmd",
}));
const WHOLE = new Map(Object.entries({ dockerfile: "Dockerfile", docker: "Dockerfile", makefile: "Makefile", make: "Makefile" }));

export function codeFileName(language: string): string {
  const name = language.toLowerCase();
  return WHOLE.get(name) ?? `code.${ENDINGS.get(name) ?? "txt"}`;
}
