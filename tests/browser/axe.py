"""What axe finds in a page as it stands: WCAG 2.2 A and AA and its own best practice, a part of what people need."""

from __future__ import annotations

from playwright.sync_api import Page

from launch import config

_AXE = (config.ROOT / "node_modules/axe-core/axe.min.js").read_text()
# In the second theme only the colours are other ones.
_JUDGE = """async (isFirst) => {
    const all = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const runOnly = isFirst ? { type: "tag", values: all } : { type: "rule", values: ["color-contrast"] };
    const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} at ${target.join(" ")}`));
}"""


def use_axe(page: Page) -> None:
    """Before the page is opened: it comes along with each document, which costs less than bringing it later."""
    page.add_init_script(_AXE)


def complaints(page: Page, where: str) -> list[str]:
    """One line for each thing that breaks a rule, in light and in dark; about 0.4 s."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [f"{where} in {theme}: {line}" for line in page.evaluate(_JUDGE, theme == "light")]
    return found
