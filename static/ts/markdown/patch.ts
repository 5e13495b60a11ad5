// Makes what stands on the page equal to what was just made, touching only what differs: selection and scroll of the rest
// stay. Compared node by node on the way down: asking each pair whether it is equal first would walk every branch again at
// each level.

/** Make the children of `parent` equal to `wanted`. */
export function patchChildren(parent: Node, wanted: readonly Node[]): void {
  let old = parent.firstChild;
  for (const node of wanted) {
    if (!old) {
      parent.appendChild(node);
      continue;
    }
    const next: ChildNode | null = old.nextSibling;
    patchNode(parent, old, node);
    old = next;
  }
  while (old) {
    const next: ChildNode | null = old.nextSibling;
    old.remove();
    old = next;
  }
}

function patchNode(parent: Node, old: ChildNode, wanted: Node): void {
  if (old instanceof Text && wanted instanceof Text) {
    if (old.data === wanted.data) return;
    // Appending keeps a selection inside the text alive.
    if (wanted.data.startsWith(old.data)) old.appendData(wanted.data.slice(old.length));
    else old.data = wanted.data;
  } else if (old instanceof HTMLElement && wanted instanceof HTMLElement && sameShell(old, wanted)) {
    patchChildren(old, [...wanted.childNodes]);
  } else if (!old.isEqualNode(wanted)) {
    parent.replaceChild(wanted, old);
  }
}

/** What the reader has pressed is not the text's to change. */
const PRESSED = ["aria-pressed", "data-wrap"];

function sameShell(old: HTMLElement, wanted: HTMLElement): boolean {
  if (old.nodeName !== wanted.nodeName) return false;
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value && !PRESSED.includes(name)) return false;
  for (const { name } of old.attributes) if (!wanted.hasAttribute(name) && !PRESSED.includes(name)) return false;
  return true;
}
