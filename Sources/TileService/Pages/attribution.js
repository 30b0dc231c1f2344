// SPDX-License-Identifier: Apache-2.0

/**
 * Whose work a tileset is. Maps say it in HTML by custom ("© <a href=...>OpenStreetMap</a> contributors"): of that the
 * text and the links to web pages are taken over, and nothing else.
 */

/** Inline style and handlers. */
const INLINE = /\s(style|on\w+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)/gi;

export function writeAttribution(target, html) {
  // A document that is parsed so runs no script and loads nothing. What our policy forbids in any document is taken out
  // before, lest the browser complain of it.
  const calm = (html ?? "").replaceAll(/<[^>]*>/g, (tag) => tag.replaceAll(INLINE, ""));
  const { body } = new DOMParser().parseFromString(calm, "text/html");
  target.replaceChildren(...[...body.childNodes].flatMap(harmless));
}

function harmless(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches("script, style")) return [];
  if (!/^https?:/.test(node.href ?? "")) return [...node.childNodes].flatMap(harmless);
  const link = document.createElement("a");
  link.href = node.href;
  link.rel = "noopener";
  link.target = "_blank";
  link.textContent = node.textContent;
  return [link];
}
