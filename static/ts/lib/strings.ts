// The scripts' own words, in the language of the page. What the server says arrives translated.

import { de } from "./strings_de";
import { en, type Strings } from "./strings_en";

const spoken = typeof document === "undefined" ? "en" : document.documentElement.lang;

export const language: string = spoken.startsWith("de") ? "de" : "en";
export const strings: Strings = language === "de" ? de : en;
