import assert from 'node:assert/strict'
import test from 'node:test'
import { credentialsFor, matchesRegistry } from './pull-credentials.ts'

test('credentials are for a host with its port and the beginning of a path; stars stand within one label', () => {
  const image = 'registry.example.com/team/app:1'
  const fits = (registry: string, reference = image): boolean => matchesRegistry(registry, reference)
  for (const registry of [
    'registry.example.com',
    'https://registry.example.com/v2/',
    'registry.example.com/team',
    '*.example.com',
    'reg*.ex*le.com/team',
  ])
    assert.ok(fits(registry), registry)
  for (const registry of [
    'example.com',
    '*.com',
    'registry.example.com:5000',
    'registry.example.com/other',
    'registry.example.community',
    'reg*x.example.com',
  ])
    assert.ok(!fits(registry), registry)
  assert.ok(fits('localhost:5000', 'localhost:5000/a@sha256:0'))
  assert.ok(fits('https://index.docker.io/v1/', 'docker.io/library/busybox:latest'))
})

test('the longest match comes first, and a secret that is no JSON holds nothing', () => {
  const data = (value: string) => ({ '.dockerconfigjson': Buffer.from(value).toString('base64') })
  const auths = {
    'a.test': { username: 'u', password: 'p', auth: 'ignored' },
    'a.test/team': { auth: 'dTpw' },
    'b.test': { auth: 'no' },
  }
  const secret = { apiVersion: 'v1' as const, kind: 'Secret' as const, type: 'kubernetes.io/dockerconfigjson' }
  assert.deepEqual(credentialsFor({ ...secret, data: data(JSON.stringify({ auths })) }, 'a.test/team/app:1'), [
    { auth: 'dTpw' },
    { username: 'u', password: 'p' },
  ])
  for (const broken of ['{', 'null', '{"auths":null}'])
    assert.deepEqual(credentialsFor({ ...secret, data: data(broken) }, 'a.test/x'), [])
})
