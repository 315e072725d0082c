/** What random expressions are about: every type that a schema can have, with bounds and without. */
export const SCHEMA = {
  type: 'object',
  required: ['count'],
  properties: {
    text: { type: 'string', maxLength: 20 },
    long: { type: 'string' },
    choice: { type: 'string', enum: ['a', 'bcd'] },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    flag: { type: 'boolean' },
    when: { type: 'string', format: 'date-time' },
    span: { type: 'string', format: 'duration' },
    day: { type: 'string', format: 'date' },
    raw: { type: 'string', format: 'byte', maxLength: 12 },
    port: { 'x-kubernetes-int-or-string': true },
    maybe: { type: 'integer', nullable: true },
    texts: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10 } },
    counts: { type: 'array', items: { type: 'integer' } },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', maxItems: 10, items: { type: 'string', maxLength: 4 } },
    keyed: {
      type: 'array',
      maxItems: 8,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string', maxLength: 6 }, value: { type: 'integer' } },
      },
    },
    labels: { type: 'object', maxProperties: 4, additionalProperties: { type: 'string', maxLength: 8 } },
    nested: {
      type: 'object',
      properties: { inner: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } } } } },
    },
  },
}

export const OBJECT = {
  text: 'hello',
  long: 'a long text, with ünïcödé 😀',
  choice: 'a',
  count: 7,
  ratio: 2.5,
  flag: true,
  when: '2026-01-02T03:04:05Z',
  span: '1h30m',
  day: '2026-01-02',
  raw: 'aGVsbG8=',
  port: 'http',
  maybe: null,
  texts: ['b', 'a', 'cc'],
  counts: [3, 1, 2],
  set: ['x', 'y'],
  keyed: [{ name: 'one', value: 1 }, { name: 'two' }],
  labels: { app: 'web' },
  nested: { inner: [{ n: 1 }, {}] },
}

type Kind = 'bool' | 'int' | 'double' | 'string' | 'strings' | 'ints' | 'labels' | 'time' | 'span' | 'bytes' | 'any'

/** Expressions of a grammar, mostly well typed, from a seed. */
export class Generator {
  private state: number
  private depth = 0
  private names = 0
  private readonly scope: { name: string; kind: Kind }[] = []

  constructor(seed: number) {
    this.state = seed * 2_654_435_761 + 1
  }

  private next(below: number): number {
    this.state = (Math.imul(this.state ^ (this.state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((this.state ^ (this.state >>> 13)) >>> 0) % below
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.next(items.length)]!
  }

  /** An expression of a kind; now and then of another one. */
  of(kind: Kind): string {
    if (this.next(40) === 0) return this.of(this.pick(KINDS))
    const local = this.scope.filter((each) => each.kind === kind)
    if (local.length > 0 && this.next(3) === 0) return this.pick(local).name
    if (this.depth > 4) return this.pick(LEAVES[kind])
    this.depth++
    const text = this.next(4) === 0 ? this.pick(LEAVES[kind]) : this.pick(FORMS[kind])(this)
    this.depth--
    return text
  }

  /** `body` with a variable of a kind. */
  bound(kind: Kind, body: (name: string) => string): string {
    const name = `v${this.names++}`
    this.scope.push({ name, kind })
    const text = body(name)
    this.scope.pop()
    return text
  }

  any(): string {
    return this.of(this.pick(KINDS))
  }

  chance<T>(one: T, other: T): T {
    return this.next(2) === 0 ? one : other
  }
}

const KINDS: readonly Kind[] = ['bool', 'int', 'double', 'string', 'strings', 'ints', 'labels', 'time', 'span', 'bytes', 'any']

const LEAVES: Readonly<Record<Kind, readonly string[]>> = {
  bool: ['true', 'false', 'self.flag', 'has(self.text)', 'has(self.nested.inner)', 'has(self.labels.app)'],
  int: ['0', '1', '-1', '42', '9223372036854775807', 'self.count', 'self.maybe', 'self.keyed[0].value', 'self.nested.inner[0].n'],
  double: ['0.0', '1.5', '-2.25', 'self.ratio', '1e300'],
  string: [
    "''",
    "'a'",
    "'héllo'",
    "'a-b-c'",
    'self.text',
    'self.long',
    'self.choice',
    'self.keyed[1].name',
    "self.labels['app']",
    'self.labels.tier',
  ],
  strings: ['[]', "['a', 'b']", 'self.texts', 'self.set'],
  ints: ['[]', '[1, 2, 3]', 'self.counts'],
  labels: ['{}', "{'a': 'b'}", 'self.labels'],
  time: ["timestamp('2020-01-01T00:00:00Z')", 'self.when', 'self.day'],
  span: ["duration('1s')", "duration('-90m')", 'self.span'],
  bytes: ["b'abc'", 'self.raw'],
  any: [
    'null',
    'dyn(1)',
    "dyn('a')",
    'self.port',
    'self.maybe',
    'self.keyed',
    'dyn(self.texts)',
    'optional.none()',
    'self.?text',
  ],
}

type Form = (g: Generator) => string
const compared = ['==', '!=', '<', '<=', '>', '>=']
const binary =
  (kind: Kind, operators: readonly string[]): Form =>
  (g) =>
    `(${g.of(kind)} ${operators[Number(g.chance(0, 1)) % operators.length]} ${g.of(kind)})`
const either =
  (kind: Kind): Form =>
  (g) =>
    `(${g.of('bool')} ? ${g.of(kind)} : ${g.of(kind)})`

const FORMS: Readonly<Record<Kind, readonly Form[]>> = {
  bool: [
    binary('bool', ['&&', '||']),
    (g) => `!${g.of('bool')}`,
    either('bool'),
    ...compared.flatMap((op) =>
      (['int', 'string', 'double', 'time', 'span', 'bytes'] as const).map((kind) => binary(kind, [op])),
    ),
    binary('strings', ['==', '!=']),
    binary('labels', ['==']),
    binary('any', ['==', '!=']),
    (g) => `(${g.of('string')} in ${g.of('strings')})`,
    (g) => `(${g.of('int')} in ${g.of('ints')})`,
    (g) => `(${g.of('string')} in ${g.of('labels')})`,
    (g) => `${g.of('string')}.${g.chance('startsWith', 'endsWith')}(${g.of('string')})`,
    (g) => `${g.of('string')}.${g.chance('contains', 'matches')}(${g.of('string')})`,
    (g) => `${g.of('strings')}.${g.chance('all', 'exists')}(v, ${g.of('bool')})`,
    (g) => `${g.of('strings')}.${g.chance('all', 'exists_one')}(${g.bound('string', (name) => `${name}, ${g.of('bool')}`)})`,
    (g) => `${g.of('ints')}.${g.chance('exists', 'existsOne')}(${g.bound('int', (name) => `${name}, ${g.of('bool')}`)})`,
    (g) => `${g.of('labels')}.all(${g.bound('string', (k) => g.bound('string', (v) => `${k}, ${v}, ${g.of('bool')}`))})`,
    (g) => `${g.of('strings')}.isSorted()`,
    (g) => `sets.${g.chance('contains', 'intersects')}(${g.of('strings')}, ${g.of('strings')})`,
    (g) => `isQuantity(${g.of('string')})`,
    (g) => `${g.of('any')} == ${g.any()}`,
    (g) => `self.?text.${g.chance('hasValue()', `orValue(${g.of('string')}) == 'a'`)}`,
  ],
  int: [
    ...['+', '-', '*', '/', '%'].map((op) => binary('int', [op])),
    either('int'),
    (g) => `size(${g.of(g.chance('string', 'strings') as Kind)})`,
    (g) => `${g.of(g.chance('labels', 'ints') as Kind)}.size()`,
    (g) => `int(${g.of(g.chance('double', 'string') as Kind)})`,
    (g) => `${g.of('ints')}[${g.of('int')}]`,
    (g) => `${g.of('ints')}.${g.chance('sum', 'max')}()`,
    (g) => `${g.of('string')}.indexOf(${g.of('string')})`,
    (g) => `${g.of('strings')}.lastIndexOf(${g.of('string')})`,
    (g) => `${g.of('time')}.${g.chance('getFullYear', 'getHours')}()`,
    (g) => `${g.of('span')}.getMinutes()`,
    (g) => `self.?maybe.orValue(${g.of('int')})`,
    (g) => `-${g.of('int')}`,
  ],
  double: [binary('double', ['+', '*']), binary('double', ['-', '/']), either('double'), (g) => `double(${g.of('int')})`],
  string: [
    binary('string', ['+']),
    either('string'),
    (g) => `string(${g.of(g.chance('int', 'span') as Kind)})`,
    (g) => `${g.of('strings')}[${g.of('int')}]`,
    (g) => `${g.of('labels')}[${g.of('string')}]`,
    (g) => `${g.of('strings')}.join(${g.of('string')})`,
    (g) => `${g.of('string')}.${g.chance('lowerAscii()', 'trim()')}`,
    (g) => `${g.of('string')}.replace(${g.of('string')}, ${g.of('string')})`,
    (g) => `${g.of('string')}.substring(${g.of('int')})`,
    (g) => `${g.of('string')}.find(${g.of('string')})`,
    (g) => `'%s is %d'.format([${g.any()}, ${g.of('int')}])`,
  ],
  strings: [
    binary('strings', ['+']),
    either('strings'),
    (g) => `[${g.of('string')}, ${g.of('string')}]`,
    (g) => `${g.of('string')}.split(${g.of('string')})`,
    (g) => `${g.of('strings')}.map(${g.bound('string', (name) => `${name}, ${g.of('string')}`)})`,
    (g) => `${g.of('strings')}.filter(${g.bound('string', (name) => `${name}, ${g.of('bool')}`)})`,
    () => 'self.keyed.map(e, e.name)',
    (g) => `${g.of('labels')}.map(${g.bound('string', (name) => `${name}, ${g.of('string')}`)})`,
    (g) => `${g.of('strings')}.${g.chance('sort', 'distinct')}()`,
    (g) =>
      `${g.of('strings')}.transformList(${g.bound('int', (i) => g.bound('string', (v) => `${i}, ${v}, ${g.of('string')}`))})`,
  ],
  ints: [
    binary('ints', ['+']),
    (g) => `[${g.of('int')}, ${g.of('int')}]`,
    (g) => `${g.of('ints')}.map(${g.bound('int', (name) => `${name}, ${g.of('bool')}, ${g.of('int')}`)})`,
    (g) => `${g.of('ints')}.slice(${g.of('int')}, ${g.of('int')})`,
    (g) => `lists.range(${g.chance('3', '0')})`,
    (g) => `${g.of('ints')}.sortBy(${g.bound('int', (name) => `${name}, ${g.of('int')}`)})`,
  ],
  labels: [
    either('labels'),
    (g) => `{${g.of('string')}: ${g.of('string')}}`,
    (g) =>
      `${g.of('labels')}.transformMap(${g.bound('string', (k) => g.bound('string', (v) => `${k}, ${v}, ${g.of('string')}`))})`,
  ],
  time: [(g) => `(${g.of('time')} + ${g.of('span')})`, either('time'), (g) => `timestamp(${g.of('int')})`],
  span: [binary('span', ['+', '-']), (g) => `(${g.of('time')} - ${g.of('time')})`, (g) => `duration(${g.of('string')})`],
  bytes: [binary('bytes', ['+']), (g) => `bytes(${g.of('string')})`],
  any: [
    (g) => `dyn(${g.any()})`,
    (g) => `[${g.any()}, ${g.any()}]`,
    (g) => `{${g.of('string')}: ${g.any()}}`,
    (g) => `optional.of(${g.any()})`,
    (g) => `self.?labels[?${g.of('string')}]`,
    (g) => `quantity(${g.of('string')})`,
    (g) => `type(${g.any()})`,
    (g) => `${g.any()}.${g.chance('missing', 'text')}`,
  ],
}
