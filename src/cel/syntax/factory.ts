import type { Value } from '../values/value.ts'
import type { Comprehension, Expression, MapEntry, StructField } from './ast.ts'

/** Makes nodes and numbers them. */
export class ExpressionFactory {
  private count = 1

  get size(): number {
    return this.count
  }

  nextId(): number {
    return this.count++
  }

  literal(offset: number, value: Value): Expression {
    return { kind: 'literal', id: this.nextId(), offset, value }
  }

  identifier(offset: number, name: string): Expression {
    return { kind: 'identifier', id: this.nextId(), offset, name }
  }

  select(offset: number, operand: Expression, field: string, testOnly = false): Expression {
    return { kind: 'select', id: this.nextId(), offset, operand, field, testOnly }
  }

  call(offset: number, name: string, args: readonly Expression[], target?: Expression): Expression {
    return { kind: 'call', id: this.nextId(), offset, target, name, args }
  }

  list(offset: number, elements: readonly Expression[], optionalIndices: readonly number[] = []): Expression {
    return { kind: 'list', id: this.nextId(), offset, elements, optionalIndices }
  }

  map(offset: number, entries: readonly MapEntry[]): Expression {
    return { kind: 'map', id: this.nextId(), offset, entries }
  }

  struct(offset: number, typeName: string, fields: readonly StructField[]): Expression {
    return { kind: 'struct', id: this.nextId(), offset, typeName, fields }
  }

  comprehension(offset: number, parts: Omit<Comprehension, 'kind' | 'id' | 'offset'>): Expression {
    return { kind: 'comprehension', id: this.nextId(), offset, ...parts }
  }

  /** The same factory with every node at one place: what a macro expands to lies where the macro was called. */
  at(offset: number): MacroFactory {
    return {
      literal: (value) => this.literal(offset, value),
      identifier: (name) => this.identifier(offset, name),
      select: (operand, field, testOnly) => this.select(offset, operand, field, testOnly),
      call: (name, args, target) => this.call(offset, name, args, target),
      list: (elements) => this.list(offset, elements),
      map: () => this.map(offset, []),
      comprehension: (parts) => this.comprehension(offset, parts),
    }
  }
}

export interface MacroFactory {
  literal(value: Value): Expression
  identifier(name: string): Expression
  select(operand: Expression, field: string, testOnly: boolean): Expression
  call(name: string, args: readonly Expression[], target?: Expression): Expression
  list(elements: readonly Expression[]): Expression
  /** An empty map. */
  map(): Expression
  comprehension(parts: Omit<Comprehension, 'kind' | 'id' | 'offset'>): Expression
}
