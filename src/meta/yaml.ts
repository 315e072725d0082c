import {
  binaryTag,
  boolYaml11Tag,
  dump,
  FAILSAFE_SCHEMA,
  floatCoreTag,
  intCoreTag,
  load,
  loadAll,
  mergeTag,
  nullYaml11Tag,
} from 'js-yaml'

/** Scalars as Go's YAML decoder reads them: `yes` is true, a date is a string. Loaded only where YAML is spoken. */
const SCHEMA = FAILSAFE_SCHEMA.withTags(nullYaml11Tag, boolYaml11Tag, intCoreTag, floatCoreTag, mergeTag, binaryTag)

export const parseYaml = (text: string): unknown => load(text, { schema: SCHEMA })

/** Every document of a stream, empty ones left out. */
export const parseYamlDocuments = (text: string): unknown[] =>
  loadAll(text, { schema: SCHEMA }).filter((document) => document !== null && document !== undefined)

export const printYaml = (value: unknown): string => dump(value, { lineWidth: -1, noRefs: true })
