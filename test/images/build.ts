import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildImageArchive } from '#cluster'

const architecture = process.arch === 'x64' ? 'amd64' : process.arch

/** Builds the images of the tests from Debian's busybox-static and a few lines of C; resolves with their archives. */
export async function buildTestImages(directory: string): Promise<string[]> {
  const busybox = readFileSync('/bin/busybox')
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((name) => name !== 'busybox')
  const shell = [
    { path: 'bin', mode: 0o755, directory: true },
    { path: 'tmp', mode: 0o1777, directory: true },
    { path: 'etc', mode: 0o755, directory: true },
    { path: 'etc/passwd', mode: 0o644, content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
    { path: 'bin/busybox', mode: 0o755, content: busybox },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: 0o777, symlink: '/bin/busybox' })),
  ]
  const env = ['PATH=/bin']
  const archives = [
    await save(directory, 'busybox.tar', {
      reference: 't8s.local/busybox:1',
      architecture,
      files: shell,
      config: { Cmd: ['sh'], Env: env },
    }),
  ]
  for (const version of ['1', '2']) {
    const binary = compile(directory, version)
    const files = [...shell, { path: 'web', mode: 0o755, content: readFileSync(binary) }]
    const reference = `t8s.local/web:${version}`
    archives.push(
      await save(directory, `web-${version}.tar`, { reference, architecture, files, config: { Entrypoint: ['/web'], Env: env } }),
    )
  }
  return archives
}

async function save(directory: string, name: string, image: Parameters<typeof buildImageArchive>[0]): Promise<string> {
  const path = join(directory, name)
  writeFileSync(path, await buildImageArchive(image))
  return path
}

function compile(directory: string, version: string): string {
  const binary = join(directory, `web-${version}`)
  execFileSync('gcc', ['-O1', '-static', `-DVERSION="v${version}"`, '-o', binary, join(import.meta.dirname, 'web.c')])
  return binary
}
