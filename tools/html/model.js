'use strict';
// The model: what the JSON of the page says, and the scopes that its names make.
//
// A scope is a path that names begin with: "encoder/dense1/product" stands in the scope
// "encoder/dense1", which stands in "encoder". A node whose name is a scope's path belongs to it.
// A node of the backward graph stands beside the forward node it comes from, so only forward nodes
// have scopes. A scope is open or folded; what is seen is the items of open scopes: nodes and
// folded scopes.

// A scope with more members than this is cut into runs of at most kRun.
const kMostMembers = 240;
const kRun = 60;
// Models with more forward nodes start folded.
const kSmallModel = 120;

const model = JSON.parse(document.getElementById('model').textContent);
const nodes = model.nodes;

// Characters that cannot be seen or that turn the direction of text are written as numbers.
const kInvisible =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function visible(text) {
  return text.replace(kInvisible, (c) =>
    '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

// "gradients/z1" is written "∂z1" where there is little room.
function brief(text) {
  return visible(text).replace(/(^|[^\w/.])gradients\//g, '$1∂');
}

// Gives every node what is looked for often: id, whether it belongs to the backward graph, the
// nodes that were derived from it, and who reads it.
function linkNodes() {
  nodes.forEach((node, id) => {
    node.id = id;
    node.backward = node.forward !== undefined;
    node.derived = [];
    node.readers = [];
    node.inputs = node.inputs || [];
  });
  for (const node of nodes) {
    if (node.backward) nodes[node.forward].derived.push(node);
    for (const input of node.inputs) {
      if (input) nodes[input[0]].readers.push(node);
    }
  }
  for (const [state, next] of model.updates) nodes[state].next = nodes[next];
  for (const [id] of model.outputs) nodes[id].output = true;
  const of = nodes.find((node) => node.outputs.some((o) => o.name === model.of));
  if (model.of && of) of.loss = true;
}

function makeScope(path, title, parent) {
  return {
    scope: true, path, title, parent, members: [], open: true, order: Infinity,
    size: 0, backwardSize: 0,
  };
}

// The tree of scopes over the nodes of the forward graph.
function makeTree() {
  const root = makeScope('', model.name, null);
  const paths = new Map([['', root]]);
  const scopeAt = (path) => {
    const missing = [];
    while (!paths.has(path)) {
      missing.push(path);
      path = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    }
    let scope = paths.get(path);
    for (const inner of missing.reverse()) {
      const made = makeScope(inner, inner.slice(path ? path.length + 1 : 0), scope);
      scope.members.push(made);
      paths.set(inner, made);
      scope = made;
      path = inner;
    }
    return scope;
  };
  const own = nodes.filter((node) => !node.backward);
  const pathOf = (name) => name.split('/').slice(0, 17).slice(0, -1).join('/');
  for (const node of own) scopeAt(pathOf(node.name));
  for (const node of own) {
    node.parent = paths.get(node.name) || scopeAt(pathOf(node.name));
    node.parent.members.push(node);
    // A node that only feeds stands where it is read.
    const reader = node.kind === 'op' ? undefined : node.readers.find((r) => !r.backward);
    node.order = reader ? reader.id - 0.5 : node.id;
  }
  unwrap(root);
  finish(root);
  return root;
}

// A scope with one member is no scope.
function unwrap(scope) {
  for (let i = 0; i < scope.members.length; ++i) {
    let member = scope.members[i];
    if (!member.scope) continue;
    unwrap(member);
    if (member.members.length !== 1) continue;
    scope.members[i] = member.members[0];
    scope.members[i].parent = scope;
  }
}

// Sizes and orders, and runs in the place of too many members.
function finish(scope) {
  for (const member of scope.members) {
    if (member.scope) finish(member);
    scope.size += member.scope ? member.size : 1;
    scope.backwardSize += member.scope ? member.backwardSize : member.derived.length;
    scope.order = Math.min(scope.order, member.order);
  }
  scope.members.sort((a, b) => a.order - b.order);
  while (scope.members.length > kMostMembers) {
    const runs = [];
    for (let i = 0; i < scope.members.length; i += kRun) {
      const members = scope.members.slice(i, i + kRun);
      const last = members[members.length - 1];
      const title = `${nameOf(members[0]).split(' … ')[0]} … ${nameOf(last).split(' … ').pop()}`;
      const run = makeScope('', title, scope);
      run.run = true;
      run.members = members;
      for (const member of members) {
        member.parent = run;
        run.size += member.scope ? member.size : 1;
        run.backwardSize += member.scope ? member.backwardSize : member.derived.length;
      }
      run.order = members[0].order;
      runs.push(run);
    }
    scope.members = runs;
  }
}

// The name of an item within its scope.
function nameOf(item) {
  if (item.scope) return item.title;
  const path = item.parent.run ? '' : item.parent.path;
  return path && item.name.startsWith(path + '/') ? item.name.slice(path.length + 1) : item.name;
}

function everyScope(scope, visit) {
  for (const member of scope.members) {
    if (!member.scope) continue;
    visit(member);
    everyScope(member, visit);
  }
}

// What stands for a forward node in the picture: itself, or the outermost folded scope around it.
function itemOf(node) {
  let item = node;
  for (let scope = node.parent; scope; scope = scope.parent) {
    if (!scope.open) item = scope;
  }
  return item;
}

// The forward node beside which a node stands.
function forwardOf(node) {
  return node.backward ? nodes[node.forward] : node;
}

function openTo(node) {
  for (let scope = forwardOf(node).parent; scope; scope = scope.parent) scope.open = true;
}

function foldAll() {
  everyScope(root, (scope) => { scope.open = false; });
}

// Opens the folded scopes that are seen. False if that would be too much to see.
function unfoldOnce(mostItems) {
  const folded = [];
  let items = 0;
  const visit = (scope) => {
    for (const member of scope.members) {
      if (member.scope && member.open) visit(member);
      else if (member.scope) { folded.push(member); items += member.members.length; }
      else ++items;
    }
  };
  visit(root);
  if (items > mostItems) return false;
  for (const scope of folded) scope.open = true;
  return true;
}

linkNodes();
const root = makeTree();
const hasBackward = root.backwardSize > 0;
if (root.size > kSmallModel) foldAll();
