// Finds formulas in a Markdown block: $…$, $$…$$, \(…\) and \[…\], closed ones only. They are taken out before Markdown is
// parsed, since it would read "_" and "\(" its own way, and a mark stands in their place.
//
// Dollars are money first. As pandoc has it: no space inside the dollars, no digit behind the closing one; besides, no
// letter before the opening one, no two words of prose inside, no name of a variable of the shell, brackets in pairs.

export interface Formula { source: string; tex: string; isDisplay: boolean }

const OPEN = "\ue000";
const CLOSE = "\ue001";
const MARK = /\ue000(\d+)\ue001/;
const MAX_INLINE = 600;
const MAX_DISPLAY = 10_000;
const MAX_FORMULAS = 400;

/** The block with a mark for each formula. A text that has such characters itself has no formulas. */
export function cutMath(block: string): { text: string; formulas: Formula[] } {
  const formulas: Formula[] = [];
  if (!/\$|\\[([]/.test(block) || /[\ue000\ue001]/.test(block)) return { text: block, formulas };
  let text = "";
  let at = 0;
  while (at < block.length) {
    const found = formulas.length < MAX_FORMULAS ? formulaAt(block, at) : null;
    const length = found ? found.source.length : plainLength(block, at);
    if (found) text += `${OPEN}${formulas.push(found) - 1}${CLOSE}`;
    else text += block.slice(at, at + length);
    at += length;
  }
  return { text, formulas };
}

/** A text of the parsed block, in pieces. */
export function mathPieces(text: string, formulas: readonly Formula[]): (string | Formula)[] {
  if (!formulas.length) return [text];
  return text.split(MARK).map((piece, index) => (index % 2 ? (formulas[Number(piece)] ?? "") : piece)).filter((piece) => piece !== "");
}

/** The same with the formulas as they were written, for code and addresses. */
export function withoutMath(text: string, formulas: readonly Formula[]): string {
  return mathPieces(text, formulas).map((piece) => (typeof piece === "string" ? piece : piece.source)).join("");
}

/** How much at this place is no formula: code as a whole, an escaped character with its backslash. */
function plainLength(block: string, at: number): number {
  if (block[at] === "\\") return 2;
  if (block[at] === "$") return block[at + 1] === "$" ? 2 : 1;
  if (block[at] !== "`") return 1;
  const run = /^`+/.exec(block.slice(at))?.[0] ?? "`";
  for (let end = block.indexOf(run, at + run.length); end >= 0; end = block.indexOf(run, end)) {
    const length = /^`+/.exec(block.slice(end))?.[0].length ?? 1;
    if (length === run.length) return end + run.length - at;
    end += length;
  }
  return run.length;
}

function formulaAt(block: string, at: number): Formula | null {
  const two = block.slice(at, at + 2);
  if (two === "\\(") return until(block, at, "\\)", MAX_INLINE, false);
  if (two === "\\[") return until(block, at, "\\]", MAX_DISPLAY, true);
  if (two === "$$") return until(block, at, "$$", MAX_DISPLAY, true);
  return two[0] === "$" ? dollars(block, at) : null;
}

function until(block: string, at: number, close: string, most: number, isDisplay: boolean): Formula | null {
  const end = block.indexOf(close, at + 2);
  if (end < 0 || end - at > most) return null;
  const tex = block.slice(at + 2, end);
  if (!tex.trim() || /\n[ \t]*\n/.test(tex)) return null;
  // In a quotation each line begins with its mark.
  return { source: block.slice(at, end + 2), tex: tex.replace(/\n[ \t]*>[ \t]?/g, "\n").trim(), isDisplay };
}

function dollars(block: string, at: number): Formula | null {
  if (/[\p{L}\p{N}$]/u.test(block[at - 1] ?? "") || /\s/.test(block[at + 1] ?? " ")) return null;
  for (let end = at + 1; end < block.length && end - at <= MAX_INLINE; end += 1) {
    if (block[end] === "\\") end += 1;
    else if (block[end] === "`" || block.startsWith("\n\n", end)) return null;
    else if (block[end] === "$") {
      const tex = block.slice(at + 1, end);
      const isEnd = !/\s$/.test(tex) && !/[\d$]/.test(block[end + 1] ?? "");
      return isEnd && looksLikeMath(tex) ? { source: block.slice(at, end + 1), tex, isDisplay: false } : null;
    }
  }
  return null;
}

function looksLikeMath(tex: string): boolean {
  const bare = tex.replace(/\\(?:text|mathrm|operatorname|textbf|mbox)\s*\{[^}]*\}|\\[a-zA-Z]+/g, " ");
  if (/[\p{L}]{3,}[,;]?\s+[\p{L}]{2,}|[\p{L}]{2,}[,;]?\s+[\p{L}]{3,}/u.test(bare)) return false;
  if (/^[A-Z_][A-Z0-9_]+[/:.]?$/.test(tex)) return false;
  const count = (mark: string): number => bare.split(mark).length;
  return count("(") === count(")") || /[[\]]/.test(bare);
}
