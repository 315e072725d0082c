/** Texts that are hard to read or to print. */

const NUMBERS = `
0 -0 +0 00 01 010 08 09 0o14 0O17 0o8 0x1F 0X1f -0x10 +0x10 0x 0b101 0B1 -0b11 +0b11 0b-1 0b+1 0b2 1_000 _1 1_ 1__0 0x_f 0_7 -_1
9007199254740991 9007199254740993 -9007199254740993 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 +18446744073709551615 18446744073709551616 0xffffffffffffffff 123456789012345678901234567890 01777777777777777777777
0b1111111111111111111111111111111111111111111111111111111111111111 -0x8000000000000000
1.0 1. .5 -.5 +.5 1.5e3 1e3 1E+3 1e-3 1e400 -1e400 1e-400 .5e3 ._5 .5_0 .5__0 1.e5 e5 1e 1.2.3 9007199254740993.0 1e15 1e16 1e20 1e21 -0.0
.inf -.inf +.inf .Inf .INF .iNf .nan .NaN .NAN -.nan inf nan NaN Infinity . .. ... - -- --- + 12e03 0.0.0.0`
const NAMES = `
~ ~~ null Null NULL nULL y Y yes Yes YES yEs n N no No NO true True TRUE tRUE false False FALSE on On ON off Off OFF oN = << !
2001-01-01 2001-1-1 2001-13-01 2001-02-29 2000-02-29 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 190:20:30 1:30 1:60`
const words = (text: string): readonly string[] => text.trim().split(/\s+/)

// biome-ignore format: a list
export const SCALARS: readonly string[] = [
  ...words(NUMBERS), ...words(NAMES), '', '2001-12-14 21:59:43',
  '"a"', "'a'", '"1"', "'1'", '"\\x41\\u00e9\\U0001F600"', '"\\q"', '"\\ud800"', "'it''s'", '"a\\tb\\\\\\/"', '"', "'", '"\\x4"', '"\\N\\_\\L\\P\\0\\a\\e"',
  '[]', '{}', '[1, 2,]', '[,]', '{a}', '{a: }', '{a: 1, b}', '{? a: b}', '[a: b, c]', '[? a]', '[: a]', '{: a}', '[[1], {a: [b]}]', '{a: b', '[a', ']', '}',
  '{"a":1,"a":2}', '{"a":"b"}', '[a,b]', '{a:1}', '{"a"=1}',
  '&a b', '*a', '&a', '& b', '*', '&a [1]', '!!str', '!foo', '! 1', '!<tag:yaml.org,2002:int> 1', '!<x', '!e!x 1', '!!str%41 b', '!%c3%a9 x', '!%zz x',
  '@a', '`a', '%a', 'a: b', 'a b', 'a #b', 'a#b', '#a', 'a:b', 'a :b', '-a', '?a', ':a', ',a', 'é', '😀', 'a,b', 'a]',
  '\u00a0a', 'a\u0085b', 'a\u2028b', '\ufeffa', '\u0001', '\u007f', 'a\tb', '\ta', 'a\t',
]

// biome-ignore format: a list
export const TAGS = [
  'str', 'int', 'binary', 'float', 'set', 'bool', 'null', 'timestamp', 'map', 'seq', 'omap', 'merge', 'x'
].map((tag) => `!!${tag}`,)

// biome-ignore format: a list
export const HEADERS = [
  '|', '>', '|-', '>-', '|+', '>+', '|2', '>1-', '|+1', '|0', '|x', '| # c', '|-2 #', '>#', '|22'
]

// biome-ignore format: a list
export const BODIES = [
  '', 'a', '  a', '  a\n', '  a\n\n', '  a\n  b', '  a\n\n  b\n', '  a\n   b\n  c', '    a\n  b', '\n  a', '   \n  a', '\ta', '  \ta', '  a\n\tb',
  '  a\n  # c', '  a\n# c', '  a\r\n  b\r\n', ' a\n b', '  a\n\n   b\n\n  c\n\n',
]

// biome-ignore format: a list
export const DOCUMENTS = [
  'a: 1\na: 2\nb:\n  c: 1\n  c:\n    d\n', '1: a\n1: b\ntrue: a\nyes: b\n1.5: c\n1.50: d\n', '<<: {a: 1}\na: 2', 'a: 2\n<<: {a: 1}',
  'x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz:\n  b: 3\n  <<: [*x, {b: 4, c: 5}]', 'x: &x [1]\n<<: *x', '"<<": {a: 1}', '!!merge "<<": {a: 1}',
  'a: &a 1\nb: &a 2\nc: *a\n*a : d', '%YAML 1.1\n---\na: 1', '%YAML 1.2\n---\na: 1', '%YAML 1.1\n%YAML 1.1\n---\n',
  '%TAG !e! tag:yaml.org,2002:\n---\na: !e!int "1"', '%TAG ! tag:yaml.org,2002:\n---\na: !int "1"', '%FOO\n---\n', '%YAML 1.1\na: 1', '--- a\n--- b',
  '---\n---\na: 1', '...\na: 1', 'a: 1\n...\nb: [', 'a: 1\n---\nb: [', '[1] x', '[1]\n]', 'a: 1\n]', 'a\nb: 1', 'a: b: c', 'a: 1\n b: 2',
  'a:\n  b: 1\n c: 2', 'a:\n- b\n- c\nd: 1', 'a:\n  - b\n - c', '- a\nb: 1', 'a: "b\n---\nc"', 'a: "b\n\n  c\\\n  d"', "a: 'b\n\n  c'",
  'a: b\n  c\n\n  d\ne: f', 'a: [b\n  c, d\n]', 'a: {b: c\n}\n', '? a\n? b\n: c', '? |\n  a\n: - b', 'a: - b', '- - a\n  - b\n-\n  c\n-', '\ta: 1',
  'a:\n\tb: 1', 'a: \t1\n-\t- b', '\ufeffa: 1', 'a: 1\r\nb: 2\rc: 3\u0085d: 4\u2028e: 5', `${'k'.repeat(1024)}: 1`, `${'k'.repeat(1025)}: 1`,
  `{${'k'.repeat(1025)}: 1}`, `a: ${'b'.repeat(600)}\u0001`,
  'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n',
]

// biome-ignore format: a list
export const PIECES = [
  'a', 'b', '1', 'yes', ': ', ':', '- ', '-', '? ', ', ', ',', '[', ']', '{', '}', '\n', '\n', '\n  ', '\n    ', ' ', '\t', '"', "'", '#', ' #', '|',
  '>', '|-', '&a ', '*a', '!!str ', '!x ', '<<: ', '---', '...', '\\', '%', '@', '\r\n', '~', '0x1', '.5', '\u0085', 'é',
]

// biome-ignore format: a list
export const WORDS = [
  'a', 'b', 'Z', '0', '1', '10', '007', '.5', '-', '--', '---', '...', ':', ': ', ' ', '  ', '\n', '\n\n', '\n ', ' \n', '\t', '#', ' #', "'", '"',
  '\\', '?', '? ', ',', '[', '{', '&', '*', '!', '|', '>', '%', '@', '`', '~', 'yes', 'n', 'null', 'True', '1e3', '0x1f', '1_0', '1:30', '2001-01-01',
  '.inf', '<<', '=', 'é', '😀', '\u00a0', '\u2028', '\u2029', '\ufeff', '\0', '\u0007', '\u001b', '\r', 'ǅ', '٣', 'k'.repeat(127),
]
