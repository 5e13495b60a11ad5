import { language } from "../lib/strings";
import { de } from "./words_de";
import { type Words, en } from "./words_en";

export const words: Words = language === "de" ? de : en;
