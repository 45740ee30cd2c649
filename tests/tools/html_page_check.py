"""Reads pages that `flowgrad show --format html` wrote, and says what is wrong with them.

usage: html_page_check.py PAGE...
"""

import json
import re
import sys


def json_of(page):
    """The model in a page, and the page without it."""
    start = page.index('<script type="application/json" id="model">')
    start = page.index('>', start) + 1
    end = page.index('</script>', start)
    return page[start:end], page[:start] + page[end:]


def check_places(node, nodes):
    """Inputs and derivatives are outputs of nodes."""
    places = [place for place in node.get('inputs', []) if place is not None]
    places += [output['derivative'] for output in node['outputs'] if 'derivative' in output]
    for number, port in places:
        assert nodes[number]['outputs'][port]['name'], f'{node["name"]} reads what has no name'


def check_model(model):
    """Every node is whole, and every backward node has a forward node, a rule and a formula."""
    nodes = model['nodes']
    assert nodes, 'no nodes'
    assert len({node['name'] for node in nodes}) == len(nodes), 'a name stands twice'
    backward = [node for node in nodes if 'forward' in node]
    assert backward or not model['of'], 'no backward graph'
    assert model['of'] or model['notes'], 'does not say why nothing was differentiated'
    for node in nodes:
        check_places(node, nodes)
        if node['kind'] == 'op':
            assert node['formula'] and model['ops'][node['op']], f'{node["name"]} has no formula'
        for output in node['outputs']:
            has_value = 'value' in output or not output['name']
            assert has_value or model['notes'], f'{output["name"]} has no number, and no note says why'
    for node in backward:
        assert 'forward' not in nodes[node['forward']], f'{node["name"]}: partner is backward too'
        assert node['formula'] and node['rule'], f'{node["name"]} has no formula or no rule'


def check_page(path):
    with open(path, encoding='utf-8', newline='') as file:
        text, rest = json_of(file.read())
    assert text.isascii() and not set('<>&') & set(text), 'the JSON holds more than text'
    for outside in ('http:', 'https:', '//cdn', ' src', 'url(', '@import', '<link', 'innerHTML',
                    'fetch(', 'eval('):
        assert outside not in rest, f'the page has {outside}'
    assert not re.search(r'\{\{\w+\}\}', rest), 'a part of the page is missing'
    assert rest.isprintable() or rest.replace('\n', '').isprintable(), 'the page has invisible text'
    check_model(json.loads(text))
    return rest


def main(paths):
    rests = set()
    for path in paths:
        try:
            rests.add(check_page(path))
        except AssertionError as error:
            sys.exit(f'{path}: {error}')
    # Whatever the models say is in the JSON.
    assert len(rests) == 1, 'pages differ in more than their models'


main(sys.argv[1:])
