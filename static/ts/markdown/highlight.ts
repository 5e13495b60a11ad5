// Colours for code: highlight.js through lowlight, whose result is a tree and becomes nodes. Loaded when first needed.

import type { ElementContent, RootContent } from "hast";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import powershell from "highlight.js/lib/languages/powershell";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

const lowlight = createLowlight({
  bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, markdown, php, powershell,
  python, ruby, rust, sql, typescript, xml, yaml,
});
lowlight.registerAlias({ bash: ["shell", "console", "shell-session"], ini: ["toml"], xml: ["vue"] });

/** Coloured nodes, or null for a language we do not know. */
export function highlight(code: string, language: string): Node[] | null {
  if (!lowlight.registered(language)) return null;
  return lowlight.highlight(language, code).children.map(toNode);
}

function toNode(node: RootContent | ElementContent): Node {
  if (node.type !== "element") return document.createTextNode("value" in node ? node.value : "");
  const span = document.createElement("span");
  span.className = ([] as unknown[]).concat(node.properties["className"] ?? []).join(" ");
  span.append(...node.children.map(toNode));
  return span;
}
