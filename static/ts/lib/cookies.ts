// Choices that the server must know before it draws the page, so that nothing jumps: theme and sidebar.

const YEAR_SECONDS = 365 * 24 * 3600;

export function remember(name: "theme" | "sidebar", value: string): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${value ? YEAR_SECONDS : 0}; SameSite=Lax${secure}`;
}
