/** Windows: the pixels from (x0, y0) up to, but without, (x1, y1). */

/** The whole of a picture. */
export const whole = (width, height) => ({ x0: 0, y0: 0, x1: width, y1: height });

/** The window of whole pixels that holds these corners, `margin` wider on each side. */
export function around(x0, y0, x1, y1, margin = 0) {
  return {
    x0: Math.floor(x0 - margin),
    y0: Math.floor(y0 - margin),
    x1: Math.ceil(x1 + margin),
    y1: Math.ceil(y1 + margin),
  };
}

/** What two windows share; `isEmpty` where that is nothing. */
export function intersection(a, b) {
  return {
    x0: Math.max(a.x0, b.x0),
    y0: Math.max(a.y0, b.y0),
    x1: Math.min(a.x1, b.x1),
    y1: Math.min(a.y1, b.y1),
  };
}

/** The smallest window that holds both; either may be null. */
export function hull(a, b) {
  if (!a || !b) return a || b;
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

export const isEmpty = (window) => window.x0 >= window.x1 || window.y0 >= window.y1;

export const widthOf = (window) => window.x1 - window.x0;

export const heightOf = (window) => window.y1 - window.y0;
