// What the pages load when somebody first points at a source.

import { defineElement } from "../lib/dom";
import { PdfFile } from "./pdf_file";
import { SourceCard } from "./source_card";
import { SourcePane } from "./source_pane";

defineElement("source-pane", SourcePane);

export { SourceCard, SourcePane };
export const prepare = (): void => PdfFile.prepare();
