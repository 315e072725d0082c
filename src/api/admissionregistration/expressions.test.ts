import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, made } from '#testing'
import {
  loadExpressions,
  mutatingAdmissionPolicies,
  validatingAdmissionPolicies,
  validatingWebhookConfigurations,
} from '../index.ts'

await loadExpressions()

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
const policy = (spec: object): object => ({
  metadata: { name: 'p' },
  spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true' }], ...spec },
})
const mutating = (mutation: object, spec: object = {}): object => ({
  spec: { matchConstraints: { resourceRules: [rule] }, mutations: [mutation], ...spec },
})
const patch = (expression: string): object => ({ patchType: 'JSONPatch', jsonPatch: { expression } })
const apply = (expression: string): object => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const condition = (expression: string): object => ({ name: 'c', expression })
const webhooks = (...conditions: object[]): object => ({
  webhooks: [
    {
      name: 'a.b.c',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: 'https://a.b/c' },
      matchConditions: conditions,
    },
  ],
})

const undeclared = (text: string, name: string, column = 1): string =>
  `${JSON.stringify(text)}: compilation failed: ERROR: <input>:1:${column}: undeclared reference to '${name}' (in container '')\n | ${text}\n | ${'.'.repeat(column - 1)}^`

const CASES: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  [
    'faults of every sort, each in its place',
    validatingAdmissionPolicies,
    policy({
      failurePolicy: 'Maybe',
      matchConditions: [{ name: '', expression: ' 1 ' }],
      variables: [{ name: 'a', expression: 'object.' }],
      validations: [{ expression: '1', messageExpression: '2', message: ' ', reason: 'Odd' }],
      auditAnnotations: [{ key: 'k', valueExpression: ' 3' }],
    }),
    [
      'spec.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
      'spec.matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int',
      'spec.matchConditions[0].name: Required value',
      'spec.variables[0].expression: Invalid value: "object.": compilation failed: ERROR: <input>:1:8: Syntax error: no viable alternative at input \'.\'\n | object.\n | .......^',
      'spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int',
      'spec.validations[0].messageExpression: Invalid value: "2": must evaluate to string but got int',
      'spec.validations[0].message: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].reason: Unsupported value: "Odd": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      'spec.auditAnnotations[0].valueExpression: Invalid value: " 3": must evaluate to one of [string null_type] but got int',
    ],
  ],
  [
    'what is known only when it runs is not known to be true or false',
    validatingAdmissionPolicies,
    policy({ validations: [{ expression: 'object.spec.paused' }] }),
    ['spec.validations[0].expression: Invalid value: "object.spec.paused": must evaluate to bool but got dyn'],
  ],
  [
    'variables, of those that came before',
    validatingAdmissionPolicies,
    policy({
      variables: [
        { name: 'a', expression: '1' },
        { name: 'b', expression: 'variables.a == 1' },
      ],
      validations: [{ expression: 'variables.b', messageExpression: "'a is ' + string(variables.a)" }],
    }),
    [],
  ],
  [
    'no variables where none are declared',
    validatingAdmissionPolicies,
    policy({ validations: [{ expression: 'variables.a' }] }),
    [`spec.validations[0].expression: Invalid value: ${undeclared('variables.a', 'variables')}`],
  ],
  [
    'no variables in conditions',
    validatingAdmissionPolicies,
    policy({ variables: [{ name: 'a', expression: 'true' }], matchConditions: [condition('variables.a')] }),
    [`spec.matchConditions[0].expression: Invalid value: ${undeclared('variables.a', 'variables')}`],
  ],
  [
    'no questions of permission in messages',
    validatingAdmissionPolicies,
    policy({
      validations: [
        {
          expression: "authorizer.path('/healthz').check('get').allowed()",
          messageExpression: "authorizer.path('/healthz').check('get').reason()",
        },
      ],
    }),
    [
      `spec.validations[0].messageExpression: Invalid value: ${undeclared("authorizer.path('/healthz').check('get').reason()", 'authorizer')}`,
    ],
  ],
  [
    'nothing but a null or a text is annotated',
    validatingAdmissionPolicies,
    policy({
      auditAnnotations: [
        { key: 'a', valueExpression: 'null' },
        { key: 'b', valueExpression: "'x'" },
      ],
    }),
    [],
  ],
  [
    'a list of anything is no list of patches',
    mutatingAdmissionPolicies,
    mutating(patch('[]')),
    ['spec.mutations[0].jsonPatch.expression: Invalid value: "[]": must evaluate to list(JSONPatch) but got list(dyn)'],
  ],
  ['patches', mutatingAdmissionPolicies, mutating(patch(' true ? [JSONPatch{op: "remove", path: "/spec/x"}] : []')), []],
  [
    'a map is no object',
    mutatingAdmissionPolicies,
    mutating(apply("{'spec': 1}")),
    [
      'spec.mutations[0].applyConfiguration.expression: Invalid value: "{\'spec\': 1}": must evaluate to Object but got map(string, int)',
    ],
  ],
  ['an object', mutatingAdmissionPolicies, mutating(apply('Object{spec: Object.spec{replicas: 1}}')), []],
  [
    'parameters of nothing',
    validatingWebhookConfigurations,
    webhooks(condition('params.x')),
    [`webhooks[0].matchConditions[0].expression: Invalid value: ${undeclared('params.x', 'params')}`],
  ],
]

for (const [name, resource, object, expected] of CASES) {
  test(`expressions: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object as never), expected))
}

/** What is said of an update that makes one object of another. */
const changed = (resource: unknown, was: object, now: object): string[] =>
  changeFindings(resource as never, was, (draft: object) => Object.assign(draft, made(resource as never, now)))

test('conditions stay as they are until they, or what they are about, change', () => {
  const old = policy({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, matchConditions: [condition('params.x == old()')] })
  const labelled = { ...old, metadata: { name: 'p', labels: { a: 'b' } } }
  assert.deepEqual(changed(validatingAdmissionPolicies, old, labelled), [])
  const bare = policy({ matchConditions: [condition('params.x == old()')] })
  const [first] = changed(validatingAdmissionPolicies, old, bare)
  assert.match(first ?? '', /^spec\.matchConditions\[0\]\.expression: Invalid value: .*undeclared reference to 'params'/)
})

test('what else an update leaves as it was is judged by what it now means', () => {
  const validations = [{ expression: 'params.data.size() > 1' }]
  const old = policy({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations })
  const [first] = changed(validatingAdmissionPolicies, old, policy({ validations }))
  assert.match(first ?? '', /^spec\.validations\[0\]\.expression: Invalid value: .*undeclared reference to 'params'/)
})

test('a selector of a webhook that was wrong before may have any value', () => {
  const selecting = (...values: string[]): object => {
    const [webhook] = (webhooks() as { webhooks: object[] }).webhooks
    return { webhooks: [{ ...webhook, objectSelector: { matchExpressions: [{ key: 'a', operator: 'In', values }] } }] }
  }
  assert.deepEqual(changed(validatingWebhookConfigurations, selecting('-'), selecting('-', '_')), [])
  assert.equal(changed(validatingWebhookConfigurations, selecting('x'), selecting('-')).length, 1)
})

test('places of warnings are paths', () => {
  const place = (fieldRef: string): string[] =>
    changeFindings(
      validatingAdmissionPolicies,
      policy({}),
      (draft) => void (draft.status = { typeChecking: { expressionWarnings: [{ fieldRef, warning: 'w' }] } }),
      'status',
    )
  assert.deepEqual(place('spec.validations[0].expression'), [])
  assert.deepEqual(place(' '), ['status.typeChecking.expressionWarnings[0].fieldRef: Required value'])
  assert.match(
    place('spec[')[0] ?? '',
    /^status\.typeChecking\.expressionWarnings\[0\]\.fieldRef: Invalid value: "spec\[": invalid JSONPath: /,
  )
})
