import { Socket } from "./socket";

/** The page's socket; main.ts opens it on pages of signed-in employees. */
export const socket = new Socket();
