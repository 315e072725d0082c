import assert from 'node:assert/strict'
import test from 'node:test'
import { Authorizer, authorizerType, type CheckAttributes, resourceCheckType } from '../libraries/authorizer.ts'
import { jsonPatchLibrary } from '../libraries/json-patch.ts'
import { CompileError } from '../syntax/source.ts'
import { dyn, list } from '../types/type.ts'
import { kubernetesEnvironment } from './environment.ts'

const environment = kubernetesEnvironment().extend({
  libraries: [jsonPatchLibrary],
  variables: { empty: { type: list({ kind: 'int' }) }, any: { type: dyn } },
})

/** The examples of https://kubernetes.io/docs/reference/using-api/cel/ and of the libraries' own documentation; each holds. */
const HOLD: Readonly<Record<string, readonly string[]>> = {
  lists: [
    '[1, 2, 3].isSorted()',
    "['a', 'b', 'b', 'c'].isSorted()",
    '![2.0, 1.0].isSorted()',
    '[1].isSorted() && empty.isSorted()',
    '[1, 3].sum() == 4',
    '[1.0, 3.0].sum() == 4.0',
    "[duration('1m'), duration('1s')].sum() == duration('1m1s')",
    'empty.sum() == 0',
    '[1, 3].min() == 1 && [1, 3].max() == 3',
    '([0] + empty).min() == 0',
    '[1, 2, 2, 3].indexOf(2) == 1',
    "['a', 'b', 'b', 'c'].lastIndexOf('b') == 2",
    '[1.0].indexOf(1.1) == -1',
    "[].indexOf('string') == -1",
  ],
  'extended lists': [
    '[1, 2, 2, 3, 3, 3].distinct() == [1, 2, 3]',
    '[[1], [1], [2]].distinct() == [[1], [2]]',
    'lists.range(5) == [0, 1, 2, 3, 4]',
    '[5, 3, 1, 2].reverse() == [2, 1, 3, 5]',
    '[1, 2, 3, 4].slice(1, 3) == [2, 3]',
    '[[1], [2, 3], [4]].flatten() == [1, 2, 3, 4]',
    '[[1], [2, 3], [4]].flatten(0) == [[1], [2, 3], [4]]',
    "['b', 'c', 'a'].sort() == ['a', 'b', 'c']",
    "[{'n': 'foo', 's': '2'}, {'n': 'bar', 's': '1'}].sortBy(e, e.s).map(e, e.n) == ['bar', 'foo']",
  ],
  regex: [
    "'abc 123'.find('[0-9]+') == '123'",
    "'abc 123'.find('xyz') == ''",
    "'123 abc 456'.findAll('[0-9]+') == ['123', '456']",
    "'123 abc 456'.findAll('[0-9]+', 1) == ['123']",
    "'123 abc 456'.findAll('[0-9]+', 0) == []",
    "'123 abc 456'.findAll('xyz') == []",
    "'aXbX'.matches('^(a|b|X)*$')",
  ],
  strings: [
    "'hello'.charAt(4) == 'o' && 'hello'.charAt(5) == ''",
    "'hello mellow'.indexOf('ello', 2) == 7",
    "'hello mellow'.lastIndexOf('ello') == 7",
    "['hello', 'mellow'].join(', ') == 'hello, mellow'",
    "'TacoCÆt'.lowerAscii() == 'tacocÆt' && 'TacoCÆt'.upperAscii() == 'TACOCÆT'",
    "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
    "'hello hello hello'.split(' ', 2) == ['hello', 'hello hello']",
    "'tacocat'.substring(0, 4) == 'taco'",
    "'  \\ttrim\\n    '.trim() == 'trim'",
    'strings.quote(\'a"b\') == \'"a\\\\"b"\'',
    "'🐱ab'.substring(1) == 'ab' && '🐱ab'.indexOf('b') == 2 && size('🐱ab') == 3",
    // Version 2 of the library prints collections as literals and groups digits.
    "'%s'.format([[dyn('a'), 1.5, null]]) == '[\"a\", 1.500000, null]'",
    "'%.1f'.format([1234.5]) == '1,234.5'",
    "'%e'.format([1052.032911275]) == '1.052033\\u202f×\\u202f10⁰³'",
    "'%d %s %x %b'.format([dyn(1), 'a', 255, 5]) == '1 a ff 101'",
  ],
  urls: [
    "isURL('https://user:pass@example.com:80/path?query=val#fragment') && isURL('/absolute-path')",
    "!isURL('https://a:b:c/') && !isURL('../relative-path')",
    "url('/path').getScheme() == '' && url('https://example.com/').getScheme() == 'https'",
    "url('https://example.com:80/').getHost() == 'example.com:80' && url('https://[::1]:80/').getHost() == '[::1]:80'",
    "url('https://[::1]/').getHost() == '[::1]' && url('/path').getHost() == ''",
    "url('https://example.com:80/').getHostname() == 'example.com' && url('https://[::1]:80/').getHostname() == '::1'",
    "url('https://example.com:80/').getPort() == '80' && url('https://example.com/').getPort() == ''",
    "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
    "url('https://example.com').getEscapedPath() == ''",
    "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
    "url('https://example.com/path?key with spaces=value with spaces').getQuery() == {'key with spaces': ['value with spaces']}",
    "url('https://example.com/path?').getQuery() == {}",
    "url('https://a/') == url('https://a/') && url('https://a/') != url('https://b/')",
  ],
  'IP addresses': [
    "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1') && !isIP('127.0.0.01')",
    "!isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')",
    "ip.isCanonical('127.0.0.1') && ip.isCanonical('2001:db8::abcd')",
    "!ip.isCanonical('2001:DB8::ABCD') && !ip.isCanonical('2001:db8::0:0:0:abcd')",
    "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6",
    "ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified() && !ip('::1').isUnspecified()",
    "ip('127.0.0.1').isLoopback() && ip('::1').isLoopback() && !ip('192.168.0.1').isLoopback()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
    "ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast() && !ip('fd80::1').isLinkLocalUnicast()",
    "ip('192.168.0.1').isGlobalUnicast() && ip('2001:db8::abcd').isGlobalUnicast()",
    "!ip('255.255.255.255').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
    "string(ip('2001:db8:0:0:1:0:0:1')) == '2001:db8::1:0:0:1'",
    "ip('2001:db8::1') == ip('2001:DB8::1') && type(ip('::1')) == net.IP",
  ],
  CIDRs: [
    "isCIDR('192.168.0.0/16') && isCIDR('::1/128') && !isCIDR('192.168.0.0/33') && !isCIDR('::1/129')",
    "cidr('192.168.0.0/24').containsIP(ip('192.168.0.1')) && !cidr('192.168.0.0/24').containsIP('192.168.1.1')",
    "cidr('192.168.0.0/16').containsCIDR(cidr('192.168.10.0/24')) && !cidr('192.168.1.0/24').containsCIDR('192.168.2.0/24')",
    "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('::1/128').ip().family() == 6",
    "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('192.168.0.1/24') != cidr('192.168.0.1/24').masked()",
    "cidr('192.168.0.0/16').prefixLength() == 16 && string(cidr('::1/128')) == '::1/128'",
  ],
  quantities: [
    "isQuantity('1.3G') && isQuantity('1.3Gi') && isQuantity('10000k') && !isQuantity('1,3G') && !isQuantity('200K')",
    // The documentation has it that no digits are no quantity, which the library takes for zero.
    "!isQuantity('Three') && isQuantity('Mi')",
    "quantity('50000000G').isInteger() && !quantity('9999999999999999999999999999999999999G').isInteger()",
    "quantity('50k').asInteger() == 50000 && quantity('50k').sub(20000).asApproximateFloat() == 30000.0",
    "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').add(20) == quantity('50020')",
    "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
    "quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('50M').compareTo(quantity('50Mi')) == -1",
    "quantity('150Mi').isGreaterThan(quantity('100Mi')) && quantity('50M').isLessThan(quantity('100M'))",
    "sign(quantity('-5')) == -1 && sign(quantity('0')) == 0",
  ],
  versions: [
    "isSemver('1.0.0') && !isSemver('hello') && !isSemver('v1.0') && isSemver('v1.0', true)",
    "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    "semver('1.2.3').compareTo(semver('2.0.0')) == -1 && semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1'))",
    "semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta')) && semver('1.0.0-2').isLessThan(semver('1.0.0-10'))",
    "semver('v01.01', true) == semver('1.1.0')",
  ],
  formats: [
    "!format.dns1123Label().validate('my-label-name').hasValue()",
    "format.dns1123Label().validate('contains a space').value()[0].startsWith('a lowercase RFC 1123 label must consist of')",
    "format.named('dns1123Subdomain').hasValue() && !format.named('unknown').hasValue()",
    "!format.dns1123LabelPrefix().validate('my-label-prefix-').hasValue()",
    "!format.qualifiedName().validate('apiextensions.k8s.io/v1beta1').hasValue()",
    "format.uuid().validate('not').value() == ['does not match the UUID format']",
    "!format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('a').hasValue()",
    "!format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-02-30').hasValue()",
    "!format.datetime().validate('2021-01-01T00:00:00Z').hasValue()",
    "format.uri().validate('nope').value() == ['parse \"nope\": invalid URI for request']",
  ],
  sets: [
    'sets.contains([1, 2, 3, 4], [2, 3]) && !sets.contains([1], [2])',
    'sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [1, 2])',
  ],
  'two variables': [
    '[1, 2].all(i, v, v == i + 1)',
    "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
    "['x'].transformMap(i, v, v + v) == {0: 'xx'}",
    '[1, 2, 3].transformList(i, v, i > 0, v * 10) == [20, 30]',
  ],
  optionals: [
    "any.?missing.orValue('none') == 'none'",
    'any.?spec.?replicas.optMap(r, r + 1).orValue(0) == 4',
    '[?any.?spec.?replicas, ?any.?missing] == [3]',
    "{?'a': any.?missing} == {}",
    'any[?"spec"].hasValue()',
  ],
  'numbers across types': ['1 < 1.5 && 2u > 1 && dyn(1u) == 1 && 3 in [1, 3]', 'dyn(1) == 1.0'],
  'JSON patch': ["jsonpatch.escapeKey('k8s.io/my~label') == 'k8s.io~1my~0label'"],
}

for (const [library, expressions] of Object.entries(HOLD)) {
  test(`the documented examples of ${library} hold`, () => {
    const any = { spec: { replicas: 3 } }
    for (const expression of expressions) {
      assert.equal(environment.compile(expression).evaluate({ empty: [], any }).value, true, expression)
    }
  })
}

test('what an expression gets wrong at run time is said in upstream’s words', () => {
  const messages: Readonly<Record<string, string>> = {
    '1 / 0 > 0': 'division by zero',
    '1 % 0 > 0': 'modulus by zero',
    '9223372036854775807 + 1 > 0': 'integer overflow',
    'any.missing': 'no such key: missing',
    'any.list[3]': 'index out of bounds: 3',
    "any + 'a'": 'no such overload: _+_',
    'empty.min()': 'min called on empty list',
    'empty.slice(0, 1)': 'cannot slice(0, 1), list is length 0',
    "ip('::ffff:1.2.3.4')": 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed',
    "quantity('200K')": "unable to parse quantity's suffix",
    "quantity('1,3G')": "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    "quantity('0.5').asInteger()": 'cannot convert value to integer',
    "url('../relative-path')": 'URL parse error during conversion from string: parse "../relative-path": invalid URI for request',
    'timestamp(any.time) > timestamp(0)': "type conversion error from 'string' to 'google.protobuf.Timestamp'",
    "'a'.find(any.time + '(')": 'Illegal regex: error parsing regexp: missing closing ): `2020-13-01T00:00:00Z(`',
    'optional.none().value()': 'optional.none() dereference',
  }
  for (const [expression, message] of Object.entries(messages)) {
    const program = environment.compile(expression)
    assert.throws(
      () => program.evaluate({ any: { list: [], time: '2020-13-01T00:00:00Z' }, empty: [] }),
      { name: 'EvaluationError', message },
      expression,
    )
  }
})

test('what does not compile is said in upstream’s words, with the place', () => {
  const messages: Readonly<Record<string, string>> = {
    'missing > 1': "ERROR: <input>:1:1: undeclared reference to 'missing' (in container '')\n | missing > 1\n | ^",
    "1 + 'a'": "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^",
    "[1, 'a']": "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^",
    '1 +':
      "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^",
    "'a'.matches('(')": "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('(')\n | ............^",
    "any > duration('1x')": "ERROR: <input>:1:16: invalid duration argument\n | any > duration('1x')\n | ...............^",
    'any.`b`': "ERROR: <input>:1:5: unsupported syntax: '`'\n | any.`b`\n | ....^",
  }
  for (const [expression, message] of Object.entries(messages)) {
    assert.throws(() => environment.compile(expression), { name: 'CompileError', message }, expression)
  }
})

test('a library is there from its version of Kubernetes on', () => {
  const since: Readonly<Record<string, number>> = {
    "'%d'.format([1])": 29,
    "isIP('::1')": 30,
    'format.uuid()': 31,
    '[1].all(i, v, true)': 32,
    "semver('1.0.0')": 33,
    '[1].distinct()': 34,
  }
  for (const [expression, minor] of Object.entries(since)) {
    kubernetesEnvironment(minor).compile(expression)
    assert.throws(() => kubernetesEnvironment(minor - 1).compile(expression), CompileError, expression)
  }
  // What upstream has not enabled is no part of the language here.
  for (const expression of ['math.greatest(1, 2)', "base64.encode(b'a')", "'a'.reverse()", 'cel.bind(x, 1, x)']) {
    assert.throws(() => environment.compile(expression), CompileError, expression)
  }
})

const withAuthorizer = environment.extend({
  variables: { authorizer: { type: authorizerType }, 'authorizer.requestResource': { type: resourceCheckType } },
})

test('checks ask the authorizer what they were built up to', () => {
  const asked: CheckAttributes[] = []
  const authorizer = new Authorizer((attributes) => {
    asked.push(attributes)
    return attributes.verb === 'fail' ? { allowed: false, reason: '', error: 'broken' } : { allowed: true, reason: 'because' }
  })
  const requestResource = authorizer.requestResource({
    group: 'apps',
    resource: 'deployments',
    subresource: '',
    namespace: 'ns',
    name: 'web',
  })
  const evaluate = (expression: string) =>
    withAuthorizer.compile(expression).evaluate({ authorizer, 'authorizer.requestResource': requestResource }).value
  assert.equal(evaluate("authorizer.path('/healthz').check('get').allowed()"), true)
  assert.equal(
    evaluate("authorizer.group('').resource('pods').namespace('default').name('a').subresource('exec').check('create').reason()"),
    'because',
  )
  assert.equal(
    evaluate(
      "authorizer.serviceAccount('default', 'sa').group('').resource('pods').labelSelector('app=x').check('list').allowed()",
    ),
    true,
  )
  assert.equal(evaluate("authorizer.requestResource.check('fail').errored()"), true)
  assert.equal(evaluate("authorizer.requestResource.check('fail').error()"), 'broken')
  assert.deepEqual(asked, [
    { verb: 'get', path: '/healthz' },
    { verb: 'create', resource: { group: '', resource: 'pods', subresource: 'exec', namespace: 'default', name: 'a' } },
    {
      verb: 'list',
      serviceAccount: { namespace: 'default', name: 'sa' },
      resource: { group: '', resource: 'pods', subresource: '', namespace: '', name: '', labelSelector: 'app=x' },
    },
    // Asked once: the second expression has the answer of the first.
    { verb: 'fail', resource: { group: 'apps', resource: 'deployments', subresource: '', namespace: 'ns', name: 'web' } },
  ])
  assert.throws(() => evaluate("authorizer.path(' ').check('get').allowed()"), { message: 'path must not be empty' })
  assert.throws(() => evaluate("authorizer.serviceAccount('a.b', 'sa').path('/').check('get').allowed()"), {
    message: 'Invalid service account namespace',
  })
})

test('an authorizer that answers late makes the evaluation wait and asks once', async () => {
  let asked = 0
  const authorizer = new Authorizer(async () => {
    asked++
    return { allowed: true, reason: '' }
  })
  const program = withAuthorizer.compile(
    "false || authorizer.path('/a').check('get').allowed() && authorizer.path('/a').check('get').allowed()",
  )
  const { value, cost } = await program.evaluateAsync({ authorizer })
  assert.deepEqual([value, cost, asked], [true, 700_006, 1])
})

test('an authorizer that fails ends the evaluation with its error', async () => {
  const authorizer = new Authorizer(() => Promise.reject(new Error('unreachable')))
  const program = withAuthorizer.compile("authorizer.path('/a').check('get').allowed()")
  await assert.rejects(program.evaluateAsync({ authorizer }), { message: 'unreachable' })
})

test('a third check costs more than one expression may', () => {
  const authorizer = new Authorizer(() => ({ allowed: true, reason: '' }))
  const check = "authorizer.path('/a').check('get').allowed()"
  const program = withAuthorizer.compile([check, check, check].join(' && '))
  assert.throws(() => program.evaluate({ authorizer }), {
    name: 'EvaluationCancelled',
    message: 'operation cancelled: actual cost limit exceeded',
  })
})
