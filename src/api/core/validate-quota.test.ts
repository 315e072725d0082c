import assert from 'node:assert/strict'
import test from 'node:test'
import type { ResourceQuotaSpec } from '../generated/types.ts'
import { foundBy } from '../validation/findings.ts'
import { validateQuota } from './validate-quota.ts'

const findings = (spec: ResourceQuotaSpec): string[] =>
  foundBy((found) => validateQuota(spec, found)).map(({ field, message }) => `${field}: ${message}`)
const selected = (scopeName: string, operator: string, values?: string[]): ResourceQuotaSpec => ({
  scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values && { values }) }] },
})
const EXPRESSIONS = 'spec.scopeSelector.matchExpressions'

test('quotas limit standard resources, counts of any kind, and extended resources', () => {
  const fine = {
    pods: '3',
    cpu: '1500m',
    'count/widgets.example.com': '1',
    'requests.example.com/gpu': '2',
    'requests.hugepages-2Mi': '4Mi',
  }
  assert.deepEqual(
    findings({ hard: { ...fine, services: '2000m', 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' } }),
    [],
  )
  assert.deepEqual(findings({ hard: { pods: '1500m', widgets: '1', memory: '-1', secrets: 'many' } }), [
    'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    'spec.hard[widgets]: Invalid value: "widgets": must be a standard resource for quota',
    'spec.hard[memory]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.hard[secrets]: Invalid value: "many": must be a valid resource quantity',
  ])
})

test('scopes are known, go with what they scope, and do not exclude each other', () => {
  assert.deepEqual(findings({ hard: { pods: '1', cpu: '1' }, scopes: ['NotBestEffort', 'Terminating'] }), [])
  assert.deepEqual(findings({ scopes: ['Odd'] }), ['spec.scopes: Invalid value: ["Odd"]: unsupported scope'])
  assert.deepEqual(findings({ hard: { cpu: '1', pods: '1' }, scopes: ['BestEffort'] }), [
    'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
  ])
  assert.deepEqual(findings({ scopes: ['BestEffort', 'NotBestEffort'] }), [
    'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
  ])
})

test('scope selectors have operators and values that fit', () => {
  assert.deepEqual(findings(selected('PriorityClass', 'In', ['high'])), [])
  assert.deepEqual(findings(selected('Terminating', 'Exists')), [])
  assert.deepEqual(findings(selected('PriorityClass', 'In')), [
    `${EXPRESSIONS}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
  ])
  assert.deepEqual(findings(selected('PriorityClass', 'Exists', ['x'])), [
    `${EXPRESSIONS}.values: Invalid value: ["x"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
  ])
  assert.deepEqual(findings(selected('PriorityClass', 'Like', ['x'])), [
    `${EXPRESSIONS}.operator: Invalid value: "Like": not a valid selector operator`,
  ])
  assert.deepEqual(findings(selected('Odd', 'Exists')), [`${EXPRESSIONS}.scopeName: Invalid value: "Odd": unsupported scope`])
  assert.match(
    findings(selected('BestEffort', 'In', ['x']))[0] ?? '',
    /operator: Invalid value: "In": must be 'Exist' when scope is any of/,
  )
})
