// LaTeX to MathML nodes: Temml makes a tree, and the tree becomes nodes here, so that no HTML is parsed and no inline
// style is written that the page's policy would refuse. Loaded when first needed.

import temml from "temml";

const MATHML = "http://www.w3.org/1998/Math/MathML";
/** Nothing that leads out or runs. */
const REFUSED = /^(?:on|href|src|id$|xlink)/i;

interface TreeNode {
  type?: string;
  text?: string;
  attributes?: Record<string, string>;
  classes?: string[];
  style?: Record<string, string>;
  children?: TreeNode[];
}
type MakeTree = (tex: string, options: object) => TreeNode;

/** Null for what is no LaTeX, or too much of it. Links, classes and pictures are not trusted. */
export function typeset(tex: string, isDisplay: boolean): Node | null {
  // Not for the public, its authors say: the version is pinned.
  const { __renderToMathMLTree: makeTree } = temml as unknown as { __renderToMathMLTree: MakeTree };
  try {
    return nodeOf(makeTree(tex, { displayMode: isDisplay, throwOnError: true, trust: false, maxExpand: 500, maxSize: [20, 200] }));
  } catch {
    return null;
  }
}

function nodeOf({ type, text, attributes, classes, style, children }: TreeNode): Node {
  if (typeof text === "string") return document.createTextNode(text);
  const inside = (children ?? []).map(nodeOf);
  if (!type) {
    const fragment = document.createDocumentFragment();
    fragment.append(...inside);
    return fragment;
  }
  const node = document.createElementNS(MATHML, type) as MathMLElement;
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "style") node.style.cssText = value;
    else if (!REFUSED.test(name)) node.setAttribute(name, value);
  }
  const named = (classes ?? []).filter(Boolean).join(" ");
  if (named) node.setAttribute("class", named);
  for (const [name, value] of Object.entries(style ?? {})) node.style.setProperty(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value);
  node.append(...inside);
  return node;
}
