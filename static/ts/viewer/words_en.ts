// The viewer's own words, loaded with it.

export const en = {
  quote: "Quote",
  sourceNamed: (title: string) => `Source: ${title}`,
  sourceGone: "This source was deleted, or you may no longer read it. What it said is not shown.",
  cannotDraw: "This page cannot be drawn. This is its text, as the model was given it.",
  strongSupport: "this sentence supports the answer",
  morePlaces: (count: number) => `and ${count} other ${count === 1 ? "sentence" : "sentences"}`,
  scanned: "read out of a picture of the page: compare the letters",
  tapAgain: "Tap again to open the page.",
  findInDocument: "Find in the document",
  searchingPages: "Searching …",
  nothingOnPages: "Not found",
  matchOf: (index: number, count: number) => `${index} of ${count} on this page`,
  previousMatch: "Previous match",
  nextMatch: "Next match",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  goToPage: "Go to page",
  ofPages: (count: number) => `of ${count}`,
  pageOf: (index: number, count: number) => `${index} of ${count}`,
  placeOf: (index: number, count: number) => `Place ${index} of ${count}`,
  previousPlace: "Previous place",
  nextPlace: "Next place",
  previousPage: "Previous page",
  nextPage: "Next page",
  olderVersion: "This is the version that the answer was given. There is a newer one.",
  pageImage: (label: string) => `Page ${label} as printed`,
  download: "Download",
};

export type Words = typeof en;
