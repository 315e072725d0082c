import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readData } from './definitions.ts'
import { generateCri } from './generate-cri.ts'
import { generateDescriptions } from './generate-descriptions.ts'
import { generateOlderProtobuf, generateProtobuf } from './generate-protobuf.ts'
import { generateSchemas } from './generate-schemas.ts'
import { generateTypes } from './generate-types.ts'

/** Everything under a `generated` folder, made from published sources; each step is one line here. */
const STEPS: Readonly<Record<string, () => string>> = {
  'src/api/generated/types.ts': generateTypes,
  'src/api/generated/schemas.json': generateSchemas,
  'src/api/generated/descriptions.json': generateDescriptions,
  'src/api/generated/query-parameters.json': () => JSON.stringify(readData('query-parameters.json')),
  'src/api/generated/protobuf.json': generateProtobuf,
  'src/api/generated/older-protobuf.json': generateOlderProtobuf,
  'src/kubelet/runtimes/cri/generated/messages.ts': generateCri,
}

for (const [file, make] of Object.entries(STEPS)) {
  const path = join(import.meta.dirname, '..', file)
  const text = make()
  mkdirSync(dirname(path), { recursive: true })
  // An unchanged file keeps its time, for whoever compares times.
  if (current(path) !== text) writeFileSync(path, text)
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
