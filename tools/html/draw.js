'use strict';
// The picture: boxes of forward nodes, cards of the backward nodes that were derived from them,
// frames of scopes, edges. Whatever a model says becomes text nodes, never markup.

const kMostForward = 220;   // pixels
const kMostBackward = 330;
const kHead = 22;           // of a card
const kGutter = 22;         // of a card: the edges within it
const kSide = 10;
const kPaneGap = 150;

const svg = document.getElementById('picture');
const kSvg = svg.namespaceURI;
const pen = document.createElement('canvas').getContext('2d');
const kFonts = {
  name: '600 13px system-ui, sans-serif',
  small: '11px system-ui, sans-serif',
  code: '11.5px ui-monospace, Menlo, Consolas, monospace',
};
let showValues = true;

const widths = new Map();
function textWidth(text, font) {
  const key = font + text;
  if (!widths.has(key)) {
    pen.font = kFonts[font];
    widths.set(key, pen.measureText(text).width);
  }
  return widths.get(key);
}

// `text` with "…" for its end if it is wider than that.
function fitted(text, font, most) {
  if (text.length > 400) text = text.slice(0, 400) + '…';
  if (textWidth(text, font) <= most) return text;
  const letters = [...text];
  let few = 0, many = letters.length;
  while (few < many) {
    const middle = (few + many + 1) >> 1;
    pen.font = kFonts[font];
    if (pen.measureText(letters.slice(0, middle).join('') + '…').width <= most) few = middle;
    else many = middle - 1;
  }
  return letters.slice(0, few).join('') + '…';
}

// A text within a scope, without the path of the scope.
function within(text, node) {
  const path = node.parent && !node.parent.run ? node.parent.path : '';
  const short = brief(text);
  if (!path) return short;
  return short.split(new RegExp('(?<![\\w/.])(∂?)' +
    visible(path).replace(/[.*+?^${}()|[\]\\\/-]/g, '\\$&') + '/')).join('');
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function titleWidth(scope) {
  return Math.min(300, textWidth(visible(nameOf(scope)), 'name') + 60);
}

// The lines of a forward node's box: [text, font, class].
function forwardLines(item) {
  if (item.scope) {
    return [[visible(nameOf(item)), 'name', 'name'],
            [`▸ ${count(item.size, 'node')}`, 'small', 'quiet']];
  }
  const lines = [[visible(nameOf(item)), 'name', 'name']];
  const output = item.outputs[0];
  if (item.kind === 'op') lines.push([within(item.formula, item), 'code', 'formula']);
  else lines.push([`${item.kind} ${visible(output.type)}`, 'small', 'quiet']);
  if (showValues && output.value !== undefined) lines.push(['= ' + output.value, 'code', 'value']);
  return lines;
}

// The rows of a card, in the order of the backward pass: from the bottom up.
function cardRows(item) {
  if (item.scope) return [];
  return item.derived.map((node) => ({
    node,
    text: within(`${node.outputs[0].name || node.name} = ${node.formula || ''}`, item),
    value: showValues && node.outputs[0].value !== undefined ? '= ' + node.outputs[0].value : '',
  }));
}

function measureItem(item) {
  item.lines = forwardLines(item);
  const forward = Math.max(...item.lines.map(([text, font]) => textWidth(text, font)));
  item.w = [Math.max(70, Math.min(kMostForward, forward + 2 * kSide + 4)), 0];
  item.heights = [14 + 17 * item.lines.length, 0];
  item.rows = cardRows(item);
  item.rowHeight = item.rows.some((row) => row.value) ? 36 : 21;
  if (item.rows.length > 0) {
    const widest = Math.max(
      textWidth(cardTitle(item), 'small'),
      ...item.rows.map((row) =>
        Math.max(textWidth(row.text, 'code'), textWidth(row.value, 'code'))));
    item.w[1] = Math.min(kMostBackward, widest + kGutter + 2 * kSide);
    item.heights[1] = kHead + item.rowHeight * item.rows.length + 6;
  } else if (item.scope ? item.backwardSize > 0 : derivativeOf(item)) {
    item.w[1] = Math.min(kMostBackward, textWidth(pillText(item), 'name') + 3 * kSide);
    item.w[1] = Math.max(item.w[1], item.scope ? 110 : 40);
    item.heights[1] = item.scope ? 48 : 28;
  }
  item.h = Math.max(...item.heights);
  item.anchor = [0, 0];
}

function cardTitle(item) {
  return `from ${visible(nameOf(item))} · ${visible(item.op || item.kind)}`;
}

function pillText(item) {
  return '∂' + visible(nameOf(item));
}

function make(tag, attributes, parent) {
  const element = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (parent) parent.appendChild(element);
  return element;
}

function write(parent, text, x, y, font, style, most) {
  const element = make('text', { x, y, class: `${font} ${style}` }, parent);
  element.textContent = most ? fitted(text, font, most) : text;
  return element;
}

function box(parent, rect, style, radius) {
  return make('rect', { x: rect.x, y: rect.y, width: rect.w, height: rect.h, rx: radius,
                        class: style }, parent);
}

// What can be chosen: a group with the node's id, or with the scope's number.
function choice(parent, style, label, node) {
  const group = make('g', { class: 'choice ' + style, tabindex: -1, role: 'button',
                            'aria-label': label }, parent);
  if (node) {
    group.dataset.node = node.id;
    node.element = group;
  }
  return group;
}

let scopesDrawn = [];

function scopeChoice(parent, style, scope) {
  const label = `${scope.open ? 'fold' : 'unfold'} ${visible(nameOf(scope))}`;
  const group = choice(parent, style, label);
  group.dataset.scope = scopesDrawn.push(scope) - 1;
  group.setAttribute('aria-expanded', scope.open);
  return group;
}

function drawForwardItem(parent, item) {
  const rect = boxOf(item, 0);
  const style = item.scope ? 'folded' : item.kind === 'op' ? 'op' : item.kind;
  const extra = `${item.loss ? ' loss' : ''}${item.unneeded ? ' unneeded' : ''}`;
  const group = item.scope ? scopeChoice(parent, style, item)
    : choice(parent, style + extra, `${item.kind} ${visible(item.name)}`, item);
  if (item.scope) box(group, { ...rect, x: rect.x + 4, y: rect.y + 4 }, 'body behind', 7);
  box(group, rect, 'body', item.kind === 'input' ? rect.h / 2 : item.scope ? 7 : 6);
  item.lines.forEach(([text, font, kind], i) => {
    const line = write(group, text, rect.middle, rect.y + 20 + 17 * i, font, kind, rect.w - 14);
    line.setAttribute('text-anchor', 'middle');
  });
}

function drawBackwardItem(parent, item) {
  const rect = boxOf(item, 1);
  if (item.scope) {
    const group = scopeChoice(parent, 'folded gradient', item);
    box(group, { ...rect, x: rect.x + 4, y: rect.y + 4 }, 'body behind', 7);
    box(group, rect, 'body', 7);
    write(group, pillText(item), rect.middle, rect.y + 20, 'name', 'name', rect.w - 14)
      .setAttribute('text-anchor', 'middle');
    write(group, '▸ ' + count(item.backwardSize, 'node'), rect.middle, rect.y + 37, 'small',
          'quiet').setAttribute('text-anchor', 'middle');
  } else if (item.rows.length === 0) {
    const group = make('g', { class: 'choice pill', tabindex: -1, role: 'button',
                              'aria-label': 'derivative by ' + visible(item.name) }, parent);
    group.dataset.node = derivativeOf(item)[0];
    group.dataset.beside = item.id;
    item.pill = group;
    box(group, rect, 'body', rect.h / 2);
    write(group, pillText(item), rect.middle, rect.y + 18, 'name', 'name', rect.w - 14)
      .setAttribute('text-anchor', 'middle');
  } else {
    drawCard(parent, item, rect);
  }
}

function drawCard(parent, item, rect) {
  const card = make('g', { class: 'card' }, parent);
  item.card = card;
  box(card, rect, 'body', 6);
  write(card, cardTitle(item), rect.x + kSide, rect.y + 15, 'small', 'quiet', rect.w - 2 * kSide);
  item.rows.forEach((row, i) => {
    const y = rect.y + rect.h - 5 - item.rowHeight * (i + 1);
    row.node.row = { x: rect.x, y, w: rect.w, h: item.rowHeight };
    const group = choice(card, 'row', `backward node ${visible(row.node.name)}`, row.node);
    box(group, { x: rect.x + 4, y, w: rect.w - 8, h: item.rowHeight - 1 }, 'back', 4);
    const most = rect.w - kGutter - kSide;
    const left = rect.x + kGutter;
    const constant = row.node.op === 'Constant' || row.node.op === 'Shape' ? ' quiet' : '';
    write(group, row.text, left, y + 14, 'code', 'formula' + constant, most);
    if (row.value) write(group, row.value, left, y + 29, 'code', 'value', most);
  });
  for (const { node } of item.rows) {
    for (const input of node.inputs) {
      const from = input && nodes[input[0]];
      if (from && from.backward && from.forward === node.forward) drawArc(card, from.row, node.row);
    }
  }
}

// An edge within a card, upwards in its gutter.
function drawArc(parent, from, to) {
  const y1 = from.y + 10, y2 = to.y + 12, right = from.x + kGutter - 4;
  const steps = Math.round((y1 - y2) / from.h);
  const left = right - Math.min(14, 5 + 2.5 * steps);
  const d = `M${right} ${y1}C${left} ${y1} ${left} ${y2} ${right - 3} ${y2}`;
  make('path', { d, class: 'arc' }, parent);
  make('path', { d: `M${right} ${y2}l-5 -3v6z`, class: 'tip' }, parent);
}

function drawFrames(parent, scope, pane) {
  for (const member of scope.members) {
    if (!member.scope || !member.open || member.w[pane] === 0) continue;
    const rect = boxOf(member, pane);
    box(parent, rect, 'frame', 10);
    const group = scopeChoice(parent, 'title', member);
    const title = (pane === 0 ? '▾ ' : '▾ ∂') + visible(nameOf(member));
    const shown = fitted(title, 'name', rect.w - 20);
    const width = textWidth(shown, 'name') + 16;
    box(group, { x: rect.x + 4, y: rect.y + 4, w: width, h: 20 }, 'back', 5);
    write(group, shown, rect.x + 10, rect.y + 18, 'name', 'name');
    drawFrames(parent, member, pane);
  }
}

function drawEdge(parent, edge) {
  const style = edge.pane === 0 ? 'edge' : 'edge gradient';
  make('path', { d: pathDown(edge.points), class: style }, parent);
  const end = edge.points.at(edge.pane === 0 ? -1 : 0);
  const tip = edge.pane === 0 ? `M${end.x} ${end.bottom}l-4 -8h8z` : `M${end.x} ${end.top}l-4 8h8z`;
  make('path', { d: tip, class: 'tip ' + style }, parent);
}

function drawItems(parent, scope, pane) {
  for (const member of scope.members) {
    if (member.scope && member.open) drawItems(parent, member, pane);
    else if (member.w[pane] > 0) [drawForwardItem, drawBackwardItem][pane](parent, member);
  }
}

// Draws all anew and returns the picture's { width, height }.
function drawPicture(scene) {
  for (const node of nodes) node.element = node.card = node.pill = node.row = undefined;
  scopesDrawn = [];
  const layout = layOut();
  const panes = layout.width[1] > 0 ? kPanes : [0];
  scene.textContent = '';
  panes.forEach((pane) => {
    const left = pane === 0 ? 0 : layout.width[0] + kPaneGap;
    const group = make('g', { transform: `translate(${left} 0)` }, scene);
    const of = model.of ? ` of ${visible(model.of)}` : '';
    const heading = pane === 0 ? 'Forward ↓' : `Backward ↑${of}`;
    write(group, heading, layout.width[pane] / 2, -34, 'heading', 'quiet')
      .setAttribute('text-anchor', 'middle');
    drawFrames(make('g', {}, group), root, pane);
    const edges = make('g', {}, group);
    for (const edge of layout.edges) if (edge.pane === pane) drawEdge(edges, edge);
    drawItems(make('g', {}, group), root, pane);
  });
  const links = make('g', { class: 'links' }, scene);
  const width = panes.length > 1 ? layout.width[0] + kPaneGap + layout.width[1] : layout.width[0];
  return { width, height: layout.height, links, backwardLeft: layout.width[0] + kPaneGap };
}
