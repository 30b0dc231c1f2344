// SPDX-License-Identifier: Apache-2.0

/** Keeps the view of a picture in the page's address, as `#x,y,zoom`, so that what is seen can be shared. */

import { formatHash, parseHash } from "./viewport.js";

/** The address follows the view after this rest: browsers refuse pages that change it too often. */
const DELAY_MS = 200;

/** Shows what the address tells, now and whenever it changes, and lets the address follow the view. */
export function bindAddress(picture) {
  let timer;
  const take = () => {
    const view = parseHash(location.hash);
    if (view) picture.jumpTo(view);
    else picture.jumpHome();
  };
  // The whole picture needs no position: it fits every screen anew.
  const write = () => {
    clearTimeout(timer);
    const hash = picture.isHome ? "" : formatHash(picture.restingView);
    if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
  };
  take();
  picture.onView = () => {
    clearTimeout(timer);
    timer = setTimeout(write, DELAY_MS);
  };
  window.addEventListener("hashchange", take);
  window.addEventListener("pagehide", write);
}
