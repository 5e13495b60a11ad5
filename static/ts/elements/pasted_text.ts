// A long text that is pasted goes along as a file: it can be searched, and the message stays readable.

import { strings } from "../lib/strings";

const LONG_CHARS = 4000;

/** The file that the text becomes, or null when it is short enough to be part of the message. */
export function pastedFile(text: string): File | null {
  return text.length > LONG_CHARS && text.trim() ? new File([text], `${strings.pastedText}.txt`, { type: "text/plain" }) : null;
}
