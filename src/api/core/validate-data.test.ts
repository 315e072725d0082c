import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import { configMaps, endpoints, limitRanges, namespaces, resourceQuotas, secrets } from '../index.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('a configuration of Docker is an object; why it is none is told as Go tells it, without its content', () => {
  const findings = (text: string): string[] =>
    findingsOf(secrets, { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(text) } })
  const WHERE = 'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>":'
  assert.deepEqual(findings('{"auths":{}}'), [])
  assert.deepEqual(findings('null'), [])
  assert.deepEqual(findings(''), [`${WHERE} unexpected end of JSON input`])
  assert.deepEqual(findings('auths'), [`${WHERE} invalid character 'a' looking for beginning of value`])
  assert.deepEqual(findings('[]'), [`${WHERE} json: cannot unmarshal array into Go value of type map[string]interface {}`])
  assert.deepEqual(findings('true'), [`${WHERE} json: cannot unmarshal bool into Go value of type map[string]interface {}`])
})

test('what an update may not change is told before what is wrong with it', () => {
  const FROZEN = 'data: Forbidden: field is immutable when `immutable` is set'
  const wrong = (draft: { data?: Record<string, string> }): void => {
    draft.data = { 'a b': '' }
  }
  for (const resource of [configMaps, secrets]) {
    const [first, second] = changeFindings(resource as typeof configMaps, { immutable: true, data: { a: '' } }, wrong)
    assert.equal(first, FROZEN)
    assert.match(second!, /^data\[a b\]: Invalid value/)
  }
})

test("a quota's status has names and amounts as its spec, and scopes are a set", () => {
  const status = { hard: { widgets: '1' }, used: { pods: '1500m', 'example.com/gpu': '0.5' } }
  assert.deepEqual(
    changeFindings(resourceQuotas, { spec: {} }, (draft) => void Object.assign(draft, { status }), 'status'),
    [
      'status.hard[widgets]: Invalid value: "widgets": must be a standard resource for quota',
      'status.used[pods]: Invalid value: "1500m": must be an integer',
      'status.used[example.com/gpu]: Invalid value: "0.5": must be an integer',
    ],
  )
  const scopes = ['Terminating', 'PriorityClass']
  const change = (to: string[]): string[] =>
    changeFindings(resourceQuotas, { spec: { scopes } }, ({ spec }) => void (spec!.scopes = to))
  assert.deepEqual(change(scopes.toReversed()), [])
  assert.deepEqual(change(['Terminating']), ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'])
  const matchExpressions = [{ scopeName: 'BestEffort', operator: 'Exists' }]
  assert.deepEqual(findingsOf(resourceQuotas, { spec: { hard: { cpu: '1' }, scopeSelector: { matchExpressions } } }), [
    'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"Exists","Values":null}]}: unsupported scope applied to resource',
  ])
})

test("a namespace's phase follows from its deletion, and its finalizers are Kubernetes' or of a domain", () => {
  const change = (phase: string, metadata: object = {}): string[] =>
    changeFindings(namespaces, { metadata: { name: 'n', ...metadata } }, (draft) => void (draft.status = { phase }), 'status')
  assert.deepEqual(change('Active'), [])
  assert.deepEqual(change('Terminating'), [
    'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  ])
  assert.deepEqual(change('Active', { deletionTimestamp: '2026-01-01T00:00:00Z' }), [
    'status.Phase: Invalid value: "Active": may only be \'Terminating\' if `deletionTimestamp` is not empty',
  ])
  assert.deepEqual(findingsOf(namespaces, { spec: { finalizers: ['a.example.com/b', 'mine'] } }), [
    'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ])
})

test('what is shared by nobody has one amount for both, and an address that is none is told of twice', () => {
  const limits = [
    { type: 'Container', default: { 'requests.example.com/a': '2' }, defaultRequest: { 'requests.example.com/a': '1' } },
  ]
  assert.ok(findingsOf(limitRanges, { spec: { limits } }).some((each) => each.includes('must equal to defaultRequest value 1')))
  const named = { type: 'Pod', max: { constructor: '1' }, maxLimitRequestRatio: { toString: '2' } }
  assert.ok(findingsOf(limitRanges, { spec: { limits: [named] } }).every((each) => each.includes('must be a standard')))
  assert.deepEqual(findingsOf(endpoints, { subsets: [{ addresses: [{ ip: 'x' }] }] }), [
    'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
  ])
})
