/**
 * CEL's grammar as upstream's generated parser has it (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax), down to where it looks ahead:
 * what is wrong with a text is told by which rule was being read, and what could have come there.
 */

/** A piece of a rule. What has a label is found by it in the tree; a label that ends in `+` collects. */
export type Piece =
  | { readonly kind: 'token'; readonly names: readonly string[]; readonly label: string | undefined }
  | { readonly kind: 'rule'; readonly rule: RuleName; readonly precedence: number; readonly label: string | undefined }
  | { readonly kind: 'optional'; readonly pieces: readonly Piece[] }
  /** Any number, at least one where it is `some`. `predicted`: whether one token does not tell if there is one more. */
  | { readonly kind: 'many' | 'some'; readonly predicted: boolean; readonly pieces: readonly Piece[] }
  | { readonly kind: 'choice'; readonly predicted: boolean; readonly alternatives: readonly Alternative[] }

export interface Alternative {
  readonly name: string
  readonly pieces: readonly Piece[]
  /** Of one that goes on with what was read: how tightly it binds. */
  readonly level?: number
}

export interface Rule {
  /** What the tree calls what the rule's own pieces read. */
  readonly name: string
  readonly pieces: readonly Piece[]
  /** Of a rule that begins with itself: how it goes on. */
  readonly goesOn: readonly Alternative[]
}

export type RuleName = keyof typeof RULES

const token = (names: string, label?: string): Piece => ({ kind: 'token', names: names.split(' '), label })
const rule = (name: string, label?: string, precedence = 0): Piece => ({
  kind: 'rule',
  rule: name as RuleName,
  precedence,
  label,
})
const optional = (...pieces: Piece[]): Piece => ({ kind: 'optional', pieces })
const many = (...pieces: Piece[]): Piece => ({ kind: 'many', predicted: false, pieces })
const manyPredicted = (...pieces: Piece[]): Piece => ({ kind: 'many', predicted: true, pieces })
const some = (predicted: boolean, ...pieces: Piece[]): Piece => ({ kind: 'some', predicted, pieces })
const choice = (predicted: boolean, alternatives: Readonly<Record<string, readonly Piece[]>>): Piece => ({
  kind: 'choice',
  predicted,
  alternatives: Object.entries(alternatives).map(([name, pieces]) => ({ name, pieces })),
})
const plain = (name: string, ...pieces: Piece[]): Rule => ({ name, pieces, goesOn: [] })
const step = (level: number, name: string, ...pieces: Piece[]): Alternative => ({ level, name, pieces })

export const RULES = {
  start: plain('start', rule('expr', 'e'), token('EOF')),
  expr: plain(
    'expr',
    rule('conditionalOr', 'e'),
    optional(token('?', 'op'), rule('conditionalOr', 'e1'), token(':'), rule('expr', 'e2')),
  ),
  conditionalOr: plain('conditionalOr', rule('conditionalAnd', 'e'), many(token('||', 'ops+'), rule('conditionalAnd', 'e1+'))),
  conditionalAnd: plain('conditionalAnd', rule('relation', 'e'), many(token('&&', 'ops+'), rule('relation', 'e1+'))),
  relation: {
    name: 'relation',
    pieces: [rule('calc')],
    goesOn: [step(1, 'relation', token('== != in < <= >= >', 'op'), rule('relation', undefined, 2))],
  },
  calc: {
    name: 'calc',
    pieces: [rule('unary')],
    goesOn: [
      step(2, 'calc', token('* / %', 'op'), rule('calc', undefined, 3)),
      step(1, 'calc', token('- +', 'op'), rule('calc', undefined, 2)),
    ],
  },
  unary: plain(
    'unary',
    choice(true, {
      MemberExpr: [rule('member')],
      LogicalNot: [some(false, token('!', 'ops+')), rule('member')],
      Negate: [some(true, token('-', 'ops+')), rule('member')],
    }),
  ),
  member: {
    name: 'PrimaryExpr',
    pieces: [rule('primary')],
    goesOn: [
      step(3, 'Select', token('.', 'op'), optional(token('?', 'opt')), rule('escapeIdent', 'id')),
      step(2, 'MemberCall', token('.', 'op'), token('IDENTIFIER', 'id'), token('(', 'open'), optional(rule('exprList', 'args')), token(')')),
      step(1, 'Index', token('[', 'op'), optional(token('?', 'opt')), rule('expr', 'index'), token(']')),
    ], // biome-ignore format: a table
  },
  primary: plain(
    'primary',
    choice(true, {
      Ident: [optional(token('.', 'leadingDot')), token('IDENTIFIER', 'id')],
      GlobalCall: [optional(token('.', 'leadingDot')), token('IDENTIFIER', 'id'), token('(', 'op'), optional(rule('exprList', 'args')), token(')')],
      Nested: [token('('), rule('expr', 'e'), token(')')],
      CreateList: [token('[', 'op'), optional(rule('listInit', 'elems')), optional(token(',')), token(']')],
      CreateStruct: [token('{', 'op'), optional(rule('mapInitializerList', 'entries')), optional(token(',')), token('}')],
      CreateMessage: [
        optional(token('.', 'leadingDot')), token('IDENTIFIER', 'ids+'), many(token('.', 'ops+'), token('IDENTIFIER', 'ids+')),
        token('{', 'op'), optional(rule('fieldInitializerList', 'entries')), optional(token(',')), token('}'),
      ],
      ConstantLiteral: [rule('literal')],
    }), // biome-ignore format: a table
  ),
  exprList: plain('exprList', rule('expr', 'e+'), many(token(','), rule('expr', 'e+'))),
  listInit: plain('listInit', rule('optExpr', 'elems+'), manyPredicted(token(','), rule('optExpr', 'elems+'))),
  fieldInitializerList: plain(
    'fieldInitializerList',
    rule('optField', 'fields+'), token(':', 'cols+'), rule('expr', 'values+'),
    manyPredicted(token(','), rule('optField', 'fields+'), token(':', 'cols+'), rule('expr', 'values+')),
  ), // biome-ignore format: a table
  optField: plain('optField', optional(token('?', 'opt')), rule('escapeIdent')),
  mapInitializerList: plain(
    'mapInitializerList',
    rule('optExpr', 'keys+'), token(':', 'cols+'), rule('expr', 'values+'),
    manyPredicted(token(','), rule('optExpr', 'keys+'), token(':', 'cols+'), rule('expr', 'values+')),
  ), // biome-ignore format: a table
  escapeIdent: plain(
    'escapeIdent',
    choice(false, { SimpleIdentifier: [token('IDENTIFIER', 'id')], EscapedIdentifier: [token('ESC_IDENTIFIER', 'id')] }),
  ),
  optExpr: plain('optExpr', optional(token('?', 'opt')), rule('expr', 'e')),
  literal: plain(
    'literal',
    choice(true, {
      Int: [optional(token('-', 'sign')), token('NUM_INT', 'tok')],
      Uint: [token('NUM_UINT', 'tok')],
      Double: [optional(token('-', 'sign')), token('NUM_FLOAT', 'tok')],
      String: [token('STRING', 'tok')],
      Bytes: [token('BYTES', 'tok')],
      BoolTrue: [token('true', 'tok')],
      BoolFalse: [token('false', 'tok')],
      Null: [token('null', 'tok')],
    }),
  ),
}
