// Requests to our own server. Every failure arrives as an ApiError with a sentence that can be shown.

import { strings } from "./strings";

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, readonly sentence: string) {
    super(sentence);
  }
}

export function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

export async function request(method: Method, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  headers.set("X-CSRFToken", csrfToken());
  let response: Response;
  try {
    response = await fetch(path, { ...init, method, headers, credentials: "same-origin", redirect: "follow" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", strings.unreachable);
  }
  if (response.redirected && new URL(response.url).pathname === "/signin/") {
    throw new ApiError(401, "signed_out", strings.signedOut);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

export async function api<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const init: RequestInit =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const response = await request(method, path, init);
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

async function errorOf(response: Response): Promise<ApiError> {
  if (response.status === 401) return new ApiError(401, "signed_out", strings.signedOut);
  try {
    const body = (await response.json()) as { error?: { code?: string; sentence?: string } };
    return new ApiError(response.status, body.error?.code ?? "", body.error?.sentence ?? strings.failed);
  } catch {
    return new ApiError(response.status, "", strings.failed);
  }
}
