import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The API level that is served, and our own version behind it. */
const API_LEVEL = '1.36.0'

let own: string | undefined

export function gitVersion(): string {
  own ??= (JSON.parse(readFileSync(ownPackage(), 'utf8')) as { version: string }).version
  return `v${API_LEVEL}+t8s.${own}`
}

/** The nearest one above: this file is at another depth once it is bundled. */
function ownPackage(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) return file
    if (folder === dirname(folder))
      throw new Error(`there is no package.json above ${import.meta.dirname}; typernetes is not installed whole`)
  }
}

/** `GET /version`. */
export const versionInfo = () => ({
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: gitVersion(),
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${process.version}`,
  compiler: 'v8',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
})
