import assert from 'node:assert/strict'
import test from 'node:test'
import { InstantiationError } from '../evaluate/constants.ts'
import { EvaluationError } from '../evaluate/program.ts'
import { CompileError } from '../syntax/source.ts'
import * as types from '../types/type.ts'
import { toJson } from '../values/to-json.ts'
import { kubernetesEnvironment } from './environment.ts'

/**
 * What upstream answers (k8s.io/apiserver 0.36.4 with cel-go): the result as JSON and what a run cost; or what is wrong with the expression, with the program, or
 * in the run.
 */
const ANSWERS: Readonly<Record<string, readonly (readonly [expression: string, answer: string, cost?: number])[]>> = {
  'what is constant is computed when the program is made': [
    ['[1, 2]', '[1,2]', 0],
    ['[1, 2].size()', '2', 1],
    ['{1: 2}[1]', '2', 2],
    ['{1: x}[1]', '3', 33],
    ['[[1], [2]]', '[[1],[2]]', 0],
    ['1 in [1, 2]', 'true', 0],
    ['x in []', 'false', 0],
    ['x in [1, 3]', 'true', 1],
    ['x in [1.0, 3.0]', 'true', 1],
    ['x in [3u]', 'true', 1],
    ['l in [1, 2]', 'false', 1],
    ["x in [b'a']", 'false', 2],
    ['type(1) == int', 'true', 1],
    ["[int('3')]", '[3]', 0],
    ['[1, 2].map(y, y + 1)', '[2,3]', 29],
    ['[1, 2].transformMap(k, v, v).size()', '2', 10],
    ['[1, 2].all(y, y in [1, 2])', 'true', 9],
    ["{'a': 1}.a", '1', 2],
    ['{1: 1, 1: 2}[1]', '2', 2],
    ["false && int('x') == 1", "program: type conversion error from 'string' to 'int'"],
    ['uint(-1)', 'program: unsigned integer overflow'],
    ['int(18446744073709551615u)', 'program: integer overflow'],
    ["s.find('[')", 'program: error parsing regexp: missing closing ]: `[`'],
    ["matches(s, '(')", 'program: error parsing regexp: missing closing ): `(`'],
    ["dyn(b'a') in [1, 2]", 'error internal error: runtime error: hash of unhashable type types.Bytes', 0],
  ],
  'what the checker can not tell apart costs one': [
    ['1 in l', 'true', 2],
    ['1 in dyn([1, 2, 3])', 'true', 1],
    ['m.b + s', '"xstr"', 4],
    ['m.b < s', 'false', 4],
    ['m.b == s', 'false', 4],
    ["string(m.b) + 'x'", '"xx"', 4],
    ["dyn(ip('10.0.0.1')) == ip('10.0.0.1')", 'true', 4],
    ["ip('::1') != ip('::2')", 'true', 4],
    ["dyn(1) == dyn('')", 'false', 0],
    ["strings.quote('')", '"\\"\\""', 0],
  ],
  'a part that fails has its price, and so has the whole': [
    ['timestamp(m.b) > timestamp(0)', "error type conversion error from 'string' to 'google.protobuf.Timestamp'", 4],
    ['[m.z, m.y]', 'error no such key: z', 12],
    ['m[m.z]', 'error no such key: z', 3],
    ['string(m.z)', 'error no such key: z', 3],
    ['m.b.indexOf(m.z)', 'error no such key: z', 4],
    ['m.z.startsWith(s)', 'error no such key: z', 4],
    ['m.z == m.a', 'error no such key: z', 5],
    ["m.z.replace('a', 'b')", 'error no such key: z', 2],
    ["'a'.replace(m.z, 'a')", 'error no such key: z', 2],
    ["'a'.replace('a', m.z)", 'error no such key: z', 3],
    ['-m.z', 'error no such key: z', 3],
    ['{m.z: 1}', 'error no such key: z', 32],
    ['[1].all(y, m.z == y || true)', 'true', 8],
    ['size(dyn(1))', 'error no such overload: size', 1],
    ['quantity(dyn(1))', 'error no such overload: quantity(int)', 1],
    ['[1].slice(2, 3)', 'error cannot slice(2, 3), list is length 1', 12],
  ],
  'what is absent is not read': [
    ['m.?a.orValue(1)', '1', 2],
    ["m[?'z'].orValue(1)", '1', 1],
    ['m.?z.y.z', 'null', 1],
    ['m.?a.?b', 'null', 2],
    ['x.?a', 'null', 1],
    ['has(m.a.b)', 'false', 2],
    ['l[?9]', 'null', 1],
    ['m.?d[?9]', 'null', 2],
    ['m.?q.or(m.?a)', '1', 3],
    ['m.?a.orValue(int(s))', '1', 2],
    ['x.y', 'error no such key: y', 2],
    ['m.d.x', "error unsupported index type 'string' in list", 3],
    ['m.d[1.0]', '2.5', 3],
    ['m.d[1.5]', 'error unsupported index value 1.5 in list', 3],
    ['optional.ofNonZeroValue(timestamp("0001-01-01T00:00:00Z"))', 'null', 1],
  ],
  'literals are of one type, except in formats': [
    ['[1, dyn(2)]', "issue 1:8: expected type 'int' but found 'dyn'"],
    ['{x: 1, 3u: 2}', "issue 1:8: expected type 'dyn' but found 'uint'"],
    ['[1, optional.none()]', "issue 1:18: expected type 'int' but found 'optional_type(dyn)'"],
    ["{'a': 1, 'b': 'c', 'd': 2.0}", "issue 1:15: expected type 'int' but found 'string'"],
    ['dyn([[1], [2, [3]]])', "issue 1:11: expected type 'list(int)' but found 'list(dyn)'"],
    ["'%s%s'.format([1, 'a'])", '"1a"', 1],
    ["'%s'.format([[1, 'a', {'a': 1u}]])", '"[1, \\"a\\", {\\"a\\":1}]"', 1],
  ],
  'formats are held against their arguments': [
    ["'%d'.format(['a'])", 'issue 1:14: error during formatting: decimal clause can only be used on integers, was given string'],
    ["'%d %d'.format([1])", 'issue 1:15: index 1 out of range'],
    ["'%d'.format([1, 2])", 'issue 1:12: too many arguments supplied to string.format (expected 1, got 2)'],
    ["'%q'.format([1])", 'issue 1:12: could not parse formatting clause: unrecognized formatting clause "q"'],
    [
      "'%b'.format([1.0])",
      'issue 1:14: error during formatting: only integers and bools can be formatted as binary, was given double',
    ],
    [
      "'%s'.format([[optional.of(1)]])",
      'issue 1:26: error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given optional_type',
    ],
    ["'%'.format([x])", 'issue 1:11: unexpected end of string'],
    [
      "'%.'.format([1])",
      'issue 1:12: could not parse formatting clause: error while parsing precision: could not find end of precision specifier',
    ],
    [
      "'%.d'.format([1])",
      'issue 1:13: could not parse formatting clause: error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax',
    ],
    ["'%é'.format([1])", 'issue 1:12: could not parse formatting clause: unrecognized formatting clause "Ã"'],
    ["(s + '%').format([])", 'error index 0 out of range', 3],
    ["(s + '%q').format([x])", 'error could not parse formatting clause: unrecognized formatting clause "q"', 14],
    ["'%d'.format([s])", 'error error during formatting: decimal clause can only be used on integers, was given string', 12],
    [
      "'%f'.format([12345])",
      'issue 1:14: error during formatting: fixed-point clause can only be used on doubles, was given int',
    ],
  ],
  'a fold goes on after a failure, which nothing may absorb': [
    ["['a', 'b'].map(v, [][42])", 'error index out of bounds: 42', 29],
    ["['a', 'b'].exists_one(v, [][42])", 'error index out of bounds: 42', 6],
    ["['a', 'b'].filter(v, [][42])", 'error index out of bounds: 42', 5],
    ["['a', 'b'].transformMap(k, v, v == 'b', [][1])", 'error index out of bounds: 1', 10],
    ["['a'].exists(v, [][42])", 'error index out of bounds: 42', 7],
    ['l.existsOne(v, v == 1)', "issue 1:12: undeclared reference to 'existsOne' (in container '')"],
    ['l.existsOne(i, v, v == 1)', 'true', 15],
  ],
  'what can be no key is refused': [
    ['m[null]', 'program: invalid qualifier type: types.Null'],
    ["m[b'a']", 'program: invalid qualifier type: types.Bytes'],
    ['m[m]', 'error invalid qualifier type: map[string]interface {}', 2],
    ['m[l]', 'error invalid qualifier type: []interface {}', 2],
    ['m[duration(s)]', "error type conversion error from 'string' to 'google.protobuf.Duration'", 4],
    ["m[dyn(timestamp('2020-01-01T00:00:00Z'))]", 'program: invalid qualifier type: types.Timestamp'],
    ["m[quantity('1')]", 'error invalid qualifier type: cel.Quantity', 3],
    ['m[optional.of(1)]', 'error invalid qualifier type: *types.Optional', 3],
    ['x[1.5]', 'error no such key: 1.5', 2],
    ['m[1]', 'error no such key: 1', 2],
  ],
  'what a library adds equals its own kind only, and an amount is an integer as it is written': [
    ["quantity('1') == dyn(1)", 'error no such overload', 2],
    ["quantity('1') != dyn(1)", 'true', 2],
    ["quantity('1') == null", 'false', 2],
    ["dyn(1) == quantity('1')", 'false', 2],
    ["ip('1.2.3.4') == dyn(1)", 'error no such overload', 2],
    ["quantity('2.0').isInteger()", 'false', 2],
    ["quantity('1000m').isInteger()", 'false', 2],
    ["quantity('1.5k').isInteger()", 'true', 2],
    ["quantity('1.5Gi').isInteger()", 'false', 2],
    ["quantity('1.5Gi').add(1).isInteger()", 'false', 3],
    ["quantity('4Ti').isInteger()", 'true', 2],
    ["quantity('1500Ti').isInteger()", 'false', 2],
    ["quantity('1Ei').isInteger()", 'false', 2],
    ["quantity('1E').isInteger()", 'true', 2],
    ["quantity('9223372036854775807').isInteger()", 'false', 3],
    ["quantity('123456789012345678').isInteger()", 'true', 3],
    ["quantity('0.5').add(quantity('0.5')).isInteger()", 'false', 4],
    ["quantity('2k').sub(quantity('1')).asInteger()", '1999', 4],
    ['dyn([1])[18446744073709551615u]', 'error unsupported index value 18446744073709551615 in list', 2],
    ['m[int]', 'program: invalid qualifier type: *types.Type'],
  ],
  'literals are tried': [
    ['duration(1)', 'issue 1:10: invalid duration argument'],
    ['duration(dyn(1))', "program: type conversion error from 'int' to 'google.protobuf.Duration'"],
    ['timestamp(9223372036854775807)', 'issue 1:11: invalid timestamp argument'],
    ["timestamp('2020-02-30T00:00:00Z')", 'issue 1:11: invalid timestamp argument'],
    ["int('1.5')", "program: type conversion error from 'string' to 'int'"],
    ["double('1_0')", '10', 0],
    ["double('0x1p-2')", '0.25', 0],
    ["double('1e400')", "program: type conversion error from 'string' to 'double'"],
    ["bool('t')", 'true', 0],
    ["bool('yes')", "program: type conversion error from 'string' to 'bool'"],
    ['duration(s)', "error type conversion error from 'string' to 'google.protobuf.Duration'", 2],
    ['timestamp(m.b)', "error type conversion error from 'string' to 'google.protobuf.Timestamp'", 3],
  ],
  'the operands that are wrong are named': [
    ['x || 1', "issue 1:6: expected type 'bool' but found 'int'"],
    ["dyn(1) && 'a' && [1]", "issue 1:11: expected type 'bool' but found 'string'"],
    ['x || []', "issue 1:6: expected type 'bool' but found 'list(_var0)'"],
    ['1[missing]', "issue 1:2: found no matching overload for '_[_]' applied to '(int, !error!)'"],
    ['missing + 1', "issue 1:1: undeclared reference to 'missing' (in container '')"],
    ["1 + 'a' + missing", "issue 1:3: found no matching overload for '_+_' applied to '(int, string)'"],
    ["'a'.b.c", "issue 1:4: type 'string' does not support field selection"],
    ['m + 1', 'error no such overload: _+_', 2],
    ['dyn(true) + 1', 'error no such overload: _+_', 1],
    ["dyn('a') - dyn('b')", 'error no such overload', 1],
    ['dyn(null) < 1', 'error no such overload: _<_', 1],
    ['null > null', 'error no such overload: _>_', 1],
    ['!dyn(1)', 'error no such overload', 1],
    ['-dyn(1u)', 'error no such overload: -_', 1],
    ['-dyn(duration("1s"))', '"-1s"', 1],
    ['1 < 0.0 / 0.0', 'error NaN values cannot be ordered', 2],
    ['dyn(0.0 / 0.0) < true', 'error NaN values cannot be ordered', 3],
    ['true ? null : duration("1s")', 'null', 0],
  ],
  'lists, times and zones': [
    ['dyn([1, 2]).flatten()', '[1,2]', 13],
    ['dyn(1).flatten()', 'error no such overload: int.flatten()', 12],
    ['dyn([1.5]).sum()', '1.5', 1],
    ['dyn([1, 2]).join()', 'error no such overload: join(list)', 1],
    ["dyn('a').sort()", 'error no such overload', 1],
    ['dyn(1).sort()', 'error no such overload: sort', 1],
    ['lists.range(-1)', '[]', 11],
    ["duration('-1h30m0.5s').getMilliseconds()", '-5400500', 1],
    ["timestamp('0001-01-01T00:00:00Z').getDayOfYear()", '0', 1],
    ["timestamp('2020-01-01T00:00:00Z').getHours('Local')", '0', 1],
    ["timestamp('2020-01-01T00:00:00Z').getHours('asia/kolkata')", 'error unknown time zone asia/kolkata', 1],
    ['[1].flatten(2)', '[1]', 13],
    ['[1].flatten(-1)', 'error level must be non-negative', 10],
  ],
}

const environment = kubernetesEnvironment().extend({
  variables: Object.fromEntries(['x', 's', 'm', 'l'].map((name) => [name, { type: types.dyn }])),
})
const DATA = { x: 3, s: 'str', m: { a: 1, b: 'x', c: null, d: [1, 2.5, 'q'] }, l: [1, 'a', 2.5, null, { a: 1 }] }

function answerTo(expression: string): readonly [answer: string, cost?: number] {
  try {
    const { value, cost } = environment.compile(expression).evaluate(DATA)
    return [JSON.stringify(toJson(value)), cost]
  } catch (error) {
    if (error instanceof CompileError) return [error.message.split('\n')[0]!.replace('ERROR: <input>:', 'issue ')]
    if (error instanceof InstantiationError) return [`program: ${error.message}`]
    if (error instanceof EvaluationError) return [`error ${error.message}`, error.cost]
    throw error
  }
}

for (const [title, answers] of Object.entries(ANSWERS)) {
  test(`${title}, as upstream`, () => {
    for (const [expression, ...answer] of answers)
      assert.deepEqual([expression, ...answerTo(expression)], [expression, ...answer])
  })
}
