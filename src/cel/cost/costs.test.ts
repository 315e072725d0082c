import assert from 'node:assert/strict'
import test from 'node:test'
import type { Variable } from '../environment.ts'
import { EvaluationError } from '../evaluate/program.ts'
import { kubernetesEnvironment } from '../kubernetes/environment.ts'
import { Authorizer, authorizerType } from '../libraries/authorizer.ts'
import { jsonPatchLibrary } from '../libraries/json-patch.ts'
import * as types from '../types/type.ts'
import { estimateCost } from './estimate.ts'

const LIST = {
  int: '[1, 2, 3, 4, 5]',
  uint: '[uint(1), uint(2), uint(3), uint(4), uint(5)]',
  string: "['012345678901', '012345678901', '012345678901', '012345678901', '012345678901']",
  bytes: "[bytes('012345678901'), bytes('012345678901'), bytes('012345678901'), bytes('012345678901'), bytes('012345678901')]",
  duration: "[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')]",
}
const TEXT = "'01234567890123456789012345678901234567890123456789'"
const V4 = "ip('192.168.0.1')"
const V6 = "ip('2001:db8:3333:4444:5555:6666:7777:8888')"
const NET = "cidr('192.168.0.0/16')"
const RESOURCE = "authorizer.group('apps').resource('deployments').subresource('status').namespace('test').name('backend')"
const SELECTOR = "'spec.nodeName=example-node-name.fully.qualified.domain.name.example.com'"

/** Upstream's numbers (k8s.io/apiserver/pkg/cel/library/cost_test.go): the least and most estimated, and what a run costs. */
const COSTS: Readonly<Record<string, readonly [min: number, max: number, actual: number]>> = {
  [`${LIST.int}.sum()`]: [15, 15, 15],
  [`${LIST.uint}.sum()`]: [20, 20, 20],
  [`${LIST.string}.isSorted()`]: [15, 25, 15],
  [`${LIST.bytes}.max()`]: [25, 35, 25],
  [`${LIST.duration}.min()`]: [20, 20, 20],
  [`${LIST.uint}.indexOf(uint(3))`]: [21, 21, 21],
  [`${LIST.string}.lastIndexOf('x')`]: [15, 25, 15],
  [`${LIST.bytes}.indexOf(bytes('x'))`]: [26, 36, 26],
  [`${TEXT}.indexOf('123')`]: [5, 5, 5],
  "url('https:://kubernetes.io/').getScheme()": [4, 4, 4],
  "url('https:://kubernetes.io/') == url('https:://kubernetes.io/')": [7, 9, 7],
  "url('https:://kubernetes.io/') == url('http://x.b')": [5, 5, 5],
  [V4]: [2, 2, 2],
  [V6]: [4, 4, 4],
  [`${V6}.family()`]: [5, 5, 5],
  [`${V6} == ${V4}`]: [7, 7, 7],
  [`${V6} == ${V6}`]: [9, 9, 9],
  "ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')": [8, 8, 8],
  [NET]: [2, 2, 2],
  [`${NET}.ip()`]: [3, 3, 3],
  [`${NET}.containsCIDR(cidr('192.0.0.0/30'))`]: [7, 11, 7],
  [`${NET}.containsCIDR('192.0.0.0/30')`]: [7, 11, 7],
  [`${NET}.containsIP(ip('192.0.0.1'))`]: [4, 7, 4],
  [`${NET}.containsIP('192.169.0.1')`]: [5, 8, 5],
  "'abc 123 def 123'.replace('', 'x')": [3, 3, 3],
  "'abc 123 def 123'.replace('123', '456', 1)": [3, 3, 3],
  "'abc 123 def 123'.split(' ')": [3, 3, 3],
  "'abc 123 def 123'.substring(5, 8)": [2, 2, 2],
  "'  abc 123 def 123  '.trim()": [2, 2, 2],
  "['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join(' ')": [11, 23, 15],
  "['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join()": [10, 22, 13],
  "'abc 123 def 123'.find('123')": [2, 2, 2],
  "'abc 123 def 123'.findAll('123', 1)": [2, 2, 2],
  "jsonpatch.escapeKey('abc/def~ abc/def~')": [2, 2, 2],
  "authorizer.path('/healthz')": [2, 2, 2],
  [RESOURCE]: [6, 6, 6],
  [`authorizer.group('').resource('pods').fieldSelector(${SELECTOR})`]: [1821, 1821, 1821],
  "authorizer.path('/healthz').check('get').allowed()": [350_003, 350_003, 350_003],
  [`${RESOURCE}.check('create').error()`]: [350_007, 350_007, 350_007],
  'quantity("12Mi")': [1, 1, 1],
  'quantity("200M") == quantity("0.2G") && quantity("0.2G") == quantity("200M")': [3, 6, 6],
  'quantity("50M").isLessThan(quantity("50Mi"))': [3, 3, 3],
  'quantity("50k").add(20).sub(quantity("100k")).sub(-50000).asInteger() > 0': [7, 7, 7],
  'quantity("50.703k").asApproximateFloat() > 0.0': [3, 3, 3],
  'format.named("dns1123subdomain")': [1, 1, 1],
  'format.named("dns1123Subdomain").value().validate("my-name")': [34, 34, 17],
  'format.named("dns1123Label").value().validate("my-name")': [34, 34, 10],
  'format.named("dns1123Label").value() == format.named("dns1123Label").value()': [5, 11, 5],
  'format.uri().validate("")': [1, 1, 277],
  'format.uuid().validate("2021-01-01")': [33, 33, 37],
  'dyn(1).validate("a")': [33, 33, 2],
  'url("/") == url("/aaaaaaaaaaaa")': [4, 5, 4],
  'url("/aaaaaaaaaaaa") == url("/")': [4, 4, 4],
  'sets.contains([], [])': [21, 21, 21],
  'sets.contains([1, 2, 3, 4], [2, 3])': [29, 29, 29],
  '!sets.contains([1], [1, 2])': [24, 24, 24],
  'sets.equivalent([1, 2, 3], [3, 2, 1])': [39, 39, 39],
  'sets.intersects([[1], [2, 3]], [[1, 2], [2, 3]])': [65, 65, 65],
  'semver("1234.56789012345.67890123456789")': [4, 4, 4],
  'semver("1.0.0").isLessThan(semver("1.1.0"))': [3, 3, 3],
  "{'a': 1, 'b': 2}.all(k, v, v > 0)": [37, 41, 41],
  "{'a': 1, 'b': 2}.exists(k, v, v > 0)": [39, 43, 40],
  "{'a': 1, 'b': 2}.existsOne(k, v, v > 0)": [38, 40, 40],
  "{'a': 1, 'b': 2}.transformMap(k, v, v + 1)": [71, 71, 71],
  "{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)": [67, 75, 75],
  "{'a': 1, 'b': 2}.transformMapEntry(k, v, {k: v + 1})": [131, 131, 131],
  '[1, 2].all(i, v, v > 0)': [17, 21, 21],
  '[1, 2].transformList(i, v, v + 1)': [49, 49, 49],
  '[1, 2].transformList(i, v, v < 5, v + 1)': [27, 53, 53],
}

/** As upstream's own tests have it: what is constant is not computed beforehand. */
const environment = kubernetesEnvironment().extend({
  optimized: false,
  libraries: [jsonPatchLibrary],
  variables: { authorizer: { type: authorizerType } },
})
const authorizer = new Authorizer(() => ({ allowed: true, reason: '' }))

test('estimates and runs cost what they cost upstream', () => {
  for (const [expression, [min, max, actual]] of Object.entries(COSTS)) {
    const program = environment.compile(expression)
    const estimated = estimateCost(program.checked, (_path, { kind }) => (kind === 'string' || kind === 'bytes' ? 12 : undefined))
    assert.deepEqual({ expression, ...estimated }, { expression, min, max })
    let cost: number | undefined
    try {
      ;({ cost } = program.evaluate({ authorizer }))
    } catch (error) {
      // Upstream's own example of a version is none.
      if (expression.startsWith('dyn(1)') && error instanceof EvaluationError) ({ cost } = error)
      else if (!expression.startsWith('semver("1234')) throw error
    }
    if (cost !== undefined) assert.deepEqual({ expression, cost }, { expression, cost: actual })
  }
})

test('whether two amounts are equal has a bound, whether they differ has none, as upstream', () => {
  const most = (expression: string): number => estimateCost(environment.compile(expression).checked, () => undefined).max
  assert.equal(most("quantity('1') == quantity('2')"), 3)
  assert.ok(most("quantity('1') != quantity('2')") > 2 ** 53)
  assert.equal(most("quantity('1') == dyn(2)"), 3)
})

const strings = types.map(types.string, types.string)
const text = 'x'.repeat(500)

/** cel-go's numbers of the language itself (interpreter/runtimecost_test.go). */
const RUNS: readonly (readonly [expression: string, cost: number, type?: types.Type, input?: unknown])[] = [
  ["'Hello World!'", 0],
  ['input', 1, types.list(types.int), [1, 2]],
  ["input['key']", 2, strings, { key: 'v' }],
  ['input[0]', 2, types.list(types.string), ['v']],
  ["input['ke' + 'y']", 3, strings, { key: 'v' }],
  ['input[3-3]', 3, types.list(types.string), ['v']],
  ['has(input.a.b)', 2, types.map(types.string, strings), { a: { b: '0' } }],
  ['[1, 2, 3]', 10],
  ['{"a": 1, "b": 2, "c": 3}', 30],
  ['input.all(x, true)', 2, types.list(types.int), []],
  ['[1, 2, 3].all(x, true)', 20],
  ["input.matches('[0-9]')", 103, types.string, text],
  ["'123'.matches('[0-9]')", 2],
  ['true || false', 0],
  ['1 < 2', 1],
  ['2 in [1, 2, 3]', 13],
  ['true ? 1 : 2', 0],
  ["'12345678901234567890' == '123456789012345678901234567890'", 2],
  ['string(input)', 51, types.bytes, new Uint8Array(500)],
  ['bytes(input)', 51, types.string, text],
  ['input.contains(input)', 2502, types.string, text],
  ['input.startsWith("x")', 51, types.string, text],
  ['input.size()', 2, types.string, '500'],
  ['input.all(k, input[k].a > 3)', 9, types.map(types.string, types.map(types.string, types.int)), { v: { a: 4 } }],
  ['(input.size() > 2 ? input : input).all(y, true)', 7, types.list(types.int), [1]],
]

test('the parts of an expression cost what they cost upstream', () => {
  for (const [expression, wanted, type, input] of RUNS) {
    const variables: Record<string, Variable> = type === undefined ? {} : { input: { type } }
    const { cost } = environment.extend({ variables }).compile(expression).evaluate({ input })
    assert.deepEqual({ expression, cost }, { expression, cost: wanted })
  }
})
