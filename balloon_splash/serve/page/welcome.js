/** The drawing of the first view: balloons that change as those of a photo will. */

import { strings } from "./strings.js";

const IN_COLOUR = [1, 3]; // to begin with

export function makeDrawing(svg) {
  [...svg.querySelectorAll(".balloon")].forEach((balloon, index) => {
    balloon.setAttribute("role", "button");
    balloon.setAttribute("tabindex", "0");
    balloon.setAttribute("aria-label", strings.heroBalloon(index + 1));
    const show = (pressed) => balloon.setAttribute("aria-pressed", pressed);
    const toggle = () => show(balloon.getAttribute("aria-pressed") !== "true");
    show(IN_COLOUR.includes(index));
    balloon.addEventListener("click", toggle);
    balloon.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
  });
}
