import assert from 'node:assert/strict'
import test from 'node:test'
import { foundBy } from './findings.ts'
import { validateWebhookClient, type WebhookClient } from './webhook-client.ts'

const FORM = '; desired format: https://host[/path]'
const wrong = (url: string, why: string): string =>
  `Required value: url must be a valid URL: parse ${JSON.stringify(url)}: ${why}${FORM}`
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
    ['https://a.b\\@169.254.169.254/', [wrong('https://a.b\\@169.254.169.254/', 'net/url: invalid userinfo')]],
    ['https://a.b/\r\nX: y', [wrong('https://a.b/\r\nX: y', 'net/url: invalid control character in URL')]],
    ['https://a.b:port/', [wrong('https://a.b:port/', 'invalid port ":port" after host')]],
    ['https://[::1/', [wrong('https://[::1/', "missing ']' in host")]],
    ['https://[x]/', [wrong('https://[x]/', 'invalid host: ParseAddr("x"): unable to parse IP')]],
    ['https://a b/', [wrong('https://a b/', 'invalid character " " in host name')]],
    ['https://a/%zz', [wrong('https://a/%zz', 'invalid URL escape "%zz"')]],
    ['https://a.b%41/', [wrong('https://a.b%41/', 'invalid URL escape "%41"')]],
    ['https://u%zz@a/', [wrong('https://u%zz@a/', 'invalid URL escape "%zz"')]],
    [':x', [wrong(':x', 'missing protocol scheme')]],
    [
      'a:1/b:c',
      [`Invalid value: "a": 'https' is the only allowed URL scheme${FORM}`, `Invalid value: "": host must be specified${FORM}`],
    ],
    ['1:a', [wrong('1:a', 'first path segment in URL cannot contain colon')]],
    ['https://a/b c', []],
    ['https://é/', []],
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
  assert.deepEqual(findings({ service: {} }), ['c.service.name: Required value', 'c.service.namespace: Required value'])
  for (const both of [{}, { url: 'https://a.b', service }])
    assert.deepEqual(findings(both), ['c: Required value: exactly one of url or service is required'])
})

test('what is missing of a Service is told the other way round, as upstream tells it', () => {
  assert.deepEqual(findings({ service: { namespace: 'work' } }), ['c.service.namespace: Required value'])
  assert.deepEqual(findings({ service: { name: 'hook' } }), ['c.service.name: Required value'])
})
