import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildImageArchive, type LayerFile } from '#cluster'

const architecture = process.arch === 'x64' ? 'amd64' : process.arch

/** Builds an image of the running Node.js and the libraries it needs; resolves with its archive. */
export async function buildNodeImage(directory: string): Promise<string> {
  const program = realpathSync(process.execPath)
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  const directories = ['bin', 'tmp', ...new Set(libraries.map((path) => dirname(path).slice(1)))]
  const files: LayerFile[] = [
    ...directories.map((path) => ({ path, mode: 0o755, directory: true })),
    { path: 'bin/node', mode: 0o755, content: readFileSync(program) },
    ...libraries.map((path) => ({ path: path.slice(1), mode: 0o755, content: readFileSync(path) })),
  ]
  const archive = join(directory, 'node.tar')
  const config = { Cmd: ['node'], Env: ['PATH=/bin'] }
  writeFileSync(archive, await buildImageArchive({ reference: 't8s.local/node:1', architecture, files, config }))
  return archive
}
