import assert from 'node:assert/strict'
import test from 'node:test'
import { elementAt } from './der.ts'
import { requestedNames } from './requested-names.ts'

const der = (tag: number, ...parts: (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const EXTENSION_REQUEST = Buffer.from('06092a864886f70d01090e', 'hex')
const CHALLENGE = Buffer.from('06092a864886f70d010907', 'hex')
const NAMES = Buffer.from('0603551d11', 'hex')
const USAGE = Buffer.from('0603551d0f', 'hex')
const extension = (type: Buffer, value: Buffer, ...critical: Buffer[]): Buffer => der(0x30, type, ...critical, der(0x04, value))
const attribute = (type: Buffer, ...values: Buffer[]): Buffer => der(0x30, type, der(0x31, ...values))
const names = (...each: Buffer[]): Buffer => extension(NAMES, der(0x30, ...each))
const asks = (...extensions: Buffer[]): Buffer => attribute(EXTENSION_REQUEST, der(0x30, ...extensions))
const read = (...attributes: Buffer[]): object => requestedNames(elementAt(der(0xa0, ...attributes)))
const found = (given: object): object => ({ dnsNames: [], emailAddresses: [], ipAddresses: [], uris: [], ...given })

test('names of four kinds are found, and others are passed over', () => {
  const ipv6 = Buffer.from('20010db8000000000000000000000001', 'hex')
  const all = names(
    der(0x82, 'a.example'),
    der(0x81, 'ann@example.com'),
    der(0x87, Buffer.from([192, 0, 2, 9])),
    der(0x87, ipv6),
    der(0x86, 'spiffe://example.com/ann'),
    der(0xa4, der(0x30)),
    der(0x82, '*.b.example'),
  )
  assert.deepEqual(read(asks(extension(USAGE, der(0x03, 'x')), all)), {
    dnsNames: ['a.example', '*.b.example'],
    emailAddresses: ['ann@example.com'],
    ipAddresses: ['192.0.2.9', '2001:db8::1'],
    uris: ['spiffe://example.com/ann'],
  })
  const critical = extension(NAMES, der(0x30, der(0x82, 'a')), der(0x01, Buffer.from([0xff])))
  assert.deepEqual(read(asks(critical)), found({ dnsNames: ['a'] }))
})

test('attributes that are none, are others or have no value are passed over', () => {
  const good = asks(names(der(0x82, 'a')))
  for (const other of [
    der(0x02, 'x'),
    der(0x30),
    der(0x30, EXTENSION_REQUEST),
    attribute(EXTENSION_REQUEST),
    attribute(CHALLENGE, der(0x0c, 'secret')),
    der(0x30, EXTENSION_REQUEST, der(0x31, Buffer.from([0x30, 0x05]))),
  ])
    assert.deepEqual(read(other, good), found({ dnsNames: ['a'] }), other.toString('hex'))
  assert.deepEqual(read(), found({}))
  const second = attribute(EXTENSION_REQUEST, der(0x30), der(0x30, names(der(0x82, 'hidden'))))
  assert.deepEqual(read(second), found({}), 'of several values the first counts')
})

const twice = 'x509: certificate request contains duplicate requested extensions'
for (const [what, attributes, message] of [
  ['an extension twice', [asks(names(), names(der(0x82, 'b')))], twice],
  ['an extension twice, in two attributes', [asks(names()), asks(names())], twice],
  ['names that are no sequence', [asks(extension(NAMES, der(0x82, 'a')))], 'x509: invalid subject alternative names'],
  ['no names at all', [asks(extension(NAMES, Buffer.alloc(0)))], 'x509: invalid subject alternative names'],
  ['a name cut off', [asks(names(Buffer.from([0x82, 5, 0x61])))], 'x509: invalid subject alternative name'],
  ['a DNS name of other letters', [asks(names(der(0x82, 'ä')))], 'x509: SAN dNSName is malformed'],
  ['an address of other letters', [asks(names(der(0x81, 'ä@b')))], 'x509: SAN rfc822Name is malformed'],
  ['a URI of other letters', [asks(names(der(0x86, 'x:ä')))], 'x509: SAN uniformResourceIdentifier is malformed'],
  ['an IP of three bytes', [asks(names(der(0x87, 'abc')))], 'x509: cannot parse IP address of length 3'],
  [
    'a URI with a control character',
    [asks(names(der(0x86, 'http://a\x01')))],
    'x509: cannot parse URI "http://a\\u0001": parse "http://a\\u0001": net/url: invalid control character in URL',
  ],
  ['a URI without a scheme', [asks(names(der(0x86, ':a')))], 'x509: cannot parse URI ":a": parse ":a": missing protocol scheme'],
  ['a URI of an empty label', [asks(names(der(0x86, 'http://a..b/')))], 'x509: cannot parse URI "http://a..b/": invalid domain'],
] as const)
  test(`a request with ${what} is refused`, () => {
    assert.throws(() => read(...attributes), { message })
  })

test('extensions that are no list of extensions are an error of their structure', () => {
  for (const broken of [
    attribute(EXTENSION_REQUEST, der(0x02, 'x')),
    asks(der(0x02, 'x')),
    asks(der(0x30, NAMES, der(0x02, 'x'))),
  ])
    assert.throws(() => read(broken), /^Error: asn1: structure error: tags don't match/)
})
