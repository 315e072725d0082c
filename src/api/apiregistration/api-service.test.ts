import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import { apiServices } from './api-service.ts'

const service = { namespace: 'work', name: 'front', port: 443 }
const of = (spec: object, name?: string): object => {
  const whole = { group: 'metrics.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100, service, ...spec }
  return { metadata: { name: name ?? `${whole.version}.${whole.group}` }, spec: whole }
}

test('group and version of an APIService are names, since they become paths; TLS is skipped only where nobody is trusted', () => {
  const table: readonly [what: string, object: object, findings: readonly (string | RegExp)[]][] = [
    ['fine', of({}), []],
    ['the core group', of({ group: '', service: undefined }), []],
    ['fine, without TLS', of({ insecureSkipTLSVerify: true }), []],
    ['another name', of({}, 'v1.other'), [/^metadata.name: Invalid value: "v1.other": must be `spec.version/]],
    ['a name that is no part of a path', of({}, 'v1/x'), []],
    [
      'a group that climbs',
      of({ group: '../../api' }, 'x'),
      [/^metadata.name: /, /^spec.group: Invalid value: "..\/..\/api": a lowercase RFC 1123 subdomain/],
    ],
    [
      'a version that climbs',
      of({ version: '..' }, '...metrics.example.com'),
      [/^spec.version: Invalid value: "..": a DNS-1035 label/],
    ],
    [
      'no group',
      of({ group: '', version: 'v2' }),
      ['spec.group: Required value: only v1 may have an empty group and it better be legacy kube'],
    ],
    [
      'priorities',
      of({ groupPriorityMinimum: 20_001, versionPriority: 0 }),
      [
        'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
        'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
      ],
    ],
    [
      'no port',
      of({ service: { ...service, port: 70_000 } }),
      ['spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive'],
    ],
    ['nobody', of({ service: {} }), ['spec.service.namespace: Required value', 'spec.service.name: Required value']],
    [
      'both',
      of({ insecureSkipTLSVerify: true, caBundle: 'YWJj' }),
      ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
    ],
    [
      'local',
      of({ service: undefined, insecureSkipTLSVerify: true, caBundle: 'YWJj' }),
      [
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
      ],
    ],
  ]
  for (const [what, object, expected] of table) {
    const findings = findingsOf(apiServices, object)
    assert.equal(findings.length, expected.length, `${what}: ${findings.join('\n')}`)
    for (const [index, each] of expected.entries()) {
      if (typeof each === 'string') assert.equal(findings[index], each, what)
      else assert.match(findings[index]!, each, what)
    }
  }
})

test('conditions of an APIService are true, false or unknown', () => {
  const found = (status: string): string[] =>
    changeFindings(
      apiServices,
      of({}),
      (draft) => void (draft.status = { conditions: [{ type: 'Available', status }] }),
      'status',
    )
  assert.deepEqual(found('Unknown'), [])
  const rule = 'supported values: "True", "False", "Unknown"'
  assert.deepEqual(found('Yes'), [`status.conditions[0].status: Unsupported value: "Yes": ${rule}`])
})
