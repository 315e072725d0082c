import fc from 'fast-check'

/** A call of a library with texts `s` and `t`. */
export interface LibraryCall {
  readonly call: string
  readonly s: string
  readonly t: string
}

const words = (text: string): readonly string[] => text.split(' ')

/** What Unicode got after version 15 can be printed here and not there; among these nothing is new. */
const oldCharacter = fc.integer({ min: 0, max: 0x7ff }).map((code) => String.fromCodePoint(code))

/** Texts that are put together from parts, or whole ones that something was done to. */
function texts(whole: readonly string[], parts: readonly string[]): fc.Arbitrary<string> {
  const some = fc.constantFrom(...whole)
  const part = fc.constantFrom(...parts)
  const damaged = fc
    .tuple(some, fc.array(fc.tuple(fc.nat(40), fc.nat(2), part), { minLength: 1, maxLength: 2 }))
    .map(([text, changes]) => changes.reduce((changed, [at, cut, put]) => spliced(changed, at, cut, put), text))
  return fc.oneof(
    { weight: 3, arbitrary: some },
    { weight: 6, arbitrary: damaged },
    { weight: 3, arbitrary: fc.array(part, { maxLength: 9 }).map((all) => all.join('')) },
    { weight: 1, arbitrary: fc.string({ unit: oldCharacter, maxLength: 6 }) },
  )
}

function spliced(text: string, at: number, cut: number, put: string): string {
  const points = [...text]
  points.splice(at % (points.length + 1), cut, put)
  return points.join('')
}

const calls = (of: fc.Arbitrary<string>, ...forms: readonly string[]): fc.Arbitrary<LibraryCall> =>
  fc.record({ call: fc.constantFrom(...forms), s: of, t: of })

const addresses = texts(
  [
    ...words(
      '1.2.3.4 127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 169.254.1.1 10.0.0.0 :: ::1 fe80::1 ff02::1 2001:db8::ff00:42:8329',
    ),
    ...words(
      '1:2:3:4:5:6:7:8 ::ffff:1.2.3.4 64:ff9b::1.2.3.4 1:2:3:4:5:6:1.2.3.4 fe80::1%eth0 10.0.0.0/8 10.1.2.3/24 ::/0 fd00::/8 ::1/128',
    ),
    ...words(
      '0.0.0.0/0 ::ffff:1.2.3.4/100 1::2:3/64 1::2:3:4:5:6:7:8 ::1:: 1:2:3:4:5:6:7:: 1.2.3.4/032 1.2.3.4/33 ::/129 2001:0db8::1 ABCD::',
    ),
  ],
  [
    ...words(': . / % 0 1 2 3 4 5 6 7 8 9 a f A F g z + - :: 256 255 1.2.3.4 ffff 10000 /8 %25 " é 00'),
    ' ',
    '\n',
    '\u00a0',
    '\u0000',
    '/ ',
  ],
)

const versions = texts(
  [
    ...words(
      '1.2.3 0.0.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-0.3.7 1.0.0-x.7.z.92 1.0.0+20130313144700 1.0.0-beta+exp.sha v1.2.3 1.2 1 v1 01.2.3',
    ),
    ...words(
      '1.02.3 1.2.03 1.2.3-01 1.2.3- 1.2.3+ 1.2.3-a..b 1.2.3+a..b 1.2.3.4 18446744073709551615.0.0 18446744073709551616.0.0',
    ),
    ...words(
      '1.0.0-18446744073709551616 9223372036854775808.1.1 1-a 1.2+b 1.0.0-rc.1 1.0.0-rc.11 1.0.0-rc.2 1.0.0-1 1.0.0-a-b 00.00.00 v01',
    ),
    ...words('1.2.3-é'),
    '',
  ],
  [...words('. - + v 0 1 2 3 4 5 6 7 8 9 a Z _ é " \\ 00 alpha 18446744073709551616 vv'), ' ', '\n', '\u0000'],
)

/** Of great exponents upstream makes numbers that it never finishes. */
const LENGTHY = /[eE][-+]?0*[1-9]\d{3,}/

const quantities = texts(
  [
    ...words(
      '1 0 -1 1.5 100m 1k 1Ki 1.5Gi 1e3 1E3 1E 1e-3 1n 0.1n 1u 1M 1Mi 1G 1T 1Ti 1P 1Pi 1Ei 9223372036854775807 -9223372036854775808',
    ),
    ...words(
      '9223372036854775808 123456789012345678 0.000000001 1234567890123456789 8Ei 7.5Ei 1e18 1e19 1e30 1e-9 1e-10 2.0 1000m 500m -500m +1',
    ),
    ...words('00 0.0 1. .5 . - + m -m Ki .Ki 1e 1Ee 1ee3 1e+3 1e1.5 1i 1eKi 1e9999999999999999999 1e4294967297 1e-4294967297'),
    '',
  ],
  [...words('0 1 2 3 4 5 6 7 8 9 . - + e E i n u m k K M G T P a é Ki Mi Ei e3 E- 000 ..'), ' '],
).filter((text) => !LENGTHY.test(text) || ['1e4294967297', '1e-4294967297', '1e9999999999999999999'].includes(text))

const addressesOfWeb = texts(
  [
    ...words(
      'http://example.com https://a.b:80/c/d?e=f&g=h#i https://u:p@a.b/c http://[::1]:80/ http://[fe80::1%25en0]/ /path / mailto:a@b.c a:b',
    ),
    ...words(
      '* http:// http:///a ///a //a/b /a?b /a%20b /é HTTP://A/ http://a/%zz http://a/% http://%41/ http://%C3%A9/ http://a:b/',
    ),
    ...words(
      'http://a:1:2/ x://a:1:2/ http://[::1 http://[1.2.3.4]/ http://[::1]a/ http://a[::1]/ http://u@:80 http://u%zz@a :a 1a:b a+b-c.d:/e',
    ),
    ...words(
      'http://a?b?c http://a? /a?x=1&x=2&y /a?x=%zz&y=%41 /a?x+y=a+b /a?a;b=c /a#b http://a#b%zz /%2F%2f http://a/?%ff=%fe /%ff http:a',
    ),
    ...words('http:/a http://a"b/ http://[::1%2]/ http://[::1%25%41]/'),
    '',
    '/a b',
    'http://u u@a',
    "/!$&'()*+,;=:@[]",
    '/a|b^c`d{e}"<>\\',
    'http://a b/',
    'http://[::1%25 ]/',
  ],
  [
    ...words(
      `: / ? # [ ] @ ! & ' ( ) * + , ; = % - . _ ~ a Z 1 9 " < > \\ ^ { | } é // %41 %25 %2F %ff %zz ::1 [ ]:80 :80 &a=b 😀`,
    ),
    '$',
    ' ',
    '`',
    '\n',
    '\u0000',
    '\u007f',
  ],
)

const named = texts(
  [
    ...words(
      'a my-name A a.b a.b.c/d a/b/c /a a/ - a- -a a_b 1a example.com/MyName é éééééééééééééééééééééééééééééééé a..b A.b/c .a a. a-.b _',
    ),
    ...words(
      '123e4567-e89b-12d3-a456-426614174000 123E4567E89B12D3A456426614174000 aGVsbG8= aGVsbG8 YQ== YQ= ==== ____ 2021-01-01 2021-02-29',
    ),
    ...words(
      '2020-02-29 0000-01-01 2021-1-1 10000-01-01 2021-13-01 2021-01-01T00:00:00Z 2021-01-01t00:00:00z 2021-01-01T00:00:00.123456789+01:00',
    ),
    ...words(
      '2021-01-01T24:00:00Z 2021-01-01T23:59:60Z 2021-01-01T00:00Z 2021-01-01T00:00:00 2021-01-01T00:00:00,5Z 2021-01-01T0:00:00Z',
    ),
    ...words('2021-01-01T00:00:00+24:00 2021-01-01T00:00:00-00:00 http://a dns1123Label uri datetime dns1123LabelPrefix'),
    '',
    'a b=',
    '2021-01-01 00:00:00Z',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(253),
    'x'.repeat(254),
    `${'x'.repeat(63)}.y`,
    'é'.repeat(32),
  ],
  [...words('a Z 0 9 - _ . / : = + T t Z z -- -a é 00 2021 :60 .5 =='), ' ', '\n', 'x'.repeat(62)],
)

const FORMATS = (
  'dns1123Label dns1123Subdomain dns1035Label qualifiedName dns1123LabelPrefix dns1123SubdomainPrefix dns1035LabelPrefix ' +
  'labelValue uri uuid byte date datetime'
).split(' ')

const asked = texts(
  [...words('get boom a /a apps pods default a.b A a-'), '', ' ', '\u00a0', '\u2003', 'x'.repeat(64), 'x'.repeat(254)],
  [...words('a A - . / * = é'), ' ', '\u0009', '\u0085', '\ufeff', '\u200b', '\u000b'],
)

/** Of each library, calls of all of its functions, on sound and on hostile texts. */
export const LIBRARY_CALLS: Readonly<Record<string, fc.Arbitrary<LibraryCall>>> = {
  addresses: calls(
    addresses,
    ...[
      'ip(s)',
      'isIP(s)',
      'ip.isCanonical(s)',
      'string(ip(s))',
      'ip(s).family()',
      'ip(s).isUnspecified()',
      'ip(s).isLoopback()',
    ],
    ...['ip(s).isLinkLocalMulticast()', 'ip(s).isLinkLocalUnicast()', 'ip(s).isGlobalUnicast()', 'ip(s) == ip(t)', 'ip(s) == s'],
  ),
  networks: calls(
    addresses,
    ...['cidr(s)', 'isCIDR(s)', 'string(cidr(s))', 'string(cidr(s).ip())', 'cidr(s).prefixLength()', 'string(cidr(s).masked())'],
    ...['cidr(s).containsIP(t)', 'cidr(s).containsIP(ip(t))', 'cidr(s).containsCIDR(t)', 'cidr(s).containsCIDR(cidr(t))'],
    ...[
      "cidr('10.0.0.0/8').containsIP(t)",
      "cidr('10.0.0.0/8').containsCIDR(t)",
      "cidr('::/0').containsCIDR(t)",
      "cidr('::/0').containsIP(t)",
    ],
    ...['cidr(s) == cidr(t)', 'cidr(s) == cidr(s).masked()'],
  ),
  versions: calls(
    versions,
    ...[
      'semver(s)',
      'semver(s, true)',
      'semver(s, false)',
      'isSemver(s)',
      'isSemver(s, true)',
      'semver(s).major()',
      'semver(s, true).minor()',
    ],
    ...[
      'semver(s, true).patch()',
      'semver(s).compareTo(semver(t))',
      'semver(s).isLessThan(semver(t))',
      'semver(s).isGreaterThan(semver(t))',
    ],
    ...['semver(s) == semver(t)', "semver('1.0.0-a.1').compareTo(semver(t))", "semver('1.0.0-1').compareTo(semver(t))"],
  ),
  quantities: calls(
    quantities,
    ...['quantity(s)', 'isQuantity(s)', 'sign(quantity(s))', 'quantity(s).isInteger()', 'quantity(s).asInteger()'],
    ...['quantity(s).asApproximateFloat()', 'quantity(s).compareTo(quantity(t))', 'quantity(s).isLessThan(quantity(t))'],
    ...[
      'quantity(s).isGreaterThan(quantity(t))',
      'quantity(s) == quantity(t)',
      'quantity(s).add(quantity(t)).asApproximateFloat()',
    ],
    ...[
      'quantity(s).sub(quantity(t)).isInteger()',
      'quantity(s).add(quantity(t)).asInteger()',
      'quantity(s).add(9223372036854775807).asInteger()',
    ],
    ...['quantity(s).sub(-1).compareTo(quantity(t))', 'quantity(s).add(1) == quantity(t)', 'quantity(t) == quantity(s).add(0)'],
    ...[
      'quantity(s).sub(quantity(t)).asApproximateFloat()',
      'quantity(s).add(-9223372036854775808).asInteger()',
      'quantity(s).add(quantity(t)) == quantity(s).add(quantity(t))',
    ],
  ),
  urls: calls(
    addressesOfWeb,
    ...[
      'url(s)',
      'isURL(s)',
      'url(s).getScheme()',
      'url(s).getHost()',
      'url(s).getHostname()',
      'url(s).getPort()',
      'url(s).getEscapedPath()',
    ],
    ...['url(s).getQuery()', 'url(s) == url(t)', "url(s) == url(s + '?')", 'url(s) == url(s)', 'format.uri().validate(s)'],
  ),
  formats: calls(named, 'format.named(s).hasValue()', ...FORMATS.map((name) => `format.${name}().validate(s)`)),
  authorizers: calls(
    asked,
    ...['authorizer.path(s).check(t).allowed()', 'authorizer.path(s).check(t).reason()', 'authorizer.path(s).check(t).errored()'],
    ...[
      'authorizer.path(s).check(t).error()',
      'authorizer.group(s).resource(t).check(s).allowed()',
      "authorizer.group('').resource(s).check('boom').error()",
    ],
    ...[
      'authorizer.serviceAccount(s, t).path(s).check(t).reason()',
      'authorizer.serviceAccount(s, t)',
      "authorizer.group(s).resource(t).subresource(s).namespace(t).name(s).check('get').reason()",
    ],
    ...[
      "authorizer.group(s).resource(t).fieldSelector(s).labelSelector(t).check('get').allowed()",
      'authorizer.path(s)',
      'authorizer.group(s)',
      'authorizer.group(s).resource(t)',
      'authorizer.path(s).check(t)',
    ],
  ),
}

const OF_ONE =
  'ip isIP ip.isCanonical cidr isCIDR quantity isQuantity sign semver isSemver url isURL format.named authorizer.path authorizer.group'.split(
    ' ',
  )
const ON_ONE = [
  ...[
    'family()',
    'isLoopback()',
    'prefixLength()',
    'masked()',
    'ip()',
    'containsIP(x)',
    "containsIP('::1')",
    "containsCIDR('::/0')",
  ],
  ...[
    'isInteger()',
    'asInteger()',
    'asApproximateFloat()',
    "add(quantity('1'))",
    'add(1)',
    'sub(x)',
    "compareTo(quantity('1'))",
    'major()',
  ],
  ...[
    "isLessThan(semver('1.0.0'))",
    "isGreaterThan(quantity('1'))",
    'getHost()',
    'getPort()',
    'getQuery()',
    'getEscapedPath()',
    "validate('a')",
  ],
  ...[
    "check('get')",
    'allowed()',
    'reason()',
    "resource('a')",
    "namespace('a')",
    "name('a')",
    "subresource('a')",
    "serviceAccount('a', 'b')",
  ],
]
const VALUES = [
  ...[
    '1',
    '1u',
    '1.5',
    'true',
    'null',
    "b'a'",
    "'a'",
    '[1]',
    '{1:2}',
    'x',
    'x[0]',
    'x[1]',
    'x[2]',
    'x[3]',
    'int',
    "duration('1s')",
  ],
  ...[
    'optional.none()',
    "ip('::1')",
    "cidr('::/0')",
    "quantity('1')",
    "semver('1.0.0')",
    "url('/')",
    'format.uri()',
    'authorizer',
  ],
  ...[
    "authorizer.path('/')",
    "authorizer.path('/').check('get')",
    "ip('')",
    "quantity('x')",
    "semver('')",
    "url('')",
    "format.named('x').value()",
  ],
]

/** Every function, given what is of any type. */
export const MISFITS: readonly string[] = VALUES.flatMap((value) => [
  ...OF_ONE.flatMap((name) => [`${name}(${value})`, `${name}(dyn(${value}))`]),
  ...ON_ONE.flatMap((call) => [`${value}.${call}`, `dyn(${value}).${call}`]),
  ...["ip('::1')", "cidr('::/0')", "quantity('1')", "semver('1.0.0')", "url('/')", 'format.uri()'].flatMap((other) => [
    `dyn(${value}) == ${other}`,
    `${other} == dyn(${value})`,
    `${other} != dyn(${value})`,
    `${other} in [dyn(${value})]`,
  ]),
])
