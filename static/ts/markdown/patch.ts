/** Make the children of `parent` equal to `wanted`, touching only what differs: selection and scroll of the rest stay. */
export function patchChildren(parent: Node, wanted: readonly Node[]): void {
  const present = [...parent.childNodes];
  wanted.forEach((node, index) => {
    const old = present[index];
    if (!old) parent.appendChild(node);
    else if (!old.isEqualNode(node)) patchNode(parent, old, node);
  });
  for (const rest of present.slice(wanted.length)) parent.removeChild(rest);
}

function patchNode(parent: Node, old: ChildNode, wanted: Node): void {
  if (old instanceof Text && wanted instanceof Text) {
    // Appending keeps a selection inside the text alive.
    if (wanted.data.startsWith(old.data)) old.appendData(wanted.data.slice(old.length));
    else old.data = wanted.data;
  } else if (old instanceof HTMLElement && wanted instanceof HTMLElement && sameShell(old, wanted)) {
    patchChildren(old, [...wanted.childNodes]);
  } else {
    parent.replaceChild(wanted, old);
  }
}

function sameShell(old: HTMLElement, wanted: HTMLElement): boolean {
  return old.cloneNode(false).isEqualNode(wanted.cloneNode(false));
}
