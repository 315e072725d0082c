import type { ResourceDefinition } from '#api'
import type { Random } from '#base'
import { apiVersionOf, deref, type KubernetesObject, type Schema } from '#meta'

/** Structures deeper than this are empty. */
const DEPTH_MAX = 9
/** What has no limit of its own ends here. */
const ITEMS_MAX = 2

const TEXTS = [
  ...[
    'a',
    'web',
    'a-b.c',
    'example.com/a',
    'kubernetes.io/a',
    'v1',
    'Pod',
    'default',
    'requests.cpu',
    'cpu',
    'memory',
    'storage',
  ],
  ...[
    '',
    'A',
    '_',
    '-a',
    'a/b/c',
    '..',
    '../a',
    '/a/../b',
    '*',
    'a b',
    ' ',
    'é',
    '\n',
    '\0',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    '10.0.0.1',
    '010.0.0.1',
    '::1',
    '::ffff:1.2.3.4',
    '10.0.0.0/8',
    '300.0.0.1',
    '-1',
    '0',
    '1',
    '80',
    '1e9',
    '100%',
    '101%',
    '-5%',
    'x%',
  ],
  ...[
    'x'.repeat(64),
    'x'.repeat(254),
    'a.'.repeat(150),
    '[',
    '(',
    '\\',
    '$(A)',
    '%zz',
    '{{',
    'iqn.2015-02.a:b',
    '* * * * *',
    'TZ=UTC * * * * *',
  ],
]
const QUANTITIES = ['1', '0', '-1', '1Gi', '1.5', '100m', '1n', '9223372036854775807', '1E', '-1Ki', '3e3']
const TIMES = ['2026-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '2026-01-01T00:00:00.123456Z', '9999-12-31T23:59:59Z']
const INTEGERS = [0, 1, -1, 2, 3, 80, 100, 255, 256, 600, 65_535, 65_536, 2_147_483_647, -2_147_483_648]

/** An object of the kind in which every value has its type, and hardly any makes sense: half of it absent, the rest out of range. */
export function randomObject(resource: ResourceDefinition, random: Random): KubernetesObject {
  const object = sampleOf(resource.schema(), random, 0) as KubernetesObject
  return {
    ...object,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { ...object.metadata, name: 'x', ...(resource.scope === 'Namespaced' && { namespace: 'default' }) },
  } as KubernetesObject
}

function sampleOf(node: Schema, random: Random, depth: number): unknown {
  const schema = deref(node)
  const one = <T>(options: readonly T[]): T => options[Math.floor(random.float() * options.length)]!
  const count = (): number => Math.floor(random.float() * (ITEMS_MAX + 1))
  if (schema.name?.endsWith('.Quantity')) return one(QUANTITIES)
  if (schema.intOrString) return one([...INTEGERS, ...TEXTS])
  if (schema.enum !== undefined && random.float() < 0.8) return one(schema.enum)
  if (schema.properties !== undefined) {
    const chance = 0.75 - depth * 0.05
    const fields = Object.entries(schema.properties).filter(() => depth < DEPTH_MAX && random.float() < chance)
    return Object.fromEntries(fields.map(([key, property]) => [key, sampleOf(property, random, depth + 1)]))
  }
  if (schema.additionalProperties !== undefined) {
    const { additionalProperties } = schema
    return Object.fromEntries(
      Array.from({ length: count() }, () => [one(TEXTS), sampleOf(additionalProperties, random, depth + 1)]),
    )
  }
  switch (schema.type) {
    case 'array':
      return Array.from({ length: count() }, () => sampleOf(schema.items ?? {}, random, depth + 1))
    case 'boolean':
      return random.float() < 0.5
    case 'integer':
    case 'number':
      return one(INTEGERS)
    case 'string':
      if (schema.format === 'date-time') return one(TIMES)
      return schema.format === 'byte' ? Buffer.from(one(TEXTS)).toString('base64') : one(TEXTS)
    default:
      return {}
  }
}
