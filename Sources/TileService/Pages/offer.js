// SPDX-License-Identifier: Apache-2.0

/** Tells where a tileset is offered and how other programs are told to show it, to be copied. */

import { addresses, snippets } from "./snippets.js";

/** Which program was looked at last: the next tileset is shown for the same. */
let lastProgram = null;

/** Opens the page's dialog `offer` for a tileset. */
export function openOffer(tileset) {
  const dialog = document.getElementById("offer");
  if (dialog.open) return;
  document.getElementById("offer-title").textContent = tileset.title;
  fillOffer(document.getElementById("offer-content"), tileset);
  dialog.showModal();
}

/** Fills an element with a tileset's addresses and the code for a program. */
export function fillOffer(target, tileset, program = lastProgram) {
  const { origin } = window.location;
  target.replaceChildren(addressList(addresses(tileset, origin)), ...programs(snippets(tileset, origin), program));
}

/** Makes an element of a tag, its properties, and what is in it. */
function make(tag, properties, ...content) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...content);
  return made;
}

function addressList(offers) {
  const rows = offers.flatMap(({ name, url }) => [
    make("dt", {}, name),
    make("dd", {}, make("code", {}, url), copyButton(`the ${name} address`, url)),
  ]);
  return make("dl", { className: "addresses" }, ...rows);
}

/** The programs to choose from, as radio buttons: arrow keys go from one to the next without a line of ours. */
function programs(offers, program) {
  const hint = make("p", {});
  const code = make("code", {});
  const copy = copyButton("the code", () => code.textContent);
  const choose = (offer) => {
    lastProgram = offer.name;
    hint.textContent = offer.hint;
    code.textContent = offer.code;
  };
  const choices = offers.map((offer) => {
    const radio = make("input", { type: "radio", name: "program", onchange: () => choose(offer) });
    return { offer, radio, label: make("label", {}, radio, offer.name) };
  });
  const first = choices.find(({ offer }) => offer.name === program) ?? choices[0];
  first.radio.checked = true;
  choose(first.offer);
  const legend = make("legend", {}, "In other programs");
  return [
    make("fieldset", { className: "programs" }, legend, ...choices.map(({ label }) => label)),
    make("div", { className: "code" }, hint, copy, make("pre", { tabIndex: 0, ariaLabel: "Code" }, code)),
  ];
}

/** @param text what is copied, or a function that answers it */
function copyButton(what, text) {
  const button = make("button", { type: "button", ariaLabel: `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const isCopied = await copy(typeof text === "function" ? text() : text, button);
    button.textContent = isCopied ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** Pages that came without encryption from another machine have no clipboard but that of the old command. */
async function copy(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "unseen" });
    beside.after(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    beside.focus();
    return isCopied;
  }
}
