import assert from 'node:assert/strict'
import test from 'node:test'
import { foundBy } from './findings.ts'
import { validateWebhookClient, type WebhookClient } from './webhook-client.ts'

const FORM = '; desired format: https://host[/path]'
const findings = (client: WebhookClient): string[] =>
  foundBy((found) => validateWebhookClient(client, 'c', found)).map(({ field, message }) => `${field}: ${message}`)

test('a webhook’s URL is https and says where, and nothing else', () => {
  const table: readonly [url: string, expected: readonly string[]][] = [
    ['https://hooks.example.com/judge', []],
    ['https://10.0.0.1:8443', []],
    // Loopback is allowed, as upstream: whoever runs the API server may have a webhook beside it.
    ['https://127.0.0.1:8443/judge', []],
    ['https://[::1]:8443/judge', []],
    ['HTTPS://hooks.example.com', []],
    ['http://hooks.example.com', [`Invalid value: "http": 'https' is the only allowed URL scheme${FORM}`]],
    [
      'file:///etc/passwd',
      [
        `Invalid value: "file": 'https' is the only allowed URL scheme${FORM}`,
        `Invalid value: "": host must be specified${FORM}`,
      ],
    ],
    [
      'hooks.example.com',
      [`Invalid value: "": 'https' is the only allowed URL scheme${FORM}`, `Invalid value: "": host must be specified${FORM}`],
    ],
    ['https:hooks.example.com', [`Invalid value: "": host must be specified${FORM}`]],
    ['https:///judge', [`Invalid value: "": host must be specified${FORM}`]],
    ['https://me:secret@hooks.example.com', ['Invalid value: "me:secret": user information is not permitted in the URL']],
    [
      'https://hooks.example.com@169.254.169.254/',
      ['Invalid value: "hooks.example.com": user information is not permitted in the URL'],
    ],
    ['https://a.b/#there', ['Invalid value: "there": fragments are not permitted in the URL']],
    ['https://a.b/?user=me', ['Invalid value: "user=me": query parameters are not permitted in the URL']],
    ['https://a.b\\@169.254.169.254/', [`Required value: url must be a valid URL${FORM}`]],
    ['https://a.b/\r\nX: y', [`Required value: url must be a valid URL${FORM}`]],
    ['https://a.b:port/', [`Required value: url must be a valid URL${FORM}`]],
    ['https://[::1/', [`Required value: url must be a valid URL${FORM}`]],
  ]
  for (const [url, expected] of table)
    assert.deepEqual(
      findings({ url }),
      expected.map((each) => `c.url: ${each}`),
      url,
    )
})

test('the path of a webhook’s Service is a row of names, none of which climbs or is encoded', () => {
  const service = { name: 'hook', namespace: 'work' }
  for (const path of ['', '/', '/judge', '/judge/', '/a/b.c'] as const)
    assert.deepEqual(findings({ service: { ...service, path } }), [], path)
  const table: readonly [path: string, expected: RegExp][] = [
    ['judge', /^c.service.path: Invalid value: "judge": must start with a '\/'$/],
    ['//', /segment\[0\] may not be empty$/],
    ['/a//b', /segment\[1\] may not be empty$/],
    ['/../api', /segment\[0\]: a lowercase RFC 1123 subdomain/],
    ['/a/%2e%2e', /segment\[1\]: a lowercase RFC 1123 subdomain/],
    ['/a?timeout=1h', /segment\[0\]: a lowercase RFC 1123 subdomain/],
    ['/a b', /segment\[0\]: a lowercase RFC 1123 subdomain/],
  ]
  for (const [path, expected] of table) assert.match(findings({ service: { ...service, path } })[0] ?? '', expected, path)
  assert.deepEqual(findings({ service: { ...service, port: 0 } }), [
    'c.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
  ])
  assert.deepEqual(findings({ service: {} }), [
    'c.service.name: Required value: service name is required',
    'c.service.namespace: Required value: service namespace is required',
  ])
  for (const both of [{}, { url: 'https://a.b', service }])
    assert.deepEqual(findings(both), ['c: Required value: exactly one of url or service is required'])
})
