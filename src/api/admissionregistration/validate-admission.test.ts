import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import {
  loadExpressions,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  type ValidatingAdmissionPolicy,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from '../index.ts'

await loadExpressions()

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
const hook = (fields: object): object => ({
  webhooks: [
    {
      name: 'a.b.c',
      rules: [rule],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: 'https://a.b/c' },
      ...fields,
    },
  ],
})
const W = 'webhooks[0]'
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const FORM = 'desired format: https://host[/path]'
const policy = (fields: object): object => ({
  spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true' }], ...fields },
})
const mutating = (fields: object, operations = ['CREATE']): object => ({
  spec: { matchConstraints: { resourceRules: [{ ...rule, operations }] }, ...fields },
})
const binding = (fields: object): object => ({ spec: { policyName: 'p', validationActions: ['Deny'], ...fields } })
const LABEL_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  ['sound', validatingWebhookConfigurations, hook({}), []],
  ['no name', validatingWebhookConfigurations, hook({ name: '' }), [`${W}.name: Required value`]],
  ['no domain', validatingWebhookConfigurations, hook({ name: 'A_B' }), [`${W}.name: Invalid value: "A_B": ${SUBDOMAIN}`]],
  [
    'a domain of nobody',
    validatingWebhookConfigurations,
    hook({ name: 'a.b' }),
    [`${W}.name: Invalid value: "a.b": should be a domain with at least three segments separated by dots`],
  ],
  [
    'stars beside what they stand for',
    validatingWebhookConfigurations,
    hook({
      rules: [
        {
          operations: ['*', 'PATCH'],
          apiGroups: ['*', 'apps'],
          apiVersions: ['*', ''],
          resources: ['pods/*', 'pods/status', '*/scale', 'jobs/scale', '*', 'pods', '*/*'],
          scope: 'Local',
        },
        { operations: [], apiGroups: [], apiVersions: [], resources: [] },
      ],
    }),
    [
      `${W}.rules[0].operations: Invalid value: ["*","PATCH"]: if '*' is present, must not specify other operations`,
      `${W}.rules[0].operations[1]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
      `${W}.rules[0].apiGroups: Invalid value: ["*","apps"]: if '*' is present, must not specify other API groups`,
      `${W}.rules[0].apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions`,
      `${W}.rules[0].apiVersions[1]: Required value`,
      `${W}.rules[0].resources[1]: Invalid value: "pods/status": if 'pods/*' is present, must not specify pods/status`,
      `${W}.rules[0].resources[3]: Invalid value: "jobs/scale": if '*/scale' is present, must not specify jobs/scale`,
      `${W}.rules[0].resources: Invalid value: ["pods/*","pods/status","*/scale","jobs/scale","*","pods","*/*"]: if '*/*' is present, must not specify other resources`,
      `${W}.rules[0].resources: Invalid value: ["pods/*","pods/status","*/scale","jobs/scale","*","pods","*/*"]: if '*' is present, must not specify other resources without subresources`,
      `${W}.rules[0].scope: Unsupported value: "Local": supported values: "*", "Cluster", "Namespaced"`,
      ...['operations', 'apiGroups', 'apiVersions', 'resources'].map((key) => `${W}.rules[1].${key}: Required value`),
    ],
  ],
  [
    'words of no set',
    mutatingWebhookConfigurations,
    hook({ failurePolicy: 'Shrug', matchPolicy: 'Alike', sideEffects: 'Some', timeoutSeconds: 31, reinvocationPolicy: 'Often' }),
    [
      `${W}.failurePolicy: Unsupported value: "Shrug": supported values: "Fail", "Ignore"`,
      `${W}.matchPolicy: Unsupported value: "Alike": supported values: "Equivalent", "Exact"`,
      `${W}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`,
      `${W}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`,
      `${W}.reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"`,
    ],
  ],
  [
    'a URL with more than a host and a path',
    validatingWebhookConfigurations,
    hook({ clientConfig: { url: 'http://me@a.b/c?d=e#f' } }),
    [
      `${W}.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; ${FORM}`,
      `${W}.clientConfig.url: Invalid value: "me": user information is not permitted in the URL`,
      `${W}.clientConfig.url: Invalid value: "f": fragments are not permitted in the URL`,
      `${W}.clientConfig.url: Invalid value: "d=e": query parameters are not permitted in the URL`,
    ],
  ],
  [
    'a URL of a path alone',
    validatingWebhookConfigurations,
    hook({ clientConfig: { url: '/c' } }),
    [
      `${W}.clientConfig.url: Invalid value: "": 'https' is the only allowed URL scheme; ${FORM}`,
      `${W}.clientConfig.url: Invalid value: "": host must be specified; ${FORM}`,
    ],
  ],
  [
    'a Service that is none',
    validatingWebhookConfigurations,
    hook({ clientConfig: { service: { port: 65_536, path: 'a//B' } }, sideEffects: undefined, admissionReviewVersions: [] }),
    [
      `${W}.sideEffects: Required value: must specify one of None, NoneOnDryRun`,
      `${W}.clientConfig.service.name: Required value`,
      `${W}.clientConfig.service.namespace: Required value`,
      `${W}.clientConfig.service.port: Invalid value: 65536: port is not valid: must be between 1 and 65535, inclusive`,
      `${W}.clientConfig.service.path: Invalid value: "a//B": must start with a '/'`,
      `${W}.clientConfig.service.path: Invalid value: "a//B": segment[0] may not be empty`,
      `${W}.clientConfig.service.path: Invalid value: "a//B": segment[1] may not be empty`,
      `${W}.clientConfig.service.path: Invalid value: "a//B": segment[2]: ${SUBDOMAIN}`,
      `${W}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`,
    ],
  ],
  [
    'reviews in no known version',
    validatingWebhookConfigurations,
    hook({ clientConfig: {}, admissionReviewVersions: ['v2', 'v2', 'V'], matchConditions: [{ name: '', expression: ' ' }] }),
    [
      `${W}.clientConfig: Required value: exactly one of url or service is required`,
      `${W}.matchConditions[0].expression: Required value`,
      `${W}.matchConditions[0].name: Required value`,
      `${W}.admissionReviewVersions[1]: Invalid value: "v2": duplicate version`,
      `${W}.admissionReviewVersions[2]: Invalid value: "V": ${LABEL_1035}`,
      `${W}.admissionReviewVersions: Invalid value: ["v2","v2","V"]: must include at least one of v1, v1beta1`,
    ],
  ],
  ['a sound policy', validatingAdmissionPolicies, policy({}), []],
  [
    'a policy about nothing',
    validatingAdmissionPolicies,
    { spec: { paramKind: { apiVersion: 'a/b/c', kind: '1' }, matchConstraints: {} } },
    [
      'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
      `spec.paramKind.kind: Invalid value: "1": may have mixed case, but should otherwise match: ${LABEL_1035}`,
      'spec.matchConstraints.resourceRules: Required value',
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
      'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
    ],
  ],
  [
    'parameters of no version',
    validatingAdmissionPolicies,
    policy({ paramKind: { apiVersion: 'A/', kind: '' } }),
    [
      `spec.paramKind.apiVersion: Invalid value: "A": ${SUBDOMAIN}`,
      'spec.paramKind.apiVersion: Invalid value: "A/": version must be specified',
      'spec.paramKind.kind: Required value',
    ],
  ],
  [
    'names that the language keeps, and empty words',
    validatingAdmissionPolicies,
    policy({
      variables: [
        { name: 'for', expression: '1' },
        { name: ' ', expression: '' },
      ],
      validations: [
        { expression: ' ', messageExpression: ' ', message: ' ', reason: 'Unauthorized' },
        { expression: 'true', message: 'a\nb' },
      ],
      auditAnnotations: [
        { key: 'k', valueExpression: ' ' },
        { key: 'k', valueExpression: 'x'.repeat(5121) },
      ],
    }),
    [
      'spec.variables[0].name: Invalid value: "for": must be a valid CEL identifier',
      'spec.variables[1].name: Required value: name is not specified',
      'spec.variables[1].expression: Required value: expression is not specified',
      'spec.validations[0].expression: Required value: expression is not specified',
      'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].message: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      'spec.validations[1].message: Invalid value: "a\\nb": must not contain line breaks',
      'spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified',
      'spec.auditAnnotations[1].valueExpression: Required value: must not exceed 5120 bytes in length',
      'spec.auditAnnotations[1].key: Duplicate value: "k"',
    ],
  ],
  [
    'names of resources',
    validatingAdmissionPolicies,
    policy({ matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['a/b', 'c', 'c'] }] } }),
    [
      `spec.matchConstraints.resourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain '/'`,
      'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "c"',
    ],
  ],
  [
    'changes of what is gone',
    mutatingAdmissionPolicies,
    mutating({ mutations: [{ patchType: 'JSONPatch', applyConfiguration: { expression: 'x' } }, { patchType: 'Glue' }, {}] }, [
      'DELETE',
    ]),
    [
      'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
      'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
      'spec.mutations[1].patchType: Unsupported value: "Glue": supported values: "ApplyConfiguration", "JSONPatch"',
      'spec.mutations[2].patchType: Required value',
    ],
  ],
  [
    'no changes',
    mutatingAdmissionPolicies,
    mutating({ reinvocationPolicy: 'Often' }),
    [
      'spec.mutations: Required value: mutations must contain at least one item',
      'spec.reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"',
    ],
  ],
  ['a sound binding', validatingAdmissionPolicyBindings, binding({ paramRef: { name: 'x' } }), []],
  [
    'parameters by two ways',
    validatingAdmissionPolicyBindings,
    binding({
      policyName: 'A',
      paramRef: { name: 'a/b', selector: {}, parameterNotFoundAction: 'Shrug' },
      validationActions: ['Deny', 'Warn', 'Sigh', 'Deny'],
    }),
    [
      `spec.policyName: Invalid value: "A": ${SUBDOMAIN}`,
      `spec.paramRef.name: Invalid value: "a/b": may not contain '/'`,
      'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.parameterNotFoundAction: Unsupported value: "Shrug": supported values: "Deny", "Allow"',
      'spec.validationActions[2]: Unsupported value: "Sigh": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions[3]: Duplicate value: "Deny"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Sigh","Deny"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  ],
  [
    'parameters by none',
    mutatingAdmissionPolicyBindings,
    { spec: { paramRef: {}, matchResources: { resourceRules: [{ ...rule, operations: ['DELETE'] }] } } },
    [
      'spec.policyName: Required value',
      'spec.paramRef: Required value: one of name or selector must be specified',
      'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
  ],
]

for (const [name, resource, object, expected] of cases)
  test(`admission: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object), expected))

test('conditions are whole, and there is one of a type', () => {
  const found = changeFindings(
    validatingAdmissionPolicies,
    policy({}),
    (draft: ValidatingAdmissionPolicy) => {
      const sound = { type: 'A', status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
      draft.status = {
        typeChecking: { expressionWarnings: [{ fieldRef: '', warning: '' }] },
        conditions: [
          sound,
          { ...sound, status: 'Maybe', reason: '', lastTransitionTime: '' },
          { ...sound, type: 'B', reason: '1', observedGeneration: -1 },
        ],
      } as never
    },
    'status',
  )
  assert.deepEqual(found, [
    'status.typeChecking.expressionWarnings[0].warning: Required value',
    'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
    'status.conditions[1].type: Duplicate value: "A"',
    'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
    'status.conditions[1].lastTransitionTime: Required value',
    'status.conditions[1].reason: Required value',
    'status.conditions[2].observedGeneration: Invalid value: -1: must be greater than or equal to zero',
    "status.conditions[2].reason: Invalid value: \"1\": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
  ])
})

test('what was wrong with webhooks before may stay so, as long as it stays', () => {
  const wrong = {
    sideEffects: 'Some',
    admissionReviewVersions: ['v9'],
    matchConditions: [{ name: '', expression: '' }],
  }
  const { webhooks } = hook(wrong) as { webhooks: object[] }
  const old = { webhooks: [...webhooks, ...webhooks] }
  const changed = (resource: unknown, from: object, to: object): string[] =>
    changeFindings(resource as typeof validatingWebhookConfigurations, from, (draft) => {
      for (const webhook of draft.webhooks!) Object.assign(webhook, to)
    })
  for (const resource of [validatingWebhookConfigurations, mutatingWebhookConfigurations]) {
    assert.deepEqual(changed(resource, old, { timeoutSeconds: 5 }), [])
    assert.deepEqual(
      changed(resource, old, { sideEffects: 'Odd', matchConditions: [{ name: 'a', expression: '' }] }),
      ['webhooks[0]', 'webhooks[1]'].flatMap((path) => [
        `${path}.sideEffects: Unsupported value: "Odd": supported values: "None", "NoneOnDryRun", "Some", "Unknown"`,
        `${path}.matchConditions[0].expression: Required value`,
      ]),
    )
    assert.deepEqual(changed(resource, hook({}), { sideEffects: 'Some', admissionReviewVersions: ['v9'] }), [
      `${W}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`,
      `${W}.admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1`,
    ])
  }
})
