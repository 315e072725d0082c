import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { callControl } from '../control-socket.ts'
import { readConfig } from './config.ts'
import { agentSocket, pathsOf } from './paths.ts'
import { nodeNames } from './server.ts'

/** Loads image archives into every node of this machine; resolves with the references they held. */
export async function loadImages(dataDirectory: string, files: readonly string[]): Promise<string[]> {
  const paths = pathsOf(dataDirectory)
  const config = readConfig(paths.config)
  if (config === undefined) throw new Error("there is no cluster here; start one with 't8s up'")
  if (config.runtime === 'simulated') return []
  const references: string[] = []
  for (const file of files.map((each) => resolve(each))) {
    if (!existsSync(file)) throw new Error(`there is no file ${file}`)
    for (const name of nodeNames(config)) {
      const loaded = await callControl(agentSocket(paths, name), 'load', { file })
      if (loaded === undefined) throw new Error(`node ${name} is not running; start the cluster with 't8s up'`)
      references.push(...(loaded as string[]))
    }
  }
  return [...new Set(references)]
}
