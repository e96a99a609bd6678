/** The edge of an object as closed lines: marching squares (Lorensen and Cline 1987) where the distance is zero. */

/**
 * @param {{values: Float32Array, rows: number, columns: number, step: number}} distances positive inside.
 * @param {{x0: number, y0: number}} window where their grid begins.
 * @returns {number[][][]} closed lines of points [x, y].
 */
export function outlines({ values, rows, columns, step }, { x0, y0 }) {
  const next = new Map(); // from where a piece of the edge begins to where it ends
  for (let row = -1; row < rows; row++) {
    for (let column = -1; column < columns; column++) {
      const a = at(values, rows, columns, row, column);
      const b = at(values, rows, columns, row, column + 1);
      const c = at(values, rows, columns, row + 1, column + 1);
      const d = at(values, rows, columns, row + 1, column);
      const kind = (a > 0) | ((b > 0) << 1) | ((c > 0) << 2) | ((d > 0) << 3);
      if (kind !== 0 && kind !== 15) addPieces(next, kind, row, column, [a, b, c, d], columns);
    }
  }
  const place = ([column, row]) => [x0 + (column + 0.5) * step, y0 + (row + 0.5) * step];
  return closedLines(next).map((line) => line.map(place));
}

const OUTSIDE = -1;

function at(values, rows, columns, row, column) {
  return row < 0 || column < 0 || row >= rows || column >= columns ? OUTSIDE : values[row * columns + column];
}

/** The pieces in one cell, whose corners are four samples: clockwise a, b, c, d from the upper left. */
function addPieces(next, kind, row, column, [a, b, c, d], columns) {
  const part = (from, to) => from / (from - to);
  const across = (line, place) => 2 * ((line + 1) * (columns + 2) + place + 1); // a name for each side of each cell
  const sides = {
    top: () => [across(row, column), [column + part(a, b), row]],
    right: () => [across(row, column + 1) + 1, [column + 1, row + part(b, c)]],
    bottom: () => [across(row + 1, column), [column + part(d, c), row + 1]],
    left: () => [across(row, column) + 1, [column, row + part(a, d)]],
  };
  for (const [from, to] of PIECES[kind]) {
    const [start, point] = sides[from]();
    next.set(start, { point, to: sides[to]()[0] });
  }
}

const PIECES = {
  1: [["left", "top"]],
  2: [["top", "right"]],
  3: [["left", "right"]],
  4: [["right", "bottom"]],
  5: [["left", "top"], ["right", "bottom"]],
  6: [["top", "bottom"]],
  7: [["left", "bottom"]],
  8: [["bottom", "left"]],
  9: [["bottom", "top"]],
  10: [["top", "right"], ["bottom", "left"]],
  11: [["bottom", "right"]],
  12: [["right", "left"]],
  13: [["right", "top"]],
  14: [["top", "left"]],
};

function closedLines(next) {
  const lines = [];
  while (next.size) {
    const line = [];
    let key = next.keys().next().value;
    for (let piece = next.get(key); piece; piece = next.get(key)) {
      next.delete(key);
      line.push(piece.point);
      key = piece.to;
    }
    lines.push(line);
  }
  return lines;
}
