'use strict';
// Where everything stands.
//
// Each open scope is laid out by itself and is one item of the scope around it. The items of a
// scope stand in ranks, a rank below all that its items read (Sugiyama's layers: longest path, then
// barycentres for the order within ranks). The forward and the backward graph are two panes of one
// layout: ranks, their heights and the order within them are common, only widths are not. So what
// was derived from a node stands beside it, whatever is folded.
//
// An edge over several ranks goes through a gap, a thin item, in each of them; edges of the same
// source share gaps. Edges that leave a scope go down through it, and those that enter it come from
// its top, so that no edge runs over a box.
//
// The cost is that of the items and edges that are seen, times the ranks that edges cross.

const kRankGap = 38;
const kItemGap = 22;
const kGapWidth = 10;
const kPad = 14;
const kFrameHead = 26;
const kSweeps = 8;
const kMostGaps = 20000;
const kPanes = [0, 1];  // forward, backward

// Lays the scopes out and returns { width: [w, w], height, edges }, where edges are
// { from, to, pane, points } of items, in the direction of the data.
function layOut() {
  const pairs = collectPairs();
  everyOpenScope(root, (scope) => {
    scope.edges = new Map();    // item -> (item that reads it -> panes with an edge)
    scope.exits = new Map();    // item -> panes with an edge that leaves the scope
    scope.entries = new Map();  // item -> panes with an edge that comes from outside
  });
  for (const pair of pairs.values()) liftPair(pair);
  placeScope(root);
  settle(root, [0, 0], 0);
  const edges = [];
  for (const pair of pairs.values()) {
    if (pair.forward) edges.push({ from: pair.from, to: pair.to, pane: 0 });
    if (pair.backward) edges.push({ from: pair.to, to: pair.from, pane: 1 });
  }
  routeEdges(edges);
  return { width: root.w, height: root.h, edges };
}

function everyOpenScope(scope, visit) {
  visit(scope);
  for (const member of scope.members) {
    if (member.scope && member.open) everyOpenScope(member, visit);
  }
}

// Pairs of items with an edge between them: `from` is read by `to` in the forward graph; in the
// backward graph a gradient goes from `to` to `from`.
function collectPairs() {
  const pairs = new Map();
  let count = 0;
  const numbers = new Map();
  const numberOf = (item) => {
    if (!numbers.has(item)) numbers.set(item, count++);
    return numbers.get(item);
  };
  const add = (from, to, kind) => {
    if (from === to) return;
    const key = numberOf(from) + ' ' + numberOf(to);
    if (!pairs.has(key)) pairs.set(key, { from, to, forward: false, backward: false });
    pairs.get(key)[kind] = true;
  };
  const items = nodes.map((node) => itemOf(forwardOf(node)));
  // A derivative by a node that nothing was derived from has a pill beside that node, and goes
  // through it to whatever reads it.
  const pills = new Map();
  for (const node of nodes) {
    if (node.backward || node.derived.length > 0) continue;
    for (const { derivative } of node.outputs) {
      if (!derivative) continue;
      pills.set(derivative.join(), items[node.id]);
      add(items[node.id], items[derivative[0]], 'backward');
    }
  }
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (!input || nodes[input[0]].backward !== node.backward) continue;
      const [from, to] = [items[input[0]], items[node.id]];
      if (!node.backward) add(from, to, 'forward');
      else if (from !== to) add(to, pills.get(input.join()) || from, 'backward');
    }
  }
  return pairs;
}

// The place [node, port] of the derivative by a forward node's first output that has one.
function derivativeOf(node) {
  const output = node.outputs.find((o) => o.derivative);
  return output && output.derivative;
}

// Enters the pair in the innermost scope around both ends, and as exit and entry in those within.
function liftPair(pair) {
  const panes = [pair.forward, pair.backward];
  const note = (map, item) => {
    const old = map.get(item) || [false, false];
    map.set(item, kPanes.map((pane) => old[pane] || panes[pane]));
  };
  const above = new Map();
  for (let item = pair.from; item.parent; item = item.parent) above.set(item.parent, item);
  let b = pair.to;
  while (!above.has(b.parent)) {
    note(b.parent.entries, b);
    b = b.parent;
  }
  const common = b.parent;
  let a = pair.from;
  for (; a.parent !== common; a = a.parent) note(a.parent.exits, a);
  if (!common.edges.has(a)) common.edges.set(a, new Map());
  note(common.edges.get(a), b);
}

// Sizes of the scope and places of its members within it.
function placeScope(scope) {
  for (const member of scope.members) {
    if (member.scope && member.open) placeScope(member);
    else measureItem(member);
  }
  rankMembers(scope);
  const ranks = addGaps(scope);
  orderRanks(ranks);
  const frame = scope.parent ? kPad : 0;
  const head = scope.parent ? kFrameHead : 0;
  let y = head + (frame ? 10 : 0);
  scope.ranks = ranks;
  scope.rankTop = [];
  scope.rankBottom = [];
  for (const rank of ranks) {
    const height = Math.max(0, ...rank.map((item) => item.h));
    scope.rankTop.push(y);
    scope.rankBottom.push(y + height);
    for (const item of rank) {
      item.y = y + (height - item.h) / 2;
    }
    y += height + kRankGap;
  }
  scope.h = y - kRankGap + frame;
  scope.w = [0, 0];
  for (const pane of kPanes) {
    spread(ranks, pane);
    let left = Infinity, right = -Infinity;
    for (const rank of ranks) {
      for (const item of rank) {
        if (item.w[pane] === 0) continue;
        left = Math.min(left, item.x[pane] - item.w[pane] / 2);
        right = Math.max(right, item.x[pane] + item.w[pane] / 2);
      }
    }
    const empty = left > right;
    for (const rank of ranks) for (const item of rank) item.x[pane] -= empty ? 0 : left - frame;
    scope.w[pane] = empty ? 0 : right - left + 2 * frame;
    if (!empty && scope.parent) scope.w[pane] = Math.max(scope.w[pane], titleWidth(scope));
  }
  // The last node is what the scope is for: edges to the scope run straight to it.
  const main = scope.members.reduce((a, b) => (b.order >= a.order ? b : a), scope.members[0]);
  scope.anchor = [0, 0];
  for (const pane of main ? kPanes : []) {
    if (main.w[pane] > 0) scope.anchor[pane] = main.x[pane] + main.anchor[pane] - scope.w[pane] / 2;
  }
}

const kNone = new Map();

function readersOf(scope, item) {
  return scope.edges.get(item) || kNone;
}

// Ranks by longest path, over the edges that close no cycle: folded scopes can read each other.
function rankMembers(scope) {
  const state = new Map();
  const finished = [];
  for (const start of scope.members) {
    if (state.has(start)) continue;
    const stack = [[start, readersOf(scope, start).keys()]];
    state.set(start, 'open');
    while (stack.length > 0) {
      const [item, rest] = stack[stack.length - 1];
      const { value: next, done } = rest.next();
      if (done) {
        state.set(item, 'done');
        finished.push(item);
        stack.pop();
      } else if (state.get(next) === 'open') {
        scope.edges.get(item).delete(next);
      } else if (!state.has(next)) {
        state.set(next, 'open');
        stack.push([next, readersOf(scope, next).keys()]);
      }
    }
  }
  finished.reverse();
  for (const item of finished) item.rank = 0;
  const reads = new Set(scope.entries.keys());  // what reads more than what only feeds
  for (const item of finished) {
    for (const next of readersOf(scope, item).keys()) {
      next.rank = Math.max(next.rank, item.rank + 1);
      if (item.scope || item.inputs.length > 0) reads.add(next);
    }
  }
  // The rest stands right above what reads it.
  for (const item of finished.reverse()) {
    const readers = [...readersOf(scope, item).keys()];
    if (reads.has(item) || readers.length === 0) continue;
    item.rank = Math.min(...readers.map((reader) => reader.rank)) - 1;
  }
}

// The items of each rank, with gaps; and who is above and below whom.
function addGaps(scope) {
  const count = 1 + Math.max(0, ...scope.members.map((item) => item.rank));
  const ranks = Array.from({ length: count }, () => []);
  for (const item of scope.members) {
    item.above = [];
    item.below = [];
    item.x = [0, 0];
    item.light = !item.scope && item.inputs.length === 0;
    item.gap = false;
    item.exitGaps = [];
    item.entryGaps = [];
    ranks[item.rank].push(item);
  }
  let left = kMostGaps;
  const makeGap = (rank, item, panes) => {
    const gap = { gap: true, rank, above: [], below: [], x: [0, 0], anchor: [0, 0], h: 0,
                  w: panes.map((has) => (has ? kGapWidth : 0)), order: item.order,
                  light: item.light };
    ranks[rank].push(gap);
    --left;
    return gap;
  };
  const join = (upper, lower) => {
    upper.below.push(lower);
    lower.above.push(upper);
  };
  for (const item of scope.members) {
    const readers = [...readersOf(scope, item)].sort(([a], [b]) => a.rank - b.rank);
    const last = [0, 0];  // by pane: the rank that edges reach
    for (const [reader, panes] of readers) {
      for (const pane of kPanes) if (panes[pane]) last[pane] = reader.rank;
    }
    for (const pane of kPanes) if ((scope.exits.get(item) || [])[pane]) last[pane] = count;
    const at = [item];  // by rank from the item's on: what an edge comes from
    for (let rank = item.rank + 1; rank < Math.max(...last) && left > 0; ++rank) {
      const gap = makeGap(rank, item, last.map((end) => rank < end));
      item.exitGaps.push(gap);
      join(at[at.length - 1], gap);
      at.push(gap);
    }
    for (const [reader] of readers) {
      join(at[Math.min(reader.rank - item.rank, at.length) - 1], reader);
    }
    if (!scope.entries.has(item)) continue;
    for (let rank = 0; rank < item.rank && left > 0; ++rank) {
      const gap = makeGap(rank, item, scope.entries.get(item));
      if (rank > 0) join(item.entryGaps[rank - 1], gap);
      item.entryGaps.push(gap);
    }
    if (item.entryGaps.length > 0) join(item.entryGaps[item.entryGaps.length - 1], item);
  }
  return ranks;
}

function orderRanks(ranks) {
  const number = (rank) => rank.forEach((item, i) => { item.place = (i + 0.5) / rank.length; });
  for (const rank of ranks) {
    rank.sort((a, b) => a.order - b.order);
    number(rank);
  }
  const sweep = (rank, side) => {
    for (const item of rank) {
      const others = item[side];
      item.wish = others.length === 0 ? item.place
        : others.reduce((sum, other) => sum + other.place, 0) / others.length;
    }
    rank.sort((a, b) => a.wish - b.wish);
    number(rank);
  };
  for (let i = 0; i < kSweeps; ++i) {
    for (const rank of ranks) sweep(rank, 'above');
    for (let r = ranks.length - 1; r >= 0; --r) sweep(ranks[r], 'below');
  }
}

// Horizontal places in a pane: each item wishes to stand at the middle of those it is joined to,
// and each rank takes the places with the least sum of squares of distances from the wishes. What
// only feeds is light: it gives way, so that the line of the computation is straight.
function spread(ranks, pane) {
  for (const rank of ranks) {
    let x = 0;
    for (const item of rank) {
      x += item.w[pane] / 2;
      item.x[pane] = x;
      x += item.w[pane] / 2 + (item.w[pane] > 0 ? kItemGap : 0);
    }
    for (const item of rank) item.x[pane] -= x / 2;
  }
  const sides = [['above'], ['below'], ['above'], ['below'], ['above', 'below'], ['above'],
                 ['below'], ['above', 'below'], ['above', 'below']];
  for (const side of sides) {
    const down = side[0] === 'above';
    for (let i = 0; i < ranks.length; ++i) {
      pull(ranks[down ? i : ranks.length - 1 - i], pane, side);
    }
  }
}

function pull(rank, pane, sides) {
  const items = rank.filter((item) => item.w[pane] > 0);
  const blocks = [];  // of items that touch: { sum, weight, first, mean }
  let offset = 0;
  const offsets = [];
  items.forEach((item, i) => {
    if (i > 0) {
      const gap = item.gap && items[i - 1].gap ? 2 : kItemGap;
      offset += (items[i - 1].w[pane] + item.w[pane]) / 2 + gap;
    }
    offsets.push(offset);
    let sum = 0, total = 0, straight = false;
    for (const side of sides) {
      for (const other of item[side]) {
        if (other.w[pane] === 0) continue;
        const force = other.light || other.gap !== item.gap ? 0.002 : 1;
        sum += (other.x[pane] + other.anchor[pane]) * force;
        total += force;
        straight = straight || (item.gap && other.gap);
      }
    }
    // Gaps stay straight, but where an edge leaves a line of nodes it is the edge that bends.
    const firm = total === 0 ? 0.05 : straight ? 4 : item.gap ? 0.02 : 1;
    const weight = firm * (item.light ? 0.002 : 1);
    const wish = total === 0 ? item.x[pane] - offset : sum / total - item.anchor[pane] - offset;
    blocks.push({ sum: wish * weight, weight, first: i });
    while (blocks.length > 1) {
      const [a, b] = blocks.slice(-2);
      if (a.sum / a.weight < b.sum / b.weight) break;
      blocks.pop();
      a.sum += b.sum;
      a.weight += b.weight;
    }
  });
  blocks.forEach((block, b) => {
    const end = b + 1 < blocks.length ? blocks[b + 1].first : items.length;
    for (let i = block.first; i < end; ++i) {
      items[i].x[pane] = block.sum / block.weight + offsets[i];
    }
  });
}

// From places within scopes to places in the panes.
function settle(scope, left, top) {
  for (let r = 0; r < scope.ranks.length; ++r) {
    scope.rankTop[r] += top;
    scope.rankBottom[r] += top;
    for (const item of scope.ranks[r]) {
      item.y += top;
      for (const pane of kPanes) item.x[pane] += left[pane];
      if (!item.scope || !item.open) continue;
      settle(item, kPanes.map((pane) => item.x[pane] - item.w[pane] / 2), item.y);
    }
  }
}
