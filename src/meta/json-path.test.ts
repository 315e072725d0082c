import assert from 'node:assert/strict'
import test from 'node:test'
import { parseJsonPath } from '#meta'

const document = {
  metadata: { labels: { 'a.b/c': 'x' } },
  spec: {
    ports: [
      { name: 'web', port: 80 },
      { name: 'admin', port: 8080 },
    ],
    replicas: 3,
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Synced', status: 'False' },
    ],
  },
}

const CASES: readonly (readonly [path: string, selected: readonly unknown[]])[] = [
  ['.spec.replicas', [3]],
  ['.spec.absent.deeper', []],
  [".metadata.labels['a.b/c']", ['x']],
  ['.metadata.labels.a\\.b/c', ['x']],
  ['.spec.ports[0].name', ['web']],
  ['.spec.ports[-1].name', ['admin']],
  ['.spec.ports[5].name', []],
  ['.spec.ports[*].port', [80, 8080]],
  ['.spec.ports[0:1].port', [80]],
  ['.spec.ports[0,1].port', [80, 8080]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  ["$.status.conditions[?(@.type=='Synced')].status", ['False']],
  ['.spec.ports[?(@.port>100)].name', ['admin']],
  ['.spec.ports[?(@.absent)].name', []],
  ['..port', [80, 8080]],
]

for (const [path, selected] of CASES) {
  test(`JSON path ${path}`, () => assert.deepEqual(parseJsonPath(path).select(document), selected))
}

test('a JSON path that can not be read says why', () => {
  assert.throws(() => parseJsonPath('spec.replicas'), /unrecognized character in action: "s"/)
  assert.throws(() => parseJsonPath('.spec[0'), /unterminated array/)
  assert.throws(() => parseJsonPath('.spec[x]'), /invalid array index x/)
  assert.throws(() => parseJsonPath('.spec.a b'), /unrecognized character in action: " "/)
})
