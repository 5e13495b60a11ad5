const MAX_CHARS = 4000;

/** Words as a Markdown quotation, with a blank line after it. */
export function quotation(text: string): string {
  const short = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS).trimEnd()} …` : text;
  const lines = short.trim().replace(/\r\n?/g, "\n").replace(/\n{3,}/g, "\n\n").split("\n");
  return `${lines.map((line) => `> ${line}`.trimEnd()).join("\n")}\n\n`;
}

/** The message with a quotation at its end, each parted from the other by a blank line. */
export function withQuotation(message: string, quoted: string): string {
  return message.trim() ? `${message.trimEnd()}\n\n${quoted}` : quoted;
}
