'use strict';
// The panel beside the picture: about the model, or about the node that is chosen.

const panel = document.getElementById('panel');

function add(parent, tag, text, style) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = visible(text);
  if (style) element.className = style;
  parent.appendChild(element);
  return element;
}

// Several lines: their ends stay ends.
function addLines(parent, text) {
  const element = add(parent, 'pre');
  element.textContent = text.split('\n').map(visible).join('\n');
}

function addGoto(parent, node, below) {
  const button = add(parent, 'button', node.name, 'goto');
  if (below) add(button, 'code', below);
  button.addEventListener('click', () => choose(node, true));
}

const kLegend = [
  ['input', 'an input', 11], ['parameter', 'a parameter: it is trained', 4],
  ['variable', 'a variable: kept between steps', 4], ['op', 'an op of the model', 4],
  ['op loss', 'what is differentiated', 4], ['op unneeded', 'in the file; no output needs it', 4],
  ['folded', 'a folded scope: click to unfold', 4],
  ['pill', 'a derivative, where the backward graph ends', 11],
  ['card', 'the nodes of the backward graph that were derived from the node beside it', 4],
];

function addLegend(parent) {
  const legend = add(parent, 'div', undefined, 'legend');
  for (const [style, text, radius] of kLegend) {
    const needed = {
      variable: nodes.some((node) => node.kind === 'variable'),
      'op unneeded': nodes.some((node) => node.unneeded),
      folded: root.members.some((member) => member.scope), pill: hasBackward, card: hasBackward,
      'op loss': model.of,
    };
    if (style in needed && !needed[style]) continue;
    const sample = make('svg', { viewBox: '0 0 44 22', 'aria-hidden': 'true' });
    const group = make('g', { class: style }, sample);
    box(group, { x: 1.5, y: 1.5, w: 41, h: 19 }, 'body', radius);
    legend.appendChild(sample);
    add(legend, 'span', text);
  }
}

const kKeys = [
  ['drag, wheel, pinch', 'move and zoom'], ['+ − 0', 'zoom in, out, see all'],
  ['← →', 'from a node to its partner in the other graph'],
  ['↑ ↓', 'to what it reads, to what reads it'], ['/', 'search'], ['f u', 'fold, unfold'],
  ['Esc', 'back to this text'],
];

function showAbout() {
  panel.textContent = '';
  add(panel, 'h2', model.name);
  const ownOps = nodes.filter((node) => !node.backward).length;
  const of = model.of ? ` of ${model.of}` : '';
  const backward = count(nodes.length - ownOps, 'node');
  add(panel, 'p', count(ownOps, 'node') +
    (hasBackward ? `, and ${backward} of the backward graph${of}` : ''), 'quiet');
  for (const note of model.notes) add(panel, 'p', note, 'note');
  if (model.comment) addLines(panel, model.comment.trim());
  if (model.written.length > 0) addWritten(model.written);
  add(panel, 'h3', 'Legend');
  addLegend(panel);
  if (hasBackward) {
    add(panel, 'p', 'Data flow down on the left, gradients up on the right. What was derived ' +
      'from a node stands beside it, first step at the bottom; ∂z is short for gradients/z, the ' +
      `derivative${of} by z. Click a node for its formulas.`, 'quiet');
  }
  add(panel, 'h3', 'Keys');
  for (const [keys, meaning] of kKeys) {
    const line = add(panel, 'p');
    add(line, 'kbd', keys);
    add(line, 'span', '  ' + meaning);
  }
  add(panel, 'h3', 'Written by');
  add(panel, 'pre', `flowgrad show ${model.path} --format html`);
}

function addWritten(written) {
  add(panel, 'h3', 'Gradients that stand in the file');
  for (const w of written) {
    const text = `${w.gradient}, of ${w.value}: ` + (!w.wrong ? 'agrees with the derived one'
      : `wrong; at ${w.wrong.at} the file has ${w.wrong.written}, derived is ${w.wrong.derived}`);
    add(panel, 'p', text, w.wrong ? 'wrong' : '');
  }
}

function showNode(node) {
  panel.textContent = '';
  const kind = node.backward ? 'backward node' : node.kind === 'op' ? 'node' : node.kind;
  add(panel, 'p', node.op ? `${kind} · ${node.op}` : kind, 'quiet');
  add(panel, 'h2', node.name);
  if (node.formula) add(panel, 'pre', node.formula, 'formula');
  if (node.op) {
    add(panel, 'p', model.ops[node.op]);
    add(panel, 'p', `More under ${node.op} in docs/ops.md, or: flowgrad ops ${node.op}`, 'quiet');
  }
  if (node.backward) {
    add(panel, 'h3', 'Derived from');
    const from = nodes[node.forward];
    addGoto(panel, from, from.formula);
    add(panel, 'p', ruleText(node), 'quiet');
  }
  showOutputs(node);
  showInputs(node);
  if (node.next) {
    add(panel, 'h3', 'After a step it is');
    addGoto(panel, node.next, node.next.formula);
  }
  if (node.derived.length > 0) {
    add(panel, 'h3', 'Backward nodes derived from it');
    for (const derived of node.derived) addGoto(panel, derived, '= ' + derived.formula);
  }
  const names = new Set(node.outputs.map((output) => output.name));
  const written = model.written.filter((w) => names.has(w.value) || names.has(w.gradient));
  if (written.length > 0) addWritten(written);
  const readers = [...new Set(node.readers)];
  if (readers.length > 0) {
    add(panel, 'h3', 'Read by');
    for (const reader of readers.slice(0, 50)) addGoto(panel, reader);
    if (readers.length > 50) add(panel, 'p', `and ${readers.length - 50} more`, 'quiet');
  }
}

function ruleText(node) {
  if (node.rule === '1') return 'Here the backward pass starts: the derivative by itself is 1.';
  if (node.rule === 'Sum') return 'Sum of the contributions of all that read it.';
  return `By the gradient rule of ${node.rule}.`;
}

// Name, type and number of every output, and the derivative by it.
function showOutputs(node) {
  add(panel, 'h3', node.outputs.length > 1 ? 'Values' : 'Value');
  const list = add(panel, 'dl');
  for (const output of node.outputs) {
    if (!output.name) continue;
    add(list, 'dt', output.name);
    add(list, 'dd', output.type);
    if (output.value !== undefined) add(add(list, 'dd'), 'code', '= ' + output.value, 'number');
  }
  for (const output of node.outputs) {
    if (!output.derivative) continue;
    const [id, port] = output.derivative;
    add(panel, 'h3', model.of ? `Derivative of ${model.of} by ${output.name}`
      : `Derivative by ${output.name}`);
    const value = nodes[id].outputs[port].value;
    if (value !== undefined) add(add(panel, 'p'), 'code', '= ' + value, 'slope');
    addGoto(panel, nodes[id], '= ' + nodes[id].formula);
  }
}

function showInputs(node) {
  const inputs = node.inputs.filter((input) => input);
  if (inputs.length === 0) return;
  add(panel, 'h3', inputs.length > 1 ? 'Inputs' : 'Input');
  for (const [id, port] of inputs.slice(0, 50)) {
    const { name, type } = nodes[id].outputs[port];
    addGoto(panel, nodes[id], name === nodes[id].name ? type : `${name}: ${type}`);
  }
  if (inputs.length > 50) add(panel, 'p', `and ${inputs.length - 50} more`, 'quiet');
}
