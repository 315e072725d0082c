import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { callControl } from '../control-socket.ts'
import { readConfig } from './config.ts'
import { nodesOf } from './node-file.ts'
import { agentSocket, pathsOf } from './paths.ts'

/** Loads image archives into every node of this machine; resolves with the references they held. */
export async function loadImages(dataDirectory: string, files: readonly string[]): Promise<string[]> {
  const paths = pathsOf(dataDirectory)
  const names = nodesOf(paths)
  const config = readConfig(paths.config)
  if (config === undefined && names.length === 0) throw new Error("there is no cluster here; start one with 't8s up'")
  const references: string[] = []
  for (const file of files.map((each) => resolve(each))) {
    if (!existsSync(file)) throw new Error(`there is no file ${file}`)
    for (const name of names) {
      const loaded = await callControl(agentSocket(paths, name), 'load', { file })
      if (loaded === undefined) throw new Error(`node ${name} is not running; start it with 't8s up' or 't8s agent'`)
      references.push(...(loaded as string[]))
    }
  }
  return [...new Set(references)]
}
