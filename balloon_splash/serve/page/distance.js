/**
 * Signed distances to the edge of a soft mask: positive inside, in the units of its grid.
 *
 * Far from the edge the exact Euclidean transform of Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled
 * Functions" (2012); beside it the probability divided by its slope, which knows parts of a sample.
 */

const FAR = 1e12;
const BESIDE_EDGE = 1.5;

/**
 * @param {Float32Array} probability `rows * columns`, row by row.
 * @returns {Float32Array} of the same shape.
 */
export function signedDistance(probability, rows, columns) {
  const toInside = new Float64Array(rows * columns);
  const toOutside = new Float64Array(rows * columns);
  for (let i = 0; i < probability.length; i++) {
    const inside = probability[i] >= 0.5;
    toInside[i] = inside ? 0 : FAR;
    toOutside[i] = inside ? FAR : 0;
  }
  squaredDistances(toInside, rows, columns);
  squaredDistances(toOutside, rows, columns);
  const result = new Float32Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      // Distances are measured to the nearest sample of the other side; the edge lies half a sample before it.
      const distance = toOutside[i] > 0 ? Math.sqrt(toOutside[i]) - 0.5 : 0.5 - Math.sqrt(toInside[i]);
      result[i] =
        Math.abs(distance) > BESIDE_EDGE ? distance : besideEdge(probability, rows, columns, row, column, distance);
    }
  }
  return result;
}

function besideEdge(probability, rows, columns, row, column, otherwise) {
  const i = row * columns + column;
  const right = probability[column + 1 < columns ? i + 1 : i];
  const left = probability[column > 0 ? i - 1 : i];
  const below = probability[row + 1 < rows ? i + columns : i];
  const above = probability[row > 0 ? i - columns : i];
  const slope = Math.hypot(right - left, below - above) / 2;
  if (slope < 1e-3) return otherwise;
  return Math.max(-BESIDE_EDGE, Math.min(BESIDE_EDGE, (probability[i] - 0.5) / slope));
}

function squaredDistances(values, rows, columns) {
  const longest = Math.max(rows, columns);
  const scratch = {
    line: new Float64Array(longest),
    hulls: new Int32Array(longest),
    borders: new Float64Array(longest + 1),
  };
  for (let column = 0; column < columns; column++) transformLine(values, column, columns, rows, scratch);
  for (let row = 0; row < rows; row++) transformLine(values, row * columns, 1, columns, scratch);
}

/** One line of the transform: the lower envelope of a parabola over each of its samples. */
function transformLine(values, start, step, length, { line, hulls, borders }) {
  for (let i = 0; i < length; i++) line[i] = values[start + i * step];
  let last = 0;
  hulls[0] = 0;
  borders[0] = -Infinity;
  borders[1] = Infinity;
  for (let i = 1; i < length; i++) {
    let crossing = cross(line, i, hulls[last]);
    while (crossing <= borders[last]) crossing = cross(line, i, hulls[--last]);
    hulls[++last] = i;
    borders[last] = crossing;
    borders[last + 1] = Infinity;
  }
  for (let i = 0, k = 0; i < length; i++) {
    while (borders[k + 1] < i) k++;
    values[start + i * step] = (i - hulls[k]) ** 2 + line[hulls[k]];
  }
}

const cross = (line, i, j) => (line[i] + i * i - (line[j] + j * j)) / (2 * i - 2 * j);
