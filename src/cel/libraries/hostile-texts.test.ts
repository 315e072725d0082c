import assert from 'node:assert/strict'
import test from 'node:test'
import { EvaluationError } from '../evaluate/program.ts'
import { kubernetesEnvironment } from '../kubernetes/environment.ts'
import { toJson } from '../values/to-json.ts'

/** What upstream (k8s.io/apiserver 0.36.4) says of texts: the result as JSON, or what is wrong in the run. */
type Answers = Readonly<Record<string, string>>

const environment = kubernetesEnvironment()

function answerTo(expression: string): string {
  try {
    return JSON.stringify(toJson(environment.compile(expression).evaluate({}).value))
  } catch (error) {
    if (error instanceof EvaluationError) return `error ${error.message}`
    throw error
  }
}

function answers(expected: Answers): void {
  for (const [expression, answer] of Object.entries(expected)) assert.equal(answerTo(expression), answer, expression)
}

test('an address is refused in the words of Go, with what was not read', () => {
  const reasons: Answers = {
    '1.2.3': 'IPv4 address too short',
    '': 'unable to parse IP',
    '1.2.3.4.5': 'IPv4 address too long',
    '1..2.3': 'IPv4 field must have at least one digit (at ".2.3")',
    '1.2.3.04': 'IPv4 field has octet with leading zero',
    '256.1.1.1': 'IPv4 field has value >255',
    '1.2.3.4/8': 'unexpected character (at "/8")',
    '1%.2': 'missing IPv6 address',
    '1:2': 'address string too short',
    '::1::': 'multiple :: in address (at ":")',
    '12345::': 'each group must have 4 or less digits (at "12345::")',
    '1::g': 'each colon-separated field must have at least one digit (at "g")',
    ':1': 'each colon-separated field must have at least one digit (at ":1")',
    '1:': 'colon must be followed by more characters (at ":")',
    '1 :': 'unexpected character, want colon (at " :")',
    '1:2:3:4:5:6:7:8:9': 'trailing garbage after address (at "9")',
    '1:2:3:4::5:6:7:8': 'the :: must expand to at least one field of zeros',
    '1::1.2.3': 'IPv4 address too short',
    '1:1.2.3.4': 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")',
    '1:2:3:4:5:6:7::1.2.3.4': 'too many hex fields to fit an embedded IPv4 at the end of the address (at "1.2.3.4")',
    '::1%': 'zone must be a non-empty string',
  }
  for (const [text, reason] of Object.entries(reasons)) {
    const said = `error IP Address "${text}" parse error during conversion from string: ParseAddr("${text}"): ${reason}`
    assert.equal(answerTo(`ip('${text}')`), said)
  }
  answers({
    "ip('\\u00a0\\u0000')":
      'error IP Address "\\u00a0\\x00" parse error during conversion from string: ParseAddr("\\u00a0\\x00"): unable to parse IP',
    "ip('::1%é')": 'error IP address "::1%é" with zone value is not allowed',
    "ip('::ffff:1.2.3.4')": 'error IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed',
    "isIP('::1%25')": 'false',
    "string(ip('1:0:0:2::3'))": '"1:0:0:2::3"',
  })
})

test('a network is refused in the words of Go, but of an address that it may contain nothing is said', () => {
  const conversion = 'network address parse error during conversion from string: '
  const reasons: Answers = {
    a: "no '/'",
    '1.2.3.4/08': 'bad bits after slash: "08"',
    '1.2.3.4/33': 'prefix length out of range',
    '::/': 'bad bits after slash: ""',
    '::/-1': 'bad bits after slash: "-1"',
    '::/9223372036854775808': 'bad bits after slash: "9223372036854775808"',
    '::/9223372036854775807': 'prefix length out of range',
    '1.2.3/8': 'ParseAddr("1.2.3"): IPv4 address too short',
    'fe80::1%a/64': 'IPv6 zones cannot be present in a prefix',
  }
  for (const [text, reason] of Object.entries(reasons)) {
    const said = `error ${conversion}${conversion}netip.ParsePrefix("${text}"): ${reason}`
    assert.equal(answerTo(`cidr('${text}')`), said)
    assert.equal(answerTo(`cidr('::/0').containsCIDR('${text}')`), said)
  }
  answers({
    "cidr('::ffff:1.2.3.4/100')": `error ${conversion}IPv4-mapped IPv6 address "::ffff:1.2.3.4/100" is not allowed`,
    "cidr('::/0').containsIP('a')": 'error no such overload',
  })
})

test('a version is refused for its first part that is wrong', () => {
  answers({
    "semver('')": 'error Version string empty',
    "semver('1.2')": 'error No Major.Minor.Patch elements found',
    "semver('a.2.3')": 'error Invalid character(s) found in major number "a"',
    "semver('01.2.3')": 'error Major number must not contain leading zeroes "01"',
    "semver('1.02.3')": 'error Minor number must not contain leading zeroes "02"',
    "semver('1.2.03')": 'error Patch number must not contain leading zeroes "03"',
    "semver('1..3')": 'error strconv.ParseUint: parsing "": invalid syntax',
    "semver('1.2.3-')": 'error Prerelease is empty',
    "semver('1.2.3-01')": 'error Numeric PreRelease version must not contain leading zeroes "01"',
    "semver('1.2.3-a_')": 'error Invalid character(s) found in prerelease "a_"',
    "semver('1.2.3+')": 'error Build meta data is empty',
    "semver('1.2.3+é')": 'error Invalid character(s) found in build meta data "é"',
    "semver('18446744073709551616.0.0')": 'error strconv.ParseUint: parsing "18446744073709551616": value out of range',
    "semver('1.2.3-18446744073709551616')": 'error strconv.ParseUint: parsing "18446744073709551616": value out of range',
    "semver('18446744073709551615.0.0').major()": '-1',
    "semver('a', true)": 'error Invalid character(s) found in major number "a"',
    "semver('é', true)": 'error Invalid character(s) found in major number "0é"',
    "semver('vv1', true)": 'error Invalid character(s) found in major number "0v1"',
    "semver('1.2-a', true)": 'error short version cannot contain PreRelease/Build meta data',
    "semver('v01.00.007', true).patch()": '7',
  })
})

test('a quantity is read and counted as upstream does: of no digits, in 64 bits or in more', () => {
  const suffix = "error unable to parse quantity's suffix"
  answers({
    "quantity('m').asInteger()": 'error cannot convert value to integer',
    "quantity('-').asInteger()": '0',
    "quantity('.').asInteger()": '0',
    "isQuantity('Mi')": 'true',
    "isQuantity('')": 'false',
    "quantity('-.e-10')": 'error unable to parse numeric part of quantity',
    "quantity('1x')": "error quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    "quantity('1Ee')": suffix,
    "quantity('1e9999999999999999999')": suffix,
    "quantity('1e4294967297').asInteger()": '10',
    "quantity('8Ei') == quantity('9223372036854775807')": 'true',
    "quantity('1.1').asApproximateFloat()": '1.1',
    "quantity('0.3').asApproximateFloat()": '0.30000000000000004',
    "quantity('0.1n').asApproximateFloat()": '1e-9',
    "quantity('0e400').asApproximateFloat() == 0.0": 'false',
    "quantity('2') == quantity('1').add(1)": 'error no such overload',
    "quantity('1').add(1) == quantity('2')": 'true',
    "quantity('1').sub(-9223372036854775808).asInteger() == -9223372036854775807": 'true',
    "quantity('9').add(9223372036854775807).asInteger()": 'error cannot convert value to integer',
  })
})

test('a URL is read as Go reads it, first as that of a request', () => {
  const reasons: Answers = {
    '': 'empty url',
    a: 'invalid URI for request',
    ':a': 'missing protocol scheme',
    '/a%zz': 'invalid URL escape "%zz"',
    '/a%aé': 'invalid URL escape "%a\\xc3"',
    '/a?b#%z': 'invalid URL escape "%z"',
    '//a b/': 'invalid character " " in host name',
    'http://a[::1]/': 'invalid IP-literal',
    'http://[1.2.3.4]/': 'invalid IP-literal',
    'http://[::g]/': 'invalid host: ParseAddr("::g"): each colon-separated field must have at least one digit (at "g")',
    'http://[%ff]/': 'invalid host: ParseAddr("\\xff"): unable to parse IP',
    'http://[::1': "missing ']' in host",
    'http://[::1]a/': 'invalid port "a" after host',
    'http://%41/': 'invalid URL escape "%41"',
    'http://[fe80::1%25%23]/': 'invalid URL escape "%23"',
    'http://a:b/': 'invalid port ":b" after host',
    'http://a:1:2/': 'invalid port ":1:2" after host',
    'http://u u@a/': 'net/url: invalid userinfo',
    'http://u%zz@a/': 'invalid URL escape "%zz"',
  }
  for (const [text, reason] of Object.entries(reasons))
    assert.equal(answerTo(`url('${text}')`), `error URL parse error during conversion from string: parse "${text}": ${reason}`)
  answers({
    "isURL('//a b/')": 'true',
    "url('*').getEscapedPath()": '"*"',
    "url('/%2F é!').getEscapedPath()": '"//%20%C3%A9%21"',
    "url('/a%2F!').getEscapedPath()": '"/a%2F!"',
    "url('http://%c3%a9/').getHost()": '"é"',
    "url('http://[fe80::1%25%41]/').getHost()": '"[fe80::1%A]"',
    "url('x://a:1:2/').getPort()": '"2"',
    "url('mailto:a?b=c').getQuery()": '{"b":["c"]}',
    "url('/?a;b&%zz=1&c=+%41&c').getQuery()": '{"c":[" A",""]}',
    "url('http://a') == url('HTTP://a')": 'true',
    "url('/a?') == url('/a')": 'false',
    "url('http://u%41@a') == url('http://uA@a')": 'true',
    "url('/a#b%63') == url('/a#bc')": 'false',
  })
})

test('formats count bytes, see labels in subdomains, and take what the library of OpenAPI takes', () => {
  const part = "name part must consist of alphanumeric characters, '-', '_' or '.'"
  assert.match(
    answerTo("format.qualifiedName().validate('a/b/c')"),
    /^\["a valid label key must consist of .* with an optional DNS subdomain prefix/,
  )
  assert.ok(
    answerTo("format.qualifiedName().validate('/')").startsWith(
      `["prefix part must be non-empty","name part must be non-empty","${part}`,
    ),
  )
  assert.match(
    answerTo(`format.labelValue().validate('${'é'.repeat(32)}')`),
    /^\["must be no more than 63 bytes","a valid label must be /,
  )
  const long = `${'x'.repeat(254)}/${'y'.repeat(64)}`
  answers({
    "format.dns1123Label().validate('a.b')": '["must not contain dots"]',
    [`format.dns1123Label().validate('${'x'.repeat(300)}')`]: '["must be no more than 63 characters"]',
    [`format.qualifiedName().validate('${long}')`]:
      '["prefix part must be no more than 253 bytes","name part must be no more than 63 bytes"]',
    "format.dns1123LabelPrefix().validate('--')": 'null',
    "format.dns1035LabelPrefix().validate('a_-')": 'null',
    "format.uuid().validate('123e4567e89b-12d3a456-426614174000')": 'null',
    "format.date().validate('0000-02-29')": 'null',
    "format.date().validate('2100-02-29')": '["invalid date"]',
    "format.datetime().validate('2021-01-01t23:59:59,5zTa')": 'null',
    "format.datetime().validate('2021-01-01 23:59:59Z')": '["invalid datetime"]',
    "format.datetime().validate('2021-01-01T23:59:60Z')": '["invalid datetime"]',
    "format.uri().validate('/%')": '["parse \\"/%\\": invalid URL escape \\"%\\""]',
    "format.uri().validate('/a?b#%z')": 'null',
    "dyn(1).validate('a')": 'error no such overload: validate(int, string)',
    "format.named('x').value().validate('a')": 'error optional.none() dereference',
  })
})

test('what a format shows inside of a list is quoted as Go quotes it, and bytes have to be text', () => {
  answers({
    "'%s'.format([['\\u00a0\\u0000é\\t']])": JSON.stringify('["\\u00a0\\x00é\\t"]'),
    "'%s'.format([[b'\\000\\303\\251\\302\\240']])": JSON.stringify('[b"\\x00é\\u00a0"]'),
    "'%s'.format([b'\\357\\273\\277a'])": JSON.stringify('\ufeffa'),
    "'%s'.format([b'\\377'])":
      'error error during formatting: could not convert argument "invalid UTF-8 in bytes, cannot convert to string" to string',
  })
})
