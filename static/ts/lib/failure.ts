import { ApiError } from "./api";
import { strings } from "./strings";
import { toast } from "./toast";

/** Show why something did not work. A session that ended offers the way back in. */
export function showFailure(error: unknown): void {
  if (error instanceof ApiError && error.code === "signed_out") {
    toast(error.sentence, { label: strings.signIn, run: goSignIn });
  } else {
    toast(sentenceOf(error));
  }
}

export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) console.error(error);
  return error instanceof ApiError ? error.sentence : strings.failed;
}

export function goSignIn(): void {
  location.assign(`/signin/?next=${encodeURIComponent(location.pathname + location.search)}`);
}
