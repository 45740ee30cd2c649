'use strict';
// Looking around: the part of the picture that is seen, by mouse, touch and keys.

const scene = make('g', {}, svg);
const kLeastScale = 0.02, kMostScale = 4;
let picture = null;             // what drawPicture() returned
let view = { x: 0, y: 0, scale: 1 };

function setView(x, y, scale) {
  view = { x, y, scale };
  scene.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
}

function zoomAt(x, y, factor) {
  const scale = Math.min(kMostScale, Math.max(kLeastScale, view.scale * factor));
  const by = scale / view.scale;
  setView(x - (x - view.x) * by, y - (y - view.y) * by, scale);
}

function zoomBy(factor) {
  zoomAt(svg.clientWidth / 2, svg.clientHeight / 2, factor);
}

// All of the picture, with its headings; or, with a least scale, from its top on.
function fit(leastScale) {
  const margin = 24, head = 64;
  const wide = (svg.clientWidth - 2 * margin) / Math.max(1, picture.width);
  const high = (svg.clientHeight - 2 * margin) / (picture.height + head);
  const scale = Math.max(leastScale, kLeastScale, Math.min(1.25, wide, high));
  const width = picture.width * scale, height = (picture.height + head) * scale;
  setView(Math.max(margin, (svg.clientWidth - width) / 2),
          Math.max(margin, (svg.clientHeight - height) / 2) + head * scale, scale);
}

// Moves the picture so that a place is seen, and its partner too if both can be.
function bringIntoView(place, partner) {
  const scale = Math.max(view.scale, 0.55);
  const margin = 60;
  let left = place.x, right = place.x + place.w;
  const y = place.y + place.h / 2;
  if (partner && Math.max(right, partner.x + partner.w) - Math.min(left, partner.x) <
      (svg.clientWidth - 2 * margin) / scale) {
    left = Math.min(left, partner.x);
    right = Math.max(right, partner.x + partner.w);
  }
  const at = view.y + y * scale;
  if (scale === view.scale && view.x + left * scale > margin / 2 &&
      view.x + right * scale < svg.clientWidth - margin / 2 && at > margin &&
      at < svg.clientHeight - margin) {
    return;
  }
  setView((svg.clientWidth - (left + right) * scale) / 2, svg.clientHeight / 2 - y * scale, scale);
}

// Drag with one pointer, pinch with two. A press that moves is no click.
const pointers = new Map();
let dragged = false;

function place(event) {
  const frame = svg.getBoundingClientRect();
  return { x: event.clientX - frame.left, y: event.clientY - frame.top };
}

svg.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  if (pointers.size === 0) dragged = false;
  pointers.set(event.pointerId, place(event));
});

svg.addEventListener('pointermove', (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = place(event);
  if (!dragged && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
  if (!dragged) svg.setPointerCapture(event.pointerId);
  dragged = true;
  svg.classList.add('moving');
  const other = [...pointers].find(([id]) => id !== event.pointerId);
  if (other) {
    const fixed = other[1];
    const distance = (point) => Math.max(1, Math.hypot(point.x - fixed.x, point.y - fixed.y));
    zoomAt(fixed.x, fixed.y, distance(now) / distance(before));
  } else {
    setView(view.x + now.x - before.x, view.y + now.y - before.y, view.scale);
  }
  pointers.set(event.pointerId, now);
});

for (const kind of ['pointerup', 'pointercancel']) {
  window.addEventListener(kind, (event) => {
    pointers.delete(event.pointerId);
    svg.classList.remove('moving');
  });
}

svg.addEventListener('wheel', (event) => {
  event.preventDefault();
  const { x, y } = place(event);
  const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
  zoomAt(x, y, Math.exp(-Math.max(-100, Math.min(100, pixels)) * (event.ctrlKey ? 0.01 : 0.002)));
}, { passive: false });

// On paper all of the picture is seen.
window.addEventListener('beforeprint', () => {
  svg.setAttribute('viewBox', `-10 -60 ${picture.width + 20} ${picture.height + 70}`);
  scene.removeAttribute('transform');
});
window.addEventListener('afterprint', () => {
  svg.removeAttribute('viewBox');
  setView(view.x, view.y, view.scale);
});
