'use strict';
// The ways of edges: down through the gaps of the layout, as a list of vertical pieces
// { x, top, bottom } with curves between them.

// Gives every edge its points; ends at a box are spread along its side.
function routeEdges(edges) {
  for (const edge of edges) {
    const [upper, lower] = edge.pane === 0 ? [edge.from, edge.to] : [edge.to, edge.from];
    edge.points = routeDown(upper, lower, edge.pane);
  }
  for (const pane of kPanes) {
    const mine = edges.filter((edge) => edge.pane === pane);
    spreadEnds(mine, (edge) => (pane === 0 ? edge.from : edge.to), 0, 1);
    spreadEnds(mine, (edge) => (pane === 0 ? edge.to : edge.from), -1, -2);
  }
}

// The box of an item in a pane, without the room that the other pane needs.
function boxOf(item, pane) {
  const height = item.scope && item.open ? item.h : item.heights[pane];
  return {
    x: item.x[pane] - item.w[pane] / 2, y: item.y + (item.h - height) / 2, w: item.w[pane],
    h: height, middle: item.x[pane],
  };
}

function routeDown(upper, lower, pane) {
  const points = [];
  const through = (scope, gap) => {
    const { rank, x } = gap;
    points.push({ x: x[pane], top: scope.rankTop[rank], bottom: scope.rankBottom[rank] });
  };
  const above = new Set();
  for (let scope = upper.parent; scope; scope = scope.parent) above.add(scope);
  let common = lower.parent;
  while (!above.has(common)) common = common.parent;

  let a = upper;
  let x = a.x[pane];
  const leave = (scope) => {
    const box = boxOf(a, pane);
    const end = box.y + box.h;
    points.push({ x, top: end, bottom: Math.max(scope.rankBottom[a.rank], end) });
  };
  for (; a.parent !== common; a = a.parent) {
    leave(a.parent);
    for (const gap of a.exitGaps) through(a.parent, gap);
    x = points[points.length - 1].x;
  }
  leave(common);
  const inner = [];  // scopes around `lower`, from within
  let b = lower;
  for (; b.parent !== common; b = b.parent) inner.push(b);
  for (const gap of a.exitGaps) {
    if (gap.rank < b.rank) through(common, gap);
  }
  const enter = (item, at) => {
    const box = boxOf(item, pane);
    points.push({ x: at, top: Math.min(item.parent.rankTop[item.rank], box.y), bottom: box.y });
  };
  // A scope is entered where its first gap within is.
  const chain = [b, ...inner.reverse()];
  chain.forEach((item, i) => {
    const target = chain.slice(i).find((within) => within === lower || within.entryGaps.length > 0);
    const next = chain[i + 1];
    const at = !next ? item.x[pane]
      : next.entryGaps.length > 0 ? next.entryGaps[0].x[pane] : target.x[pane];
    if (i > 0) for (const gap of item.entryGaps) through(item.parent, gap);
    enter(item, at);
  });
  return points;
}

// Moves the ends (`end`: 0 or -1) of edges apart that meet at the same box, in the order in which
// they come (`next`: the point beside the end).
function spreadEnds(edges, itemOfEdge, end, next) {
  const groups = new Map();
  for (const edge of edges) {
    const item = itemOfEdge(edge);
    if (!groups.has(item)) groups.set(item, []);
    groups.get(item).push(edge);
  }
  for (const [item, group] of groups) {
    const places = new Map();  // edges that share a way share an end
    for (const edge of group) places.set(edge.points.at(next).x, 0);
    const xs = [...places.keys()].sort((a, b) => a - b);
    const step = Math.min(14, item.w[group[0].pane] * 0.8 / xs.length);
    xs.forEach((x, i) => places.set(x, (i - (xs.length - 1) / 2) * step));
    const moved = group.map((edge) => [edge.points.at(end), places.get(edge.points.at(next).x)]);
    for (const [point, by] of moved) point.x += by;
  }
}

// The points as a path, downwards.
function pathDown(points) {
  let d = '';
  points.forEach((point, i) => {
    const { x, top, bottom } = point;
    if (i === 0) {
      d = `M${x.toFixed(1)} ${top.toFixed(1)}`;
    } else {
      const last = points[i - 1];
      if (Math.abs(last.x - x) < 0.5) {
        d += `V${top.toFixed(1)}`;
      } else {
        const middle = (last.bottom + top) / 2;
        d += `C${last.x.toFixed(1)} ${middle.toFixed(1)} ${x.toFixed(1)} ${middle.toFixed(1)} ` +
          `${x.toFixed(1)} ${top.toFixed(1)}`;
      }
    }
    if (bottom > top) d += `V${bottom.toFixed(1)}`;
  });
  return d;
}
