import {
  binaryTag,
  boolYaml11Tag,
  constructFromEvents,
  DUMP_SCHEMA,
  dump,
  EVENT_ID,
  type Event,
  FAILSAFE_SCHEMA,
  floatCoreTag,
  getScalarValue,
  intCoreTag,
  loadAll,
  mergeTag,
  nullYaml11Tag,
  parseEvents,
} from 'js-yaml'
import { exactInteger } from '#base'

/** Scalars as Go's YAML decoder reads them: `yes` is true, a date is a string. Loaded only where YAML is spoken. */
const SCHEMA = FAILSAFE_SCHEMA.withTags(nullYaml11Tag, boolYaml11Tag, exactIntTag(), floatCoreTag, mergeTag, binaryTag)
const PRINTED = DUMP_SCHEMA.withTags(exactIntTag())

/** Integers that keep all their digits, as in JSON. */
function exactIntTag(): typeof intCoreTag {
  return {
    ...intCoreTag,
    resolve(source, ...rest) {
      const value = intCoreTag.resolve(source, ...rest)
      return typeof value === 'number' && !Number.isSafeInteger(value)
        ? ((exactInteger(source.replace('+', '')) as number | undefined) ?? value)
        : value
    },
    identify: (value) => typeof value === 'bigint' || (intCoreTag.identify?.(value) ?? false),
    represent: (value, ...rest) => (typeof value === 'bigint' ? String(value) : intCoreTag.represent!(value, ...rest)),
  }
}

export interface ParsedYaml {
  readonly value: unknown
  /** A line for each key that its map has already, in the words of Go's decoder: `line 7: key "paused" already set in map`. */
  duplicates(): string[]
}

export const parseYaml = (text: string): unknown => parseYamlWithDuplicates(text).value

/** One document. Of a key that stands twice the last value counts, as in JSON. */
export function parseYamlWithDuplicates(text: string): ParsedYaml {
  const events = parseEvents(text, {})
  const documents = constructFromEvents(events, { source: text, schema: SCHEMA, json: true })
  if (documents.length === 0) throw new Error('expected a document, but the input is empty')
  if (documents.length > 1) throw new Error('expected a single document in the stream, but found more')
  return { value: documents[0], duplicates: () => [...duplicateKeys(events, text)] }
}

/** Every document of a stream, empty ones left out. */
export const parseYamlDocuments = (text: string): unknown[] =>
  loadAll(text, { schema: SCHEMA }).filter((document) => document !== null && document !== undefined)

export const printYaml = (value: unknown, { sortKeys = false }: { readonly sortKeys?: boolean } = {}): string =>
  dump(value, { schema: PRINTED, lineWidth: -1, noRefs: true, sortKeys })

interface OpenNode {
  /** Undefined in a list. */
  readonly keys: Set<string> | undefined
  /** In a map, whether the next node is a key. */
  expectsKey: boolean
}

function* duplicateKeys(events: readonly Event[], source: string): Iterable<string> {
  const open: OpenNode[] = []
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      open.pop()
      continue
    }
    const parent = open.at(-1)
    const isKey = parent?.expectsKey ?? false
    if (parent?.keys !== undefined) parent.expectsKey = !isKey
    if (isKey && event.type === EVENT_ID.SCALAR) {
      const key = getScalarValue(source, event)
      if (parent!.keys!.has(key)) yield `line ${lineOf(source, event.valueStart)}: key ${JSON.stringify(key)} already set in map`
      // Maps may be merged into one map any number of times.
      else if (key !== '<<') parent!.keys!.add(key)
    }
    if (event.type === EVENT_ID.MAPPING) open.push({ keys: new Set(), expectsKey: true })
    else if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.DOCUMENT)
      open.push({ keys: undefined, expectsKey: false })
  }
}

const lineOf = (source: string, position: number): number => source.slice(0, position).split('\n').length
