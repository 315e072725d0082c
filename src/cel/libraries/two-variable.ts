import { twoVariableMacros } from '../syntax/extension-macros.ts'
import { declare } from '../types/declarations.ts'
import { map, parameter } from '../types/type.ts'
import type { CelMap } from '../values/map.ts'
import { type EntryMap, MapBuilder } from '../values/map.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'

const K = parameter('K')
const V = parameter('V')

/** The accumulator of a fold takes the entry itself; any other map is copied. */
const builderOf = (target: Value): MapBuilder => (target instanceof MapBuilder ? target : copyOf(target as CelMap))

function copyOf(target: CelMap): MapBuilder {
  const builder = new MapBuilder()
  for (const key of target.keys()) builder.insert(key, target.get(key)!)
  return builder
}

function insertAll(target: Value, entries: Value): Value {
  const builder = builderOf(target)
  const added = entries as EntryMap
  for (const key of added.keys()) builder.insert(key, added.get(key)!)
  return builder
}

/** https://github.com/google/cel-go/blob/master/ext/README.md#twovarcomprehensions */
export const twoVariableLibrary: Library = {
  name: 'cel.lib.ext.comprev2',
  macros: twoVariableMacros,
  functions: [
    declare('cel.@mapInsert', {
      functions: [
        ['@mapInsert_map_key_value', [map(K, V), K, V], map(K, V), (target, key, value) => builderOf(target).insert(key, value)],
        ['@mapInsert_map_map', [map(K, V), map(K, V)], map(K, V), insertAll],
      ],
    }),
  ],
}
