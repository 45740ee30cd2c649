'use strict';
// What happens on the page: choosing nodes, folding scopes, searching, keys.

const kMostItems = 2500;  // that "unfold" shows
const kMostFound = 40;
let chosen = null;

function redraw() {
  picture = drawPicture(scene);
  mark();
}

// Where a node is drawn: { x, y, w, h } in the picture.
function placeOf(node) {
  const item = itemOf(forwardOf(node));
  const pane = node.backward ? 1 : 0;
  const rect = node.row && item === forwardOf(node) ? node.row : boxOf(item, pane);
  return { ...rect, x: rect.x + (pane === 1 ? picture.backwardLeft : 0) };
}

// The backward side of a forward node's item: its card, pill or folded scope; null if it has none.
function besideOf(node) {
  const item = itemOf(node);
  if (item.w[1] === 0) return null;
  const rect = boxOf(item, 1);
  return { ...rect, x: rect.x + picture.backwardLeft };
}

function drawLine(d, style, tip) {
  make('path', { d, class: style }, picture.links);
  if (tip) make('path', { d: tip, class: 'tip' }, picture.links);
}

// From the right side of one place to the left side of another.
function drawAcross(from, to, style) {
  const x1 = from.x + from.w, y1 = from.y + from.h / 2, x2 = to.x, y2 = to.y + to.h / 2;
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  drawLine(`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, style,
           style === 'read' ? `M${x2} ${y2}l-8 -4v8z` : '');
}

// From one row to another, around their right sides.
function drawAround(from, to) {
  const x1 = from.x + from.w, y1 = from.y + from.h / 2, x2 = to.x + to.w, y2 = to.y + to.h / 2;
  const right = Math.max(x1, x2) + 40;
  drawLine(`M${x1} ${y1}C${right} ${y1} ${right} ${y2} ${x2} ${y2}`, 'read',
           `M${x2} ${y2}l8 -4v8z`);
}

// Shows what belongs to the node under the pointer, or else to the chosen one.
function mark(hovered) {
  for (const element of scene.querySelectorAll('.chosen, .partner')) {
    element.classList.remove('chosen', 'partner');
  }
  picture.links.textContent = '';
  const node = hovered || chosen;
  if (chosen && chosen.element) chosen.element.classList.add('chosen');
  if (!node) return;
  const forward = forwardOf(node);
  const beside = besideOf(forward);
  for (const element of [forward.element, ...(node.backward ? [node.element]
    : [forward.card, forward.pill])]) {
    if (element) element.classList.add('partner');
  }
  if (beside) drawAcross(placeOf(forward), node.backward ? placeOf(node) : beside, 'link');
  if (!node.backward) return;
  const seen = new Set([node.forward]);
  for (const input of node.inputs) {
    const from = input && nodes[input[0]];
    if (!from || seen.has(from.id) || from.forward === node.forward) continue;
    seen.add(from.id);
    if (from.backward) drawAround(placeOf(from), placeOf(node));
    else drawAcross(placeOf(from), placeOf(node), 'read');
  }
}

// Chooses a node, unfolds the scopes around it and, if asked to, moves it into view.
function choose(node, move) {
  chosen = node;
  const hidden = itemOf(forwardOf(node)) !== forwardOf(node);
  if (hidden) {
    openTo(node);
    redraw();
  } else {
    mark();
  }
  showNode(node);
  panel.scrollTop = 0;
  const beside = node.backward ? placeOf(nodes[node.forward]) : besideOf(node);
  if (move || hidden) bringIntoView(placeOf(node), beside);
  if (node.element) {
    node.element.focus({ preventScroll: true });
  }
}

function chooseNothing() {
  chosen = null;
  mark();
  showAbout();
}

// Folds or unfolds a scope, which stays where it is on the screen.
function toggle(scope) {
  const before = boxOf(scope, 0);
  scope.open = !scope.open;
  redraw();
  const after = boxOf(scope, 0);
  setView(view.x + (before.middle - after.middle) * view.scale,
          view.y + (before.y - after.y) * view.scale, view.scale);
  const drawn = scopesDrawn.indexOf(scope);
  const element = scene.querySelector(`[data-scope="${drawn}"]`);
  if (element) element.focus({ preventScroll: true });
}

function choiceAt(event) {
  return event.target.closest ? event.target.closest('.choice') : null;
}

function activate(element) {
  if (element.dataset.scope !== undefined) toggle(scopesDrawn[element.dataset.scope]);
  else choose(nodes[element.dataset.node], element.dataset.beside !== undefined);
}

svg.addEventListener('click', (event) => {
  if (dragged) return;
  const element = choiceAt(event);
  if (element) activate(element);
  else chooseNothing();
});

svg.addEventListener('pointerover', (event) => {
  if (dragged && pointers.size > 0) return;
  const element = choiceAt(event);
  const id = element && (element.dataset.beside || element.dataset.node);
  mark(id ? nodes[id] : null);
});
svg.addEventListener('pointerleave', () => mark());

// Keys.
function neighbour(key) {
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    // Up and down in the picture: gradients flow upwards.
    const back = (key === 'ArrowUp') !== chosen.backward;
    const from = chosen.inputs.filter((input) => input).map((input) => nodes[input[0]]);
    return (back ? from : chosen.readers).find((other) => other.backward === chosen.backward);
  }
  if (key === 'ArrowLeft') return chosen.backward ? nodes[chosen.forward] : null;
  return chosen.backward ? null : chosen.derived[0];
}

function unfold() {
  if (!unfoldOnce(kMostItems)) return;
  redraw();
  fit(0.3);
}

function fold() {
  foldAll();
  redraw();
  fit(0.3);
}

const kActions = {
  '+': () => zoomBy(1.3), '=': () => zoomBy(1.3), '-': () => zoomBy(1 / 1.3), '0': () => fit(0),
  '/': () => search.focus(), f: fold, u: unfold, Escape: chooseNothing,
};

window.addEventListener('keydown', (event) => {
  if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
  const element = event.target.closest('.choice');
  if (element && (event.key === 'Enter' || event.key === ' ')) activate(element);
  else if (event.key.startsWith('Arrow') && !panel.contains(event.target)) {
    const next = chosen ? neighbour(event.key) : nodes.find((node) => !node.backward);
    if (next) choose(next, true);
  } else if (kActions[event.key]) kActions[event.key]();
  else return;
  event.preventDefault();
});

// Search.
const search = document.getElementById('search');
const found = document.getElementById('found');

function showFound() {
  const words = search.value.toLowerCase().split(/\s+/).filter((word) => word);
  found.textContent = '';
  found.hidden = words.length === 0;
  search.setAttribute('aria-expanded', String(!found.hidden));
  if (found.hidden) return;
  const matches = nodes.filter((node) => {
    const text = `${node.name} ${node.op || node.kind}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  for (const node of matches.slice(0, kMostFound)) {
    const line = add(found, 'li', node.name);
    add(line, 'small', node.op || node.kind);
    line.setAttribute('role', 'option');
    line.dataset.node = node.id;
  }
  if (matches.length === 0) add(found, 'li', 'nothing found', 'quiet');
  else found.firstChild.setAttribute('aria-selected', 'true');
}

function takeFound(line) {
  if (!line || line.dataset.node === undefined) return;
  found.hidden = true;
  search.setAttribute('aria-expanded', 'false');
  choose(nodes[line.dataset.node], true);
}

search.addEventListener('input', showFound);
search.addEventListener('keydown', (event) => {
  const now = found.querySelector('[aria-selected]');
  if (event.key === 'Enter') takeFound(now);
  if (event.key === 'Escape') {
    search.value = '';
    showFound();
    search.blur();
  }
  const next = event.key === 'ArrowDown' ? now && now.nextElementSibling
    : event.key === 'ArrowUp' ? now && now.previousElementSibling : null;
  if (!next) return;
  event.preventDefault();
  now.removeAttribute('aria-selected');
  next.setAttribute('aria-selected', 'true');
  next.scrollIntoView({ block: 'nearest' });
});
found.addEventListener('click', (event) => takeFound(event.target.closest('li')));
search.addEventListener('focus', showFound);
document.addEventListener('pointerdown', (event) => {
  if (!found.contains(event.target) && event.target !== search) found.hidden = true;
});

// The page.
const kButtons = {
  fold, unfold, in: () => zoomBy(1.3), out: () => zoomBy(1 / 1.3), fit: () => fit(0),
};
for (const [id, action] of Object.entries(kButtons)) {
  document.getElementById(id).addEventListener('click', action);
}
const values = document.getElementById('values');
values.addEventListener('change', () => {
  showValues = values.checked;
  redraw();
});
document.getElementById('values-label').hidden =
  !nodes.some((node) => node.outputs.some((output) => output.value !== undefined));
document.title = visible(model.name);
document.getElementById('name').textContent = visible(model.name);
svg.tabIndex = 0;
redraw();
fit(0.4);
showAbout();
// A link may name a node: page.html#z1.
const named = decodeURIComponent(location.hash.slice(1));
const target = named && nodes.find((node) => node.name === named);
if (target) choose(target, true);
