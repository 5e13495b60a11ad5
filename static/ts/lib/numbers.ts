// Numbers and times as a person reads them, in the language of the page.

import { language } from "./strings";

const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const month = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });

export const number = (value: number): string => plain.format(value);

/** 3,142 as "3.1k": for gauges, where the size matters and not the digit. */
export const short = (value: number): string => (value < 1000 ? String(value) : `${plain.format(Math.round(value / 100) / 10)}k`);

/** Tokens a second: one digit after the point only where it says something. */
export const speed = (value: number): string => plain.format(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));

/** A number of parameters as models are named: 135M, 23.6B. */
export const parameters = (count: number): string =>
  count >= 1e9 ? `${plain.format(Math.round(count / 1e8) / 10)}B` : `${plain.format(Math.round(count / 1e6))}M`;

const SIZES = ["B", "kB", "MB", "GB", "TB"];

export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${plain.format(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))} ${SIZES[unit]}`;
}

export const date = (iso: string): string => day.format(new Date(iso));
export const monthOf = (time: Date): string => month.format(time);
